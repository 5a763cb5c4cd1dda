"""Time that goes on where the clock of a transport or program stream begins anew or leaps.

Such streams are joined byte by byte, as recorders and dashcams do, and each part has a clock of its own. Time goes on
as it does in FFmpeg's command line (`ts_discontinuity_detect`): a decoding time more than a tenth of a second before
the last one, or more than ten seconds from where the next one is due, is taken for the one that is due.
"""

from fractions import Fraction

import av
from av.stream import Stream

FORMATS = ("mpegts", "mpeg")
"""FFmpeg's names of the containers whose clocks may do so."""

_FAR = 10
_BACK = Fraction(1, 10)
"""Seconds: larger steps of time than these are a new clock."""


class RunningClock:
    """The clock of one stream.

    Attributes:
        shift: what is added to the time stamps now, in their units.
        shifts: bytes of the file before each place from where on another shift holds, and that shift.
    """

    def __init__(self) -> None:
        self.shift = 0
        self.shifts: list[tuple[int, int]] = []
        self._due: int | None = None
        self._last = 0
        self._step = 0
        self._place = 0

    def correct(self, packet: "av.Packet[Stream]") -> bool:
        """Set the time stamps of the stream's next packet right, and return whether a new clock begins with it."""
        self._place = max(self._place, packet.pos or 0)
        stamp = packet.dts if packet.dts is not None else packet.pts
        if stamp is None or packet.time_base is None:
            return False
        is_new = self._is_new(stamp + self.shift, packet.time_base)
        if is_new and self._due is not None:
            self.shift = self._due - stamp
            self.shifts.append((self._place, self.shift))
        stamp += self.shift
        step = packet.duration or (stamp - self._last if self._due is not None and not is_new else 0)
        self._step = step if step > 0 else self._step
        self._last, self._due = stamp, stamp + self._step
        if self.shift:
            packet.dts = None if packet.dts is None else packet.dts + self.shift
            packet.pts = None if packet.pts is None else packet.pts + self.shift
        return is_new

    def _is_new(self, stamp: int, unit: Fraction) -> bool:
        if self._due is None:
            return False
        return abs(stamp - self._due) * unit > _FAR or (self._last - stamp) * unit > _BACK
