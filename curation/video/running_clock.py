"""Time that goes on where the clock of a transport or program stream, or of Ogg, begins anew or leaps.

Such streams are joined byte by byte, as recorders and dashcams do, and each part has a clock of its own. Time goes on
as it does in FFmpeg's command line (`ts_discontinuity_detect`): a decoding time more than a tenth of a second before
the last one, or more than ten seconds from where the next one is due, is taken for the one that is due. Behind damage,
FFmpeg guesses decoding times, and some are too late: so a step back of less than a second counts at key frames only.
"""

from dataclasses import dataclass
from fractions import Fraction

import av
from av.stream import Stream

from curation.video.structure.findings import LATEST

FORMATS = ("mpegts", "mpeg", "ogg")
"""FFmpeg's names of the containers whose clocks may do so."""

_FAR, _BACK, _BACK_ANYWHERE = 100, 1, 10
"""Tenths of a second: larger steps of time than these are a new clock."""


def set_later(packet: "av.Packet[Stream] | av.Packet[av.VideoStream]", units: int) -> None:
    """Add to a packet's time stamps; those that make no sense stay as they are."""
    if packet.dts is not None and abs(packet.dts + units) < LATEST:
        packet.dts += units
    if packet.pts is not None and abs(packet.pts + units) < LATEST:
        packet.pts += units


@dataclass(frozen=True)
class _Reading:
    """The state of a clock: the shift of its time stamps, the last one, and where the next is due, shift included."""

    shift: int
    last: int
    due: int

    def leaps_to(self, stamp: int, unit: Fraction, *, is_keyframe: bool) -> bool:
        """Return whether a time stamp of the file cannot belong to this clock."""
        time = stamp + self.shift
        back = _BACK if is_keyframe else _BACK_ANYWHERE
        # In whole numbers: this is asked of every packet.
        tenths, of_one = 10 * unit.numerator, unit.denominator
        return abs(time - self.due) * tenths > _FAR * of_one or (self.last - time) * tenths > back * of_one


class RunningClock:
    """The clock of one stream.

    Attributes:
        shifts: bytes of the file before each place from where on another shift holds, and that shift.
    """

    def __init__(self) -> None:
        self.shifts: list[tuple[int, int]] = []
        self._now: _Reading | None = None
        self._before: _Reading | None = None
        self._step = 0
        self._place = 0

    def correct(self, packet: "av.Packet[Stream]") -> None:
        """Set the time stamps of the stream's next packet right."""
        self._place = max(self._place, packet.pos or 0)
        stamp = packet.dts if packet.dts is not None else packet.pts
        unit = packet.time_base
        if stamp is None or unit is None or abs(stamp) >= LATEST:
            return
        is_keyframe = packet.is_keyframe
        is_new = self._now is not None and self._now.leaps_to(stamp, unit, is_keyframe=is_keyframe)
        if is_new and self._now is not None:
            former = self._before
            if former is None or former.leaps_to(stamp, unit, is_keyframe=is_keyframe):
                former = _Reading(self._now.due - stamp, self._now.due, self._now.due)
            # Otherwise the one before goes on: the time stamps in between were damaged.
            self._before, self._now = self._now, former
            self.shifts.append((self._place, former.shift))
        shift = self._now.shift if self._now else 0
        time, last = stamp + shift, self._now.last if self._now and not is_new else None
        step = packet.duration or (0 if last is None else time - last)
        self._step = step if step > 0 else self._step
        self._now = _Reading(shift, time, time + self._step)
        if shift:
            set_later(packet, shift)
