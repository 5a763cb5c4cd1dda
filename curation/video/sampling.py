"""The frames of a video that are wanted: all, some a second, a few of all, or those that are known from before.

With `fps`, sample k (0, 1, 2, ...) is the first frame that comes k / fps seconds or more after the first frame; a frame
is taken at most once, so a pause gives one frame and not several. Times are those of the frames' own time stamps. A
millisecond early counts as in time, since some containers round to that. With a limit, what is left is thinned: of n
frames, those at floor(j n / limit) for j = 0 to limit - 1. Both always take the first frame.

A frame's index is its place among all frames of the video, whatever is chosen: so it keeps its name.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import floor

_EARLY = Fraction(1, 1000)
"""Seconds by which a frame may come too early: Matroska and FLV round time stamps to milliseconds."""


@dataclass(frozen=True)
class FrameChoice:
    """The frames of a video to take.

    Attributes:
        fps: frames a second, above 0; None = every frame.
        limit: frames at most, at least 1; None = no limit.
        known: frames to take whatever `fps` and `limit` say, by index, with the pixel hash of each (empty = unknown);
            None = those that the two say.
    """

    fps: float | None = None
    limit: int | None = None
    known: Mapping[int, str] | None = None

    @property
    def takes_all(self) -> bool:
        """Whether no frame is left out."""
        return self.fps is None and self.limit is None and self.known is None

    def frames(self, seconds: Iterable[Fraction]) -> list[int]:
        """Return the indices of the frames to take, ascending.

        Args:
            seconds: from the first frame, for each frame of the video.
        """
        if self.known is not None:
            return sorted(self.known)
        chooser = Chooser(self.fps)
        return thinned([index for index, time in enumerate(seconds) if chooser.takes(time)], self.limit)

    def confirms(self, pixel_hashes: Mapping[int, str]) -> bool:
        """Return whether frames are those that were to be taken, as far as their pixels are known.

        Args:
            pixel_hashes: of the frames taken, by index.
        """
        return self.known is None or dict(self.known) == dict(pixel_hashes)


EVERY_FRAME = FrameChoice()


class Chooser:
    """Takes `fps` frames a second, frame by frame; it must be asked about every frame of a video, in order."""

    def __init__(self, fps: float | None) -> None:
        # As the user wrote it: 0.1 is a tenth, not the nearest binary fraction.
        self._fps = None if fps is None else Fraction(str(fps))
        self._taken = -1

    def takes(self, seconds: Fraction) -> bool:
        """Return whether to take the frame at this time after the first one."""
        if self._fps is None:
            return True
        due = floor((seconds + _EARLY) * self._fps)
        if due <= self._taken:
            return False
        self._taken = due
        return True


def thinned(frames: Sequence[int], limit: int | None) -> list[int]:
    """Return at most `limit` of the frames, evenly spread, the first among them."""
    if limit is None or len(frames) <= limit:
        return list(frames)
    return [frames[number * len(frames) // limit] for number in range(limit)]
