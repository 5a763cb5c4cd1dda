"""MPEG transport streams (ISO/IEC 13818-1, sections 2.4.3.2 and 2.4.3.6), also with 192 and 204 bytes a packet."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from curation.video.structure.findings import Structure
from curation.video.structure.pes import PTS_UNIT, PTS_WRAP, presentation_time
from curation.video.structure.view import View

_SYNC = 0x47
_PACKET_BYTES = 188
_STRIDES = (188, 192, 204)
_BLOCK_PACKETS = 1 << 14
_SEARCHED = 1 << 16
_CHECK_BYTES = 16
"""Bytes behind each packet of 204; FFmpeg counts them as if they stood before it."""

_PROGRAMS = 0
"""Identifier of the packets with the table of programs, which stand where a stream begins."""

_FAR = 10 * 90_000
"""A step of time, in units, that no loss explains."""


@dataclass
class _Position:
    """The state of the video, up to where it was read.

    Attributes:
        counter: of its last packet; None before the first.
        tables: tables of programs before its last packet.
        starts: bytes of the file before its last two PES packets.
        latest: time stamp of the latest frame since a clock began; None before the first.
        known: frames since a clock began.
        first: time stamp of the earliest of them.
    """

    counter: int | None = None
    tables: int = 0
    starts: tuple[int, int] = (0, 0)
    latest: int | None = None
    first: int = 0
    known: int = 0

    def note(self, time: int, place: int) -> None:
        """Note a frame."""
        self.starts = (self.starts[1], place)
        self.latest = time if self.latest is None else max(time, self.latest)
        self.first = min(time, self.first) if self.known else time
        self.known += 1

    def is_next(self, time: int) -> bool:
        """Return whether a frame may follow the last one without others in between, or follows another clock."""
        if self.latest is None:
            return False
        usual = (self.latest - self.first) / max(1, self.known - 1)
        return not 1.5 * usual < time - self.latest < _FAR

    def begin(self) -> None:
        """Begin with another stream."""
        self.latest, self.known = None, 0


def read_transport_stream(view: View, pid: int) -> Structure:
    """Read the headers of all packets.

    The packets of a stream are counted with 4 bits, so that lost ones show; each frame, or a few, begins a PES packet,
    whose header says when the first of them is to be shown.

    Args:
        view: the file.
        pid: packet identifier of the video.

    Returns:
        The times that the PES headers state.
    """
    found = Structure(unit=PTS_UNIT, wrap=PTS_WRAP, shifts=view.shifts)
    position, stride, offset = _alignment(view)
    state, tables = _Position(), 0
    while position < view.size:
        content = np.frombuffer(view.read(position, stride * _BLOCK_PACKETS), np.uint8)
        packets = content[: len(content) // stride * stride].reshape(-1, stride)[:, offset : offset + _PACKET_BYTES]
        wrong = np.flatnonzero(packets[:, 0] != _SYNC)
        sound = packets[: wrong[0]] if len(wrong) else packets
        pids = _pids(sound)
        before = tables + np.cumsum(pids == _PROGRAMS)
        rows = np.flatnonzero(pids == pid)
        _read_packets(_Packets(sound[rows], position + rows * stride, before[rows]), state, found)
        tables = int(before[-1]) if len(before) else tables
        position += len(sound) * stride
        if len(wrong):
            found.break_off(f"no packet of a transport stream at byte {position}")
            position = _next_packets(view, position + 1, stride, offset)
        elif len(packets) < _BLOCK_PACKETS:
            break
    if 0 < view.size - position < stride:
        found.is_whole = False
        found.break_off("the file ends in the middle of a packet")
        found.untimed += 1  # the frame that it cuts
    return found


def _alignment(view: View) -> tuple[int, int, int]:
    """Find where packets begin, how far they are apart, and where in each the sync byte is."""
    content = np.frombuffer(view.read(0, _SEARCHED), np.uint8)
    best = (0, 0, _PACKET_BYTES)
    for stride in _STRIDES:
        rows = len(content) // stride
        if not rows:
            continue
        hits = (content[: rows * stride].reshape(rows, stride) == _SYNC).sum(axis=0)
        best = max(best, (int(hits.max()), -int(hits.argmax()), stride))
    _, negative, stride = best
    offset = 4 if stride == 192 else 0
    return max(0, (-negative - offset) % stride), stride, offset


def _next_packets(view: View, position: int, stride: int, offset: int) -> int:
    """Find the next place where three packets follow one another, or as many as there are before the end."""
    while position < view.size:
        content = np.frombuffer(view.read(position, _SEARCHED), np.uint8)
        is_sync = content[offset:] == _SYNC
        follows = is_sync.copy()
        for number in (1, 2):
            later = is_sync[number * stride :]
            follows[: len(later)] &= later
        if position + len(content) < view.size:
            follows = follows[: max(0, len(follows) - 2 * stride)]
        places = np.flatnonzero(follows)
        if len(places):
            return position + int(places[0])
        position += max(1, len(content) - 2 * stride - offset)
    return view.size


def _pids(packets: NDArray[np.uint8]) -> NDArray[np.int32]:
    """Return the packet identifiers (n,) of packets (n, 188)."""
    return (packets[:, 1].astype(np.int32) & 0x1F) << 8 | packets[:, 2]


class _Packets(NamedTuple):
    """Packets of the video.

    Attributes:
        content: (n, 188) uint8.
        places: (n,) int64, bytes of the file before each.
        tables: (n,) int64, tables of programs before each.
    """

    content: NDArray[np.uint8]
    places: NDArray[np.int64]
    tables: NDArray[np.int64]


def _read_packets(packets: _Packets, state: _Position, found: Structure) -> None:
    """Read packets of the video.

    Args:
        packets: in the order of the file.
        state: of the video before them, and then behind them.
        found: takes note.
    """
    content = packets.content
    for row, is_damaged, is_unmarked, counter_now in _events(content, state.counter):
        begins = bool(content[row, 1] & 0x40)
        place = int(packets.places[row])
        counter_before, state.counter = state.counter, counter_now
        if is_damaged and begins and not is_unmarked and _is_join(packets, row, state):
            found.joins.append((state.starts[0] - _CHECK_BYTES, place))
            state.begin()
        elif is_damaged:
            found.break_off("a counter of packets leaps, or a packet is marked as damaged")
        if counter_before is None and not begins:
            found.break_off("the beginning of the first PES packet is missing")
            found.untimed += 1
        if is_unmarked:
            found.break_off("the beginning of a PES packet is not marked")
            found.untimed += 1
        elif begins:
            time = _read_start(content[row].tobytes(), place, found)
            if time is not None:
                state.note(time, place)
    if len(content):
        state.tables = int(packets.tables[-1])


def _is_join(packets: _Packets, row: int, state: _Position) -> bool:
    """Return whether another stream begins with a PES packet: behind a table of programs, and no frame is lost there.

    Args:
        packets: of the video.
        row: of the packet whose counter leaps.
        state: of the video before it.
    """
    packet = packets.content[row]
    if packet[1] & 0x80 or packet[3] & 0xC0 or not packet[3] & 0x10:
        return False
    tables = state.tables if row == 0 else int(packets.tables[row - 1])
    time = presentation_time(_header(packet.tobytes()))
    return int(packets.tables[row]) > tables and time is not None and time >= 0 and state.is_next(time)


def _events(packets: NDArray[np.uint8], counter: int | None) -> Iterator[tuple[int, bool, bool, int]]:
    """Yield what is to be told of packets that begin a PES packet or are damaged, and of the last one.

    Yields:
        Row, whether there is damage in or before it, whether it begins a PES packet without a mark, its counter.
    """
    if not len(packets):
        return
    control = packets[:, 3]
    counters = (control & 15).astype(np.int16)
    has_payload = (control & 0x10) > 0
    has_field = (control & 0x20) > 0
    may_leap = has_field & (packets[:, 4] > 0) & ((packets[:, 5] & 0x80) > 0)
    before = np.concatenate([[counters[0] - has_payload[0] if counter is None else counter], counters[:-1]])
    step = (counters - before) % 16
    repeats = np.zeros(len(packets), bool)  # a packet may be sent twice, section 2.4.3.3
    repeats[1:] = (step[1:] == 0) & (packets[1:, 6:] == packets[:-1, 6:]).all(axis=1)
    leaps = (step != has_payload) & ~may_leap & ~repeats
    is_damaged = leaps | ((packets[:, 1] & 0x80) > 0) | ((control & 0xC0) > 0)
    starts = ((packets[:, 1] & 0x40) > 0) & ~repeats
    unmarked = _begins_unmarked(packets)
    starts[-1] = True
    starts[0] |= counter is None
    for row in np.flatnonzero(is_damaged | starts | unmarked):
        yield int(row), bool(is_damaged[row]), bool(unmarked[row]), int(counters[row])


def _begins_unmarked(packets: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Find packets (n, 188) that begin a PES packet of video, but are not marked so: (n,)."""
    control = packets[:, 3]
    begin = np.where(control & 0x20, packets[:, 4].astype(np.int32) + 5, 4)
    fits = ((control & 0x10) > 0) & ((packets[:, 1] & 0x40) == 0) & (begin <= _PACKET_BYTES - 4)
    rows, at = np.arange(len(packets)), np.where(fits, begin, 4)
    is_start = (packets[rows, at] == 0) & (packets[rows, at + 1] == 0) & (packets[rows, at + 2] == 1)
    found: NDArray[np.bool_] = fits & is_start & (packets[rows, at + 3] >> 4 == 0xE)
    return found


def _header(packet: bytes) -> bytes:
    """Return the header of the PES packet that begins in a packet."""
    begin = 5 + packet[4] if packet[3] & 0x20 else 4
    return packet[begin : begin + 19]


def _read_start(packet: bytes, place: int, found: Structure) -> int | None:
    """Read the header of the PES packet that begins in a packet, and return its time stamp; None if it has none.

    Args:
        packet: 188 bytes.
        place: bytes of the file before it.
        found: takes note.
    """
    if not packet[3] & 0x10:
        return None
    header = _header(packet)
    time = presentation_time(header)
    if header[:3] != b"\0\0\1" or time is None:
        found.break_off("a header of a PES packet is damaged")
        found.untimed += 1
        return None
    if time < 0:
        return None
    found.add(time, place)
    return time
