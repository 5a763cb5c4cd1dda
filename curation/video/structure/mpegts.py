"""MPEG transport streams (ISO/IEC 13818-1, sections 2.4.3.2 and 2.4.3.6), also with 192 and 204 bytes a packet."""

from collections.abc import Iterator

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
    found = Structure(unit=PTS_UNIT, wrap=PTS_WRAP)
    position, stride, offset = _alignment(view)
    counter: int | None = None
    while position < view.size:
        content = np.frombuffer(view.read(position, stride * _BLOCK_PACKETS), np.uint8)
        packets = content[: len(content) // stride * stride].reshape(-1, stride)[:, offset : offset + _PACKET_BYTES]
        wrong = np.flatnonzero(packets[:, 0] != _SYNC)
        sound = packets[: wrong[0]] if len(wrong) else packets
        counter = _read_packets(sound[_pids(sound) == pid], counter, found)
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


def _read_packets(packets: NDArray[np.uint8], counter: int | None, found: Structure) -> int | None:
    """Read the packets of the video.

    Args:
        packets: (n, 188).
        counter: of the packet before the first of them.
        found: takes note.

    Returns:
        The counter of the last of them.
    """
    for row, is_damaged, is_unmarked, counter_now in _events(packets, counter):
        if is_damaged:
            found.break_off("a counter of packets leaps, or a packet is marked as damaged")
        counter_before, counter = counter, counter_now
        if counter_before is None and not packets[row, 1] & 0x40:
            found.break_off("the beginning of the first PES packet is missing")
            found.untimed += 1
        if is_unmarked:
            found.break_off("the beginning of a PES packet is not marked")
            found.untimed += 1
        elif packets[row, 1] & 0x40:
            _read_start(packets[row].tobytes(), found)
    return counter


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


def _read_start(packet: bytes, found: Structure) -> None:
    """Read the header of the PES packet that begins in a packet."""
    if not packet[3] & 0x10:
        return
    begin = 5 + packet[4] if packet[3] & 0x20 else 4
    header = packet[begin : begin + 19]
    time = presentation_time(header)
    if header[:3] != b"\0\0\1" or time is None:
        found.break_off("a header of a PES packet is damaged")
        found.untimed += 1
    elif time >= 0:
        found.add(time)
