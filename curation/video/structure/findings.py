"""The findings of a container's structure about the frames of its video."""

from array import array
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

LATEST = 1 << 62
"""No time stamp is as large."""

BEFORE_ALL = -LATEST
"""A time before that of any frame."""


@dataclass
class Structure:
    """The findings in the headers of a container, for one video stream.

    Attributes:
        unit: seconds a unit of the time stamps.
        wrap: after how many units the container's time stamps begin anew; 0 = never. Here they go on.
        origin: time stamp at which such files begin; None where that can be any.
        end: time stamp at which the last frame is over, where the structure states it.
        times: when frames are to be shown, of all that the structure names, in the order of the file (n,), int64.
        is_sparse: whether some frames have no time stamp in the structure.
        untimed: frames that the structure names, or counts as lost, without a time stamp.
        damage: time stamps next to which the structure is broken.
        broken_after: time stamps of the frames behind which it is broken; before the first one, `BEFORE_ALL`.
        is_start_damaged: whether it is broken before the first time stamp, or right behind it.
        is_end_damaged: whether it is broken behind the last one.
        shows_end: whether nothing at the end may be left out on purpose: the edit list goes on to the end.
        shows_all: whether nothing at all may: the edit list is damaged.
        repeats: entries of an index that only repeat the frame before.
        places: (n,) int64, bytes of the file before each frame's data, where an index states them.
        breaks: bytes of the file before places at which the structure is broken, where no time stamp is near.
        shown: frames that an edit list shows which leaves some out; None where there is none, or it cannot be trusted.
        joins: where streams were joined: bytes of the file before the last two frames of one, and before the next one.
        shifts: bytes of the file before places at which a new clock begins, ascending, and what is added to its times.
        count: frames in all, where the structure states their number; 0 = it does not.
        is_whole: True if the structure ends where the file ends, as it should; False if the file ends too early; None
            where the structure does not show it.
        fault: the first thing that is wrong, in words.
    """

    unit: Fraction = Fraction(1, 1000)
    wrap: int = 0
    origin: int | None = None
    end: int | None = None
    times: "array[int]" = field(default_factory=lambda: array("q"))
    is_sparse: bool = False
    untimed: int = 0
    damage: set[int] = field(default_factory=set)
    broken_after: set[int] = field(default_factory=set)
    is_start_damaged: bool = False
    is_end_damaged: bool = False
    shows_end: bool = False
    shows_all: bool = False
    shown: int | None = None
    joins: list[tuple[int, int]] = field(default_factory=list)
    shifts: Sequence[tuple[int, int]] = ()
    repeats: int = 0
    places: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    breaks: set[int] = field(default_factory=set)
    count: int = 0
    is_whole: bool | None = None
    fault: str = ""

    def add(self, time: int, place: int = 0) -> None:
        """Note a frame.

        Args:
            time: when it is shown.
            place: bytes of the file before it.
        """
        at = bisect_right(self.shifts, (place, LATEST)) - 1
        time = self.unwrapped(time + (self.shifts[at][1] if at >= 0 else 0))
        if abs(time) >= LATEST:
            self.break_off("a time stamp makes no sense")
            return
        self.times.append(time)
        if self.is_end_damaged:
            self.damage.add(time)
            self.is_end_damaged = False

    def unwrapped(self, time: int) -> int:
        """Return the time stamp nearest to the last one that the container writes like this one."""
        if not self.wrap:
            return time
        near = self.times[-1] if self.times else 0
        return near + (time - near + self.wrap // 2) % self.wrap - self.wrap // 2

    def break_off(self, fault: str) -> None:
        """Note damage between the frame that was noted last and the next one."""
        self.fault = self.fault or fault
        self.is_end_damaged = True
        self.is_start_damaged |= len(self.times) < 2
        self.broken_after.add(self.times[-1] if self.times else BEFORE_ALL)
        if self.times:
            self.damage.add(self.times[-1])

    @property
    def is_sound(self) -> bool:
        """Whether nothing is wrong, and the file is known to be whole."""
        return not self.fault and self.is_whole is True


def is_before_join(place: int, joins: Iterable[tuple[int, int]]) -> bool:
    """Return whether a place in the file, in bytes, is in one of the last two frames before a join."""
    return any(begin <= place < end for begin, end in joins)
