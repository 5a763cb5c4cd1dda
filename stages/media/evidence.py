"""What was met while a video was read, and what it says about frames that should have come but did not.

FFmpeg returns fewer frames than a file declares, without an error, for many kinds of damage. So what came out is held
against what the file says, in four ways, and the largest gap counts:

- against the container's frame count, where it has one (mp4, mov, avi);
- against the packets that were read, each of which holds one frame in most containers;
- against the container's duration, where no count exists (Matroska, WebM, flv): a file whose packets, of all streams,
  end long before it should end was cut;
- against the usual distance of frames in time, but only near places where container or decoder met damage: sound videos
  have pauses too.

Frames that are left out on purpose do not count as missing: hidden reference frames (VP8), packets outside an edit
list, repeated frames (empty packets in avi), the second field of interlaced video.
"""

from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np

from stages.media.containers import error_text

_DAMAGE_MARGIN = 16
"""A gap in time counts as damage up to this many frames from where damage was met: decoders put frames in order."""


@dataclass
class Tally:
    """What was met while a video was read; times are in seconds of the container's clock.

    Attributes:
        declared: frames that the container's header counts; 0 if it does not.
        shown_packets: packets that hold a frame which is to be seen.
        left_out_packets: packets without such a frame: hidden, outside an edit list, or empty.
        decoded: frames that came out.
        interlaced: those of them that are interlaced.
        errors: raised by decoder or container.
        first_error: its text.
        damaged_pts: time stamps of packets that the container marks as damaged or cut.
        damage_pts: time stamps near which container or decoder met damage of any kind.
        frame_pts: time stamps of the frames that came out.
        last_pts: time stamp of the last packet of the stream.
        read_to: position in the file up to which packets of any stream have covered it.
        damaged_packets: their number.
        damaged_frames: frames that the decoder itself marks as damaged.
        starts: earliest time stamp of any stream.
        ends: latest time stamp of any stream, duration included.
        declared_duration: of the container's header; 0 if it states none.
        time_base: seconds a unit of the frames' time stamps.
        rate: average frames a second.
    """

    declared: int = 0
    shown_packets: int = 0
    left_out_packets: int = 0
    decoded: int = 0
    interlaced: int = 0
    errors: int = 0
    first_error: str = ""
    damaged_pts: set[int] = field(default_factory=set)
    damage_pts: set[int] = field(default_factory=set)
    frame_pts: list[int] = field(default_factory=list)
    last_pts: int = 0
    read_to: int = 0
    damaged_packets: int = 0
    damaged_frames: int = 0
    starts: float = float("inf")
    ends: float = 0.0
    declared_duration: float = 0.0
    time_base: Fraction | None = None
    rate: Fraction | None = None

    def note(self, error: Exception) -> None:
        """Count an error of the decoder or the container."""
        self.errors += 1
        self.damage_pts.add(self.last_pts)
        self.first_error = self.first_error or error_text(error)

    @property
    def is_damaged(self) -> bool:
        """Whether anything went wrong that could look different with another number of threads."""
        return self.shows_damage or self.missing() > 0

    @property
    def shows_damage(self) -> bool:
        """Whether container or decoder told of damage in what was read so far."""
        return bool(self.errors or self.damaged_packets or self.damaged_frames)

    def missing(self) -> int:
        """Return how many frames should have come but did not: the largest of the four kinds of evidence."""
        per_frame = 2 if self.interlaced and self.shown_packets >= 1.8 * self.decoded else 1
        expected = max(self.shown_packets, self.declared - self.left_out_packets) // per_frame
        in_time = self._missing_at_the_end() + self._missing_near_damage()
        return max(0, expected - self.decoded, in_time)

    def _missing_at_the_end(self) -> int:
        """Estimate the frames lost to a cut, from the declared duration and the rate of what was decoded."""
        if self.declared or not self.decoded or not self.declared_duration or self.ends <= self.starts:
            return 0
        span = max(self.ends, self.ends - self.starts)
        gap = self.declared_duration - span
        per_second = self.decoded / (self.ends - self.starts)
        return round(gap * per_second) if gap > max(0.25, 3 / per_second) else 0

    def _missing_near_damage(self) -> int:
        """Count the frames that would fill the gaps in time around places where damage was met."""
        times = np.unique(np.array(self.frame_pts, dtype=np.int64))
        if len(times) < 3 or not self.damage_pts:
            return 0
        distances = np.diff(times)
        usual = float(np.median(distances))
        damage = np.unique(np.array(sorted(self.damage_pts), dtype=np.int64))
        margin = _DAMAGE_MARGIN * usual
        first = np.searchsorted(damage, times[:-1] - margin, side="left")
        behind = np.searchsorted(damage, times[1:] + margin, side="right")
        gaps = distances[(behind > first) & (distances > 1.5 * usual)]
        return int((np.round(gaps / usual) - 1).sum())
