"""Advanced Systems Format, of wmv files: packets and payloads (Microsoft, ASF Specification 01.20.03)."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

from curation.video.structure.findings import Structure
from curation.video.structure.view import View

_HEADER = UUID("75B22630-668E-11CF-A6D9-00AA0062CE6C").bytes_le
_DATA = UUID("75B22636-668E-11CF-A6D9-00AA0062CE6C").bytes_le
_FILE_PROPERTIES = UUID("8CABDCA1-A947-11CF-8EE4-00C00C205365").bytes_le
_OBJECT_BYTES, _DATA_BYTES = 24, 50
"""Of an object's GUID and size; of all that stands before the packets."""

_ERROR_CORRECTION = re.compile(rb"\x82\x00\x00")
"""Packets begin with it: error correction data of two bytes, which are zero (section 5.2.1)."""


@dataclass(frozen=True)
class _Payload:
    """A frame or a part of it; `time` in ms is None where it is not stated."""

    stream: int
    number: int
    time: int | None


@dataclass(frozen=True)
class _Layout:
    """The places and times of the packets: `begin` and `end` in the file, each of `size` bytes; times in ms."""

    begin: int
    end: int
    size: int
    preroll: int
    duration: int


def read_asf(view: View, stream: int) -> Structure:
    """Read the headers of all packets and payloads.

    Frames of a stream are numbered, with 8 bits, so that lost ones can be counted.

    Args:
        view: the file.
        stream: number of the video stream.

    Returns:
        The times in ms of its frames.
    """
    found = Structure(origin=0)
    layout = _layout(view)
    if layout is None:
        found.break_off("no header of ASF")
        return found
    found.is_whole = layout.end <= view.size
    if not found.is_whole:
        found.fault = f"the file ends {layout.end - view.size} bytes before its packets do"
    if layout.duration > layout.preroll:
        found.end = layout.duration - layout.preroll
    last: int | None = None
    position = layout.begin
    while position < view.size:
        payloads, is_sound = _payloads(view.read(position, layout.size), layout.size)
        if not is_sound and not payloads and position >= layout.end:
            break
        for payload in payloads:
            if payload.stream != stream or payload.time is None or payload.number == last:
                continue
            skipped = (payload.number - last - 1) % 256 if last is not None else 0
            if skipped:
                found.break_off(f"frames are missing before byte {position}")
                found.untimed += skipped if skipped < 128 else 0
            found.add(payload.time - layout.preroll)
            last = payload.number
        if is_sound:
            position += layout.size
        elif position + layout.size > view.size and not found.is_whole:
            break
        else:
            found.break_off(f"no packet of ASF at byte {position}")
            position = _next_packet(view, position + 1, layout)
    return found


def _layout(view: View) -> _Layout | None:
    """Read the file's properties and find the packets."""
    head = view.read(0, 30)
    if len(head) < 30 or head[:16] != _HEADER:
        return None
    header_end = int.from_bytes(head[16:24], "little")
    position, properties = 30, b""
    while position < min(header_end, view.size):
        size = int.from_bytes(view.read(position + 16, 8), "little")
        if size < _OBJECT_BYTES:
            break
        if view.read(position, 16) == _FILE_PROPERTIES:
            properties = view.read(position + _OBJECT_BYTES, 80)
        position += size
    data = header_end if view.read(header_end, 16) == _DATA else view.find(re.compile(re.escape(_DATA)), 0, 16)
    head = view.read(data, _DATA_BYTES)
    packet_bytes = int.from_bytes(properties[68:72], "little")
    if len(head) < _DATA_BYTES or packet_bytes < 16:
        return None
    begin = data + _DATA_BYTES
    packets = int.from_bytes(head[40:48], "little")
    size = int.from_bytes(head[16:24], "little")
    end = begin + packets * packet_bytes if packets else data + size if size > _DATA_BYTES else view.size
    preroll, duration = int.from_bytes(properties[56:64], "little"), int.from_bytes(properties[40:48], "little")
    return _Layout(begin, end, packet_bytes, preroll, duration // 10_000)


def _next_packet(view: View, position: int, layout: _Layout) -> int:
    """Find the next packet that makes sense."""
    while True:
        position = view.find(_ERROR_CORRECTION, position, 3)
        if position >= view.size or _payloads(view.read(position, layout.size), layout.size)[1]:
            return position
        position += 1


class _Reader:
    """Little-endian numbers from a packet, one after another; raises IndexError behind its end."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.at = 0

    def number(self, length: int) -> int:
        if self.at + length > len(self.content):
            raise IndexError
        self.at += length
        return int.from_bytes(self.content[self.at - length : self.at], "little")

    def coded(self, kind: int) -> int:
        """Read a number whose length is coded in two bits."""
        return self.number((0, 1, 2, 4)[kind & 3])


def _payloads(content: bytes, size: int) -> tuple[list[_Payload], bool]:
    """Read the headers of a packet's payloads, as far as they make sense; and whether all of them do."""
    payloads = []
    try:
        for payload in _parsed(_Reader(content), size):
            payloads.append(payload)
    except IndexError:
        return payloads, False
    return payloads, True


def _parsed(reader: _Reader, size: int) -> Iterator[_Payload]:
    """Yield the payloads of a packet (section 5.2); raises IndexError where it makes no sense."""
    flags = reader.number(1)
    if flags & 0x80:
        if flags & 0x60 or flags & 0x0F != 2:
            raise IndexError
        reader.number(2)
        flags = reader.number(1)
    properties = reader.number(1)
    if properties >> 6 != 1:  # a stream's number has one byte
        raise IndexError
    length = reader.coded(flags >> 5) or size
    reader.coded(flags >> 1)
    padding = reader.coded(flags >> 3)
    reader.number(6)
    end = length - padding
    if not reader.at <= end <= size:
        raise IndexError
    several = reader.number(1) if flags & 1 else 0
    for _ in range(several & 63 if flags & 1 else 1):
        stream = reader.number(1) & 127
        number = reader.coded(properties >> 4)
        reader.coded(properties >> 2)  # the part's place in the frame
        replicated = reader.coded(properties)
        is_compressed = replicated == 1
        start = reader.at
        time = None
        if replicated >= 8:
            reader.number(4)
            time = reader.number(4)
        reader.at = start + replicated
        length = reader.coded(several >> 6) if flags & 1 else end - reader.at
        if reader.at > end or reader.at > len(reader.content):
            raise IndexError
        yield _Payload(stream, number, None if is_compressed else time)
        reader.at += length
        if length < 0 or reader.at > end:
            raise IndexError
    if reader.at != end:
        raise IndexError
