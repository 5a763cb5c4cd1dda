"""Evidence met while a video was read, and what it says about frames that should have come but did not.

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

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from curation.video.opening import error_text
from curation.video.references import NO_STAMP, ReferenceLog
from curation.video.structure.findings import BEFORE_ALL, Structure, is_before_join
from curation.video.structure.mpeg_video import PictureNumbers

_DAMAGE_MARGIN = 16
"""A gap in time counts as damage up to this many frames from where damage was met: decoders put frames in order."""


_MOST_MISSING = 10**9
"""More come of numbers that make no sense."""


@dataclass
class Tally:
    """Counts of what was met while a video was read; times are in seconds of the container's clock.

    Attributes:
        declared: frames that the container's header counts; 0 if it does not.
        shown_packets: packets that hold a frame which is to be seen.
        left_out_packets: packets without such a frame: hidden, outside an edit list, or empty.
        discarded: those of them that an edit list leaves out.
        discarded_late: those of these whose time comes after that of a shown one; with B frames the order of the file
            may differ.
        first_shown: earliest time stamp of a packet that is shown.
        decoded: frames that came out.
        interlaced: those of them that are interlaced.
        errors: raised by decoder or container.
        first_error: its text.
        damaged_pts: time stamps of packets that the container marks as damaged or cut.
        damage_pts: time stamps near which container or decoder met damage of any kind.
        frame_pts: time stamps of the frames that came out (n,), int64; `NO_STAMP` for those without.
        last_pts: time stamp of the last packet of the stream.
        read_to: position in the file up to which packets of any stream have covered it.
        damaged_packets: their number.
        damaged_frames: frames that the decoder itself marks as damaged.
        starts: earliest time stamp of any stream.
        ends: latest time stamp of any stream, duration included.
        shown_until: when the last frame of the video is over, by the durations of its packets.
        declared_duration: of the container's header; 0 if it states none.
        pictures: numbers of the pictures of MPEG-1 and MPEG-2.
        time_base: seconds a unit of the frames' time stamps.
        rate: average frames a second.
        structure: what the container's structure says, read by itself; None before the end, or where nothing reads it.
        references: what is needed to find the frames that were decoded from lost ones; None if nobody asks.
        spoilt: numbers of the packets whose frames were decoded from lost or damaged ones, as far as known from before.
        joins: see `Structure.joins`, as known from before.
        shifts: see `RunningClock.shifts`; of the video.
    """

    declared: int = 0
    shown_packets: int = 0
    left_out_packets: int = 0
    discarded: int = 0
    discarded_late: int = 0
    first_shown: int = (1 << 63) - 1
    decoded: int = 0
    interlaced: int = 0
    errors: int = 0
    first_error: str = ""
    damaged_pts: set[int] = field(default_factory=set)
    damage_pts: set[int] = field(default_factory=set)
    frame_pts: "array[int]" = field(default_factory=lambda: array("q"))
    last_pts: int = 0
    read_to: int = 0
    damaged_packets: int = 0
    damaged_frames: int = 0
    starts: float = float("inf")
    ends: float = 0.0
    shown_until: float = 0.0
    declared_duration: float = 0.0
    pictures: PictureNumbers = field(default_factory=PictureNumbers)
    time_base: Fraction | None = None
    rate: Fraction | None = None
    structure: Structure | None = None
    references: ReferenceLog | None = None
    spoilt: frozenset[int] = frozenset()
    joins: Sequence[tuple[int, int]] = ()
    shifts: Sequence[tuple[int, int]] = ()

    def note(self, error: Exception) -> None:
        """Count an error of the decoder or the container."""
        self.errors += 1
        self.damage_pts.add(self.last_pts)
        self.first_error = self.first_error or error_text(error)
        if self.references:
            self.references.note_damage()

    def excuses(self, place: int | None) -> bool:
        """Return whether a packet is known from before as one that is marked as damaged only for what follows it."""
        return is_before_join(place or 0, self.joins)

    @property
    def shift(self) -> int:
        """What is added to the time stamps of the video's packets now, since its clock began anew."""
        return self.shifts[-1][1] if self.shifts else 0

    @property
    def is_damaged(self) -> bool:
        """Whether anything went wrong that could look different with another number of threads."""
        return self.shows_damage or self.missing() > 0

    @property
    def shows_damage(self) -> bool:
        """Whether container or decoder told of damage in what was read so far."""
        return bool(self.errors or self.damaged_packets or self.damaged_frames)

    def distance(self) -> Fraction:
        """Return how far apart the frames usually are, in seconds; 1/25, as FFmpeg assumes, where nothing tells."""
        stamps = np.array(self.frame_pts, np.int64)
        steps = np.diff(np.sort(stamps[stamps != NO_STAMP]).astype(np.float64))
        usual = Fraction(float(np.median(steps))) if len(steps) else Fraction(0)
        if usual > 0 and self.time_base:
            return usual * self.time_base
        return 1 / self.rate if self.rate else Fraction(1, 25)

    def missing(self) -> int:
        """Return how many frames should have come but did not: the largest of the kinds of evidence."""
        per_frame = 2 if self.interlaced and self.shown_packets >= 1.8 * self.decoded else 1
        structure = self.structure or Structure(unit=self.time_base or Fraction(1, 1000))
        wanted = self.discarded if structure.shows_all else self.discarded_late if structure.shows_end else 0
        left_out = max(self.left_out_packets, structure.repeats) - wanted
        declared = self.declared - left_out if structure.shown is None else structure.shown
        shown = max(self.shown_packets + wanted, declared)
        named = len(structure.times)
        has_repeats = named > len(np.unique(np.array(structure.times)))
        expected = max(shown // per_frame, structure.count, self.pictures.frames, named // per_frame * has_repeats)
        is_damaged = bool(structure.fault or self.shows_damage or expected > self.decoded)
        if is_damaged:
            expected = max(expected, (len(structure.times) + structure.untimed) // per_frame)
        in_time = _missing_in_time(self, structure, is_damaged)
        return min(_MOST_MISSING, max(0, expected - self.decoded, self.pictures.missing, in_time))


def _missing_in_time(tally: Tally, structure: Structure, is_damaged: bool) -> int:
    """Count the time stamps that no frame has, and the frames that would fill gaps next to damage and at both ends."""
    order, came = _stamped_frames(tally, structure)
    if not len(came):
        return 0
    announced = np.unique(np.array(structure.times, dtype=np.int64))
    unmatched = len(np.setdiff1d(announced, came))
    unannounced = len(np.setdiff1d(came, announced))
    if structure.is_sparse:
        known = came
    else:
        if tally.interlaced and len(announced) >= 1.8 * len(came):
            unmatched, announced = 0, announced[:0]  # each field has a time stamp
        elif not is_damaged or 2 * unannounced > len(came):
            unmatched, announced = max(0, unmatched - unannounced), announced[:0]  # the decoder makes its own stamps
        known = np.union1d(announced, came)
        order = np.arange(len(known))
    usual = _usual_distance(order, known)
    if not usual and tally.rate:
        usual = float(1 / tally.rate / structure.unit)
    if not usual:
        return unmatched + (structure.is_whole is False or structure.is_end_damaged)

    damage = {in_units(stamp, tally, structure) for stamp in tally.damage_pts} | structure.damage
    if structure.is_whole is False:
        damage.add(int(known.max()))
    if tally.pictures.shows_damage:  # MPEG-1 and MPEG-2 have no pauses
        damage.update(known.tolist())
    lost = _missing_near(order, known, usual, damage)
    if structure.is_start_damaged:
        lost += _missing_at_the_start(float(known[0]), usual, tally, structure)
    last = float(known[-1]) + usual * (tally.decoded - 1 - int(order[-1]) if structure.is_sparse else 0)
    if structure.is_sparse and is_damaged and len(announced):
        later = max(0, round((float(announced[-1]) - last) / usual))
        lost, last = lost + later, last + later * usual
        lost, unmatched = max(lost, unmatched), 0
    latest_damage = max(damage, default=-np.inf)
    is_end_damaged = structure.is_end_damaged or latest_damage > last - _DAMAGE_MARGIN * usual
    is_end_damaged |= structure.is_sparse and tally.pictures.shows_damage
    at_the_end = _missing_at_the_end(last, usual, tally, structure, is_end_damaged)
    if structure.is_end_damaged and structure.is_whole is not True and not (structure.end or tally.declared_duration):
        at_the_end = max(at_the_end, 1)  # how many there were is not known
    lost += at_the_end
    if structure.is_sparse:
        return lost
    return unmatched + max(lost, structure.untimed - unannounced)


def _stamped_frames(tally: Tally, structure: Structure) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the frames that have a time stamp: their numbers (n,), and the stamps in units of the structure (n,)."""
    stamps = np.array(tally.frame_pts, dtype=np.int64)
    order = np.flatnonzero(stamps != NO_STAMP)
    units = [in_units(int(stamp), tally, structure) for stamp in stamps[order]]
    return order, np.array(units, dtype=np.int64)


def in_units(stamp: int, tally: Tally, structure: Structure) -> int:
    """Convert a frame's time stamp to the units of the container's structure."""
    factor = (tally.time_base or structure.unit) / structure.unit
    time = structure.unwrapped(stamp if factor == 1 else round(stamp * factor))
    return max(BEFORE_ALL, min(time, -BEFORE_ALL))


def _usual_distance(order: NDArray[np.int64], times: NDArray[np.int64]) -> float:
    """Return the median distance in time from one frame to the next; 0 where there is none.

    Args:
        order: numbers of the frames, ascending (n,).
        times: their time stamps (n,).
    """
    if len(times) < 2:
        return 0.0
    return max(0.0, float(np.median(np.diff(times.astype(np.float64)) / np.diff(order))))


def _missing_near(order: NDArray[np.int64], times: NDArray[np.int64], usual: float, damage: set[int]) -> int:
    """Count the frames that would fill the gaps in time around places where damage was met.

    Args:
        order: numbers of the frames, ascending (n,).
        times: their time stamps (n,).
        usual: distance of two frames.
        damage: time stamps of damage.
    """
    places = np.array(sorted(damage), dtype=np.float64)
    margin = _DAMAGE_MARGIN * usual
    first = np.searchsorted(places, times[:-1] - margin, side="left")
    behind = np.searchsorted(places, times[1:] + margin, side="right")
    gaps = np.round(np.diff(times.astype(np.float64)) / usual) - np.diff(order)
    return int(np.maximum(gaps[behind > first], 0).sum())


def _missing_at_the_start(first: float, usual: float, tally: Tally, structure: Structure) -> int:
    """Count the frames that fit between the beginning of any stream and the first frame."""
    begin = tally.starts / float(structure.unit)
    if structure.origin is not None:
        begin = min(begin, structure.origin)
    return max(0, round((first - begin) / usual)) if np.isfinite(begin) else 0


def _missing_at_the_end(last: float, usual: float, tally: Tally, structure: Structure, is_end_damaged: bool) -> int:
    """Count the frames that fit between the last frame and the end of any stream, or that of the header.

    A sound file may show its last frame for long. Without a sign of damage, only a file whose packets, of all streams,
    end long before it should end counts as cut.
    """
    if structure.is_sound:
        return 0
    if structure.is_whole is False or is_end_damaged:
        end = max(tally.ends, tally.declared_duration) / float(structure.unit)
        if structure.end is not None:
            end = max(end, structure.end)
        return max(0, round((end - last) / usual - 1)) if np.isfinite(end) else 0
    if tally.discarded and structure.end is not None:  # what is left must fill the time that the edit list shows
        gap = structure.end - tally.shown_until / float(structure.unit)
        return min(tally.discarded, max(0, round(gap / usual)))
    if tally.declared or not tally.declared_duration or tally.ends <= tally.starts:
        return 0
    gap = (tally.declared_duration - max(tally.ends, tally.ends - tally.starts)) / float(structure.unit)
    return round(gap / usual) if gap * float(structure.unit) > 0.25 and gap > 3 * usual else 0
