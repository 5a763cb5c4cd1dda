"""MPEG program streams: packs and PES packets (ISO/IEC 13818-1, section 2.5; ISO/IEC 11172-1, section 2.4)."""

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from curation.video.structure.findings import Structure
from curation.video.structure.pes import PTS_UNIT, PTS_WRAP, presentation_time
from curation.video.structure.view import View

_START = re.compile(rb"\x00\x00\x01[\xb9-\xff]")
_PACK, _END = 0xBA, 0xB9
_SYSTEM_HEADER, _PADDING = 0xBB, 0xBE
_HEADER_BYTES = 64
_BLOCK = 1 << 20


def read_program_stream(view: View, stream: int) -> Structure:
    """Read all packets.

    Several frames share a packet and its time stamp. Where the video is MPEG-1 or MPEG-2, pictures are counted by their
    start codes, in what belongs to no packet, too.

    Args:
        view: the file.
        stream: start code of the video's packets; its last byte counts.

    Returns:
        The times that the headers of the video's packets state.
    """
    found = Structure(unit=PTS_UNIT, wrap=PTS_WRAP, is_sparse=True, shifts=view.shifts)
    pictures = _Pictures()
    position = former = 0
    while position < view.size:
        header = view.read(position, _HEADER_BYTES)
        length = _length(header)
        if length is None:
            if not header.strip(b"\0"):
                position += len(header)
                continue
            found.break_off(f"no packet of a program stream at byte {position}")
            following = _next_packet(view, former + 4)
            pictures.count(view, position, max(position, following))
            position = former = following
            continue
        if header[3] == stream & 0xFF:
            time = presentation_time(header) if header[6] >> 6 == 2 else _first_generation_time(header)
            if time is None:
                found.break_off(f"a header of a PES packet is damaged at byte {position}")
            elif time >= 0:
                found.add(time, position)
            pictures.count(view, position + 6, position + length)
        if position + length > view.size:
            found.is_whole = False
            found.break_off("the file ends in the middle of a packet")
        former, position = position, position + length
    found.untimed = max(0, pictures.number - len(found.times))
    return found


@dataclass(frozen=True)
class StampedParts:
    """Parts of a video's bytes that came in PES packets with a time stamp.

    Attributes:
        begins: (parts,) int64, bytes of the video before a part.
        ends: (parts,) int64, bytes of the video up to its end.
        times: (parts,) int64, time stamps in units of `PTS_UNIT`.
        size: bytes of the whole video.
    """

    begins: NDArray[np.int64]
    ends: NDArray[np.int64]
    times: NDArray[np.int64]
    size: int


def stamped_parts(view: View, stream: int) -> StampedParts | None:
    """Return where in a video its time stamps stand.

    Args:
        view: the file.
        stream: start code of the video's packets; its last byte counts.

    Returns:
        The parts; None where the file is damaged.
    """
    parts: list[tuple[int, int, int]] = []
    position = size = 0
    while position < view.size:
        header = view.read(position, _HEADER_BYTES)
        length = _length(header)
        if length is None:
            if header.strip(b"\0"):
                return None
            position += len(header)
            continue
        if header[3] == stream & 0xFF:
            is_second = header[6] >> 6 == 2
            time = presentation_time(header) if is_second else _first_generation_time(header)
            if time is None or position + length > view.size:
                return None
            content = length - (9 + header[8] if is_second else _first_generation_header(header))
            if time >= 0:
                parts.append((size, size + content, time))
            size += content
        position += length
    begins, ends, times = np.array(parts, np.int64).reshape(-1, 3).T
    return StampedParts(begins, ends, times, size)


class _Pictures:
    """Counts the start codes of pictures in a stream that comes in pieces."""

    _START_CODE = b"\0\0\1\0"

    def __init__(self) -> None:
        self.number = 0
        self._tail = b""

    def count(self, view: View, begin: int, end: int) -> None:
        """Count those that end in a part of the file."""
        for position in range(begin, min(end, view.size), _BLOCK):
            content = self._tail + view.read(position, min(_BLOCK, end - position))
            self.number += content.count(self._START_CODE)
            self._tail = content[-3:]


def _length(header: bytes) -> int | None:
    """Return the bytes of the packet that begins with a header; None if none does."""
    if len(header) < 4 or not _START.match(header):
        return None
    kind = header[3]
    if kind == _END:
        return 4
    if kind == _PACK:
        if len(header) > 13 and header[4] >> 6 == 1:
            return 14 + (header[13] & 7)
        return 12 if len(header) > 11 and header[4] >> 4 == 2 else None
    return 6 + int.from_bytes(header[4:6], "big") if len(header) >= 6 else None


def _next_packet(view: View, position: int) -> int:
    """Find the next packet that another one follows."""
    while True:
        position = view.find(_START, position, 4)
        if position >= view.size:
            return position
        length = _length(view.read(position, _HEADER_BYTES))
        following = view.read(position + length, 4) if length is not None else b""
        if length is not None and (position + length >= view.size or _START.match(following)):
            return position
        position += 1


def _first_generation_time(header: bytes) -> int | None:
    """Return the time stamp of a packet of MPEG-1 (ISO/IEC 11172-1, 2.4.3.3); as `presentation_time`."""
    at = _first_generation_times(header)
    if at >= len(header):
        return None
    if header[at] == 0x0F:
        return -1
    return presentation_time(b"\0\0\1\xe0\0\0\x80" + bytes([header[at] >> 4 << 6 & 0xC0]) + b"\0" + header[at : at + 5])


def _first_generation_times(header: bytes) -> int:
    """Return where the time stamps of a packet of MPEG-1 stand: after stuffing and the size of a buffer."""
    at = 6
    while at < len(header) and header[at] == 0xFF:
        at += 1
    return at + 2 if at < len(header) and header[at] >> 6 == 1 else at


def _first_generation_header(header: bytes) -> int:
    """Return the bytes of the whole header of a packet of MPEG-1, with two time stamps, one or none."""
    at = _first_generation_times(header)
    return at + {2: 5, 3: 10}.get(header[at] >> 4, 1)
