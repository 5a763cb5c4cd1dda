"""The numbers in the headers of containers: where they stand in a file, and how each is written.

Every container's writer is FFmpeg, so the layouts are those that it writes; what is not found is left alone.
"""

import re
import struct
from collections.abc import Callable, Iterator
from typing import NamedTuple

BIG, LITTLE, DOUBLE, STAMP, VARIABLE = "big", "little", "double", "stamp", "variable"
"""How a field is written: an integer; a big-endian float; 33 bits with markers; with its length in its first bits."""


class Field(NamedTuple):
    """A number in a file: its name, where it begins, its bytes, and how it is written."""

    name: str
    at: int
    length: int
    kind: str = BIG


def written(field: Field, value: int, before: bytes) -> bytes:
    """Return the bytes of a field that holds a value, as far as fits.

    Args:
        field: to write.
        value: for it; of a float, its bits.
        before: its bytes up to now.
    """
    if field.kind == STAMP:
        value &= (1 << 33) - 1
        parts = (before[0] & 0xF0 | (value >> 30) << 1 | 1, (value >> 15 & 0x7FFF) << 1 | 1, (value & 0x7FFF) << 1 | 1)
        return bytes([parts[0]]) + parts[1].to_bytes(2, "big") + parts[2].to_bytes(2, "big")
    bits = 8 * field.length
    if field.kind == VARIABLE:
        bits -= field.length
        return (1 << bits | value & (1 << bits) - 1).to_bytes(field.length, "big")
    value &= (1 << bits) - 1
    return value.to_bytes(field.length, "little" if field.kind == LITTLE else "big")


# ---- MP4 and QuickTime

_NUMBERS_AT = {
    b"mvhd": ((12, 4), (16, 4)), b"mdhd": ((12, 4), (16, 4)), b"tkhd": ((12, 4), (20, 4), (76, 4), (80, 4)),
    b"stts": ((4, 4), (8, 4), (12, 4)), b"ctts": ((4, 4), (8, 4), (12, 4)), b"stsc": ((4, 4), (8, 4), (12, 4), (16, 4)),
    b"stsz": ((4, 4), (8, 4), (12, 4), (16, 4)), b"stco": ((4, 4), (8, 4)), b"stss": ((4, 4), (8, 4)),
    b"elst": ((4, 4), (8, 4), (12, 4), (16, 4)), b"trex": ((4, 4), (12, 4), (16, 4)), b"tfdt": ((4, 8),),
    b"tfhd": ((4, 4), (8, 4), (12, 4)), b"trun": ((4, 4), (8, 4), (12, 4), (16, 4), (20, 4)), b"mfhd": ((4, 4),),
    b"stsd": ((4, 4), (8, 4), (40, 2), (42, 2)), b"mehd": ((4, 4),), b"sidx": ((8, 4), (12, 8), (20, 8), (30, 2)),
}  # fmt: skip
"""Numbers of boxes: where they begin in the content, and their bytes."""


def fields_of_mp4(content: bytes) -> Iterator[Field]:
    """Yield the numbers of boxes, and their sizes."""
    kinds = b"|".join((*_NUMBERS_AT, b"moov", b"trak", b"mdia", b"stbl", b"moof", b"traf", b"mdat"))
    for match in re.finditer(kinds, content):
        name = match.group().decode()
        yield Field(f"{name}.size", match.start() - 4, 4)
        for at, length in _NUMBERS_AT.get(match.group(), ()):
            yield Field(f"{name}+{at}", match.end() + at, length)


# ---- Matroska and WebM

_ELEMENTS = {
    "2ad7b1": "TimestampScale", "4489": "Duration", "d7": "TrackNumber", "23e383": "DefaultDuration", "b0": "Width",
    "ba": "Height", "e7": "Timestamp", "9b": "BlockDuration", "54b0": "DisplayWidth", "fb": "ReferenceBlock",
    "53ab": "SeekID", "53ac": "SeekPosition", "b3": "CueTime", "f1": "CueClusterPosition",
}  # fmt: skip
_MASTERS = {"18538067": "Segment", "1f43b675": "Cluster", "1654ae6b": "Tracks", "ae": "TrackEntry", "a0": "BlockGroup"}


def fields_of_matroska(content: bytes) -> Iterator[Field]:
    """Yield the numbers of elements, their sizes, and the times of blocks."""
    position = 0
    while position < len(content):
        width = 9 - content[position].bit_length() if content[position] else 9
        if width > 4 or position + width >= len(content):
            return
        number = content[position : position + width].hex()
        at = position + width
        size_width = 9 - content[at].bit_length() if content[at] else 9
        if size_width > 8:
            return
        size = int.from_bytes(content[at : at + size_width], "big") & (1 << 7 * size_width) - 1
        begin = at + size_width
        name = _ELEMENTS.get(number) or _MASTERS.get(number) or ("Block" if number in ("a3", "a1") else "")
        if name:
            yield Field(f"{name}.size", at, size_width, VARIABLE)
        if number in _ELEMENTS and 0 < size <= 8:
            yield Field(name, begin, size, DOUBLE if number == "4489" else BIG)
        if name == "Block":
            yield Field("Block.track", begin, 1, VARIABLE)
            yield Field("Block.time", begin + 1, 2)
            yield Field("Block.flags", begin + 3, 1)
        is_open = number in _MASTERS or number == "e0" or number in ("114d9b74", "1549a966", "1c53bb6b", "bb", "b7")
        position = begin if is_open else begin + size


# ---- others


def fields_of_avi(content: bytes) -> Iterator[Field]:
    """Yield the numbers of headers, the index, and the sizes of chunks."""
    for match in re.finditer(rb"avih|strh|strf|idx1|indx|RIFF|LIST|0[01](?:dc|wb)", content):
        name = match.group().decode("ascii")
        yield Field(f"{name}.size", match.end(), 4, LITTLE)
        numbers = {"avih": 12, "strh": 14, "strf": 10, "idx1": 12, "indx": 12}.get(name, 0)
        for at in range(match.end() + 4, match.end() + 4 + 4 * numbers, 4):
            yield Field(f"{name}+{at - match.end() - 4}", at, 4, LITTLE)


def fields_of_ogg(content: bytes) -> Iterator[Field]:
    """Yield the numbers of pages, and those of the first packet of each stream."""
    for match in re.finditer(rb"OggS\x00", content):
        page = match.start()
        for name, at, length in (("flags", 5, 1), ("granule", 6, 8), ("serial", 14, 4), ("number", 18, 4)):
            yield Field(f"page.{name}", page + at, length, LITTLE)
        for name, at in (("segments", 26), ("first", 27), ("second", 28)):
            yield Field(f"page.{name}", page + at, 1)
        if content[page + 5] & 2:
            yield from (Field(f"head+{at}", page + 28 + at, 4) for at in range(5, 29, 4))


def fields_of_pes(content: bytes) -> Iterator[Field]:
    """Yield the time stamps and lengths of PES packets, and the clock of packs."""
    for match in re.finditer(rb"\x00\x00\x01[\xe0\xc0\xbd]", content):
        at = match.start()
        yield Field("pes.length", at + 4, 2)
        head = content[at + 6 : at + 10].ljust(4, b"\0")
        stamps, begin = head[1] >> 6, at + 9
        if head[0] >> 6 != 2:  # MPEG-1: the size of a buffer may come first
            begin = at + (8 if head[0] >> 6 == 1 else 6)
            stamps = {2: 2, 3: 3}.get(content[begin] >> 4, 0) if begin < len(content) else 0
        else:
            yield Field("pes.header", at + 8, 1)
        if stamps & 2:
            yield Field("pes.pts", begin, 5, STAMP)
        if stamps == 3:
            yield Field("pes.dts", begin + 5, 5, STAMP)
    for match in re.finditer(rb"\x00\x00\x01\xba", content):
        yield Field("pack.clock", match.end(), 6)
        yield Field("pack.rate", match.end() + 6, 3)


def fields_of_transport(content: bytes) -> Iterator[Field]:
    """Yield those of PES packets, and the headers and clocks of the packets around them."""
    yield from fields_of_pes(content)
    stride = 192 if content[4:5] == b"\x47" else 188
    for at in range(4 if stride == 192 else 0, len(content) - 188, stride):
        yield Field("packet.pid", at + 1, 2)
        yield Field("packet.counter", at + 3, 1)
        if content[at + 3] & 0x20:
            yield Field("packet.adaptation", at + 4, 1)
            yield Field("packet.clock", at + 6, 6)
        elif content[at + 1] & 0x5F == 0x40 and content[at + 2] == 0:
            yield Field("table.length", at + 6, 2)


def fields_of_flv(content: bytes) -> Iterator[Field]:
    """Yield the sizes and times of tags, and the numbers in the script tag."""
    for match in re.finditer(rb"\x00[\x05-\x14]([a-z]{5,20})\x00(?=.{8})", content[:2000], re.DOTALL):
        yield Field(f"meta.{match.group(1).decode()}", match.end(), 8, DOUBLE)
    at = 13
    while at + 11 < len(content):
        size = int.from_bytes(content[at + 1 : at + 4], "big")
        yield Field("tag.size", at + 1, 3)
        yield Field("tag.time", at + 4, 3)
        yield Field("tag.time_high", at + 7, 1)
        yield Field("tag.offset", at + 13, 3)
        yield Field("tag.back", at + 11 + size, 4)
        at += 15 + size


_ASF_OBJECTS = {
    "a1dcab8c47a9cf118ee400c00c205365": ("file", 5), "9107dcb7b7a9cf118ee600c00c205365": ("stream", 10),
    "cba5e61472c632438399a96952065b5a": ("extended", 10), "3626b2758e66cf11a6d900aa0062ce6c": ("data", 3),
    "3026b2758e66cf11a6d900aa0062ce6c": ("header", 1),
}  # fmt: skip
"""Name and 8-byte numbers of objects, by their GUID."""


def fields_of_asf(content: bytes) -> Iterator[Field]:
    """Yield the numbers of objects, and those at the beginning of packets."""
    packet = 3200
    for guid, (name, numbers) in _ASF_OBJECTS.items():
        at = content.find(bytes.fromhex(guid))
        if at < 0:
            continue
        yield Field(f"{name}.size", at + 16, 8, LITTLE)
        yield from (Field(f"{name}+{8 * n}", at + 24 + 8 * n, 8, LITTLE) for n in range(numbers))
        yield from (Field(f"{name}+{8 * n}.low", at + 24 + 8 * n, 4, LITTLE) for n in range(numbers))
        if name == "file":
            packet = struct.unpack_from("<I", content, at + 92)[0] or packet
    data = content.find(bytes.fromhex("3626b2758e66cf11a6d900aa0062ce6c"))
    for at in range(data + 50, len(content) - 32, packet):
        yield from (Field(f"packet+{n}", at + n, 1) for n in range(24))
        yield Field("packet.time", at + 6, 4, LITTLE)


FIELDS: dict[str, Callable[[bytes], Iterator[Field]]] = {
    ".mp4": fields_of_mp4, ".mov": fields_of_mp4, ".mkv": fields_of_matroska, ".webm": fields_of_matroska,
    ".avi": fields_of_avi, ".ogv": fields_of_ogg, ".ts": fields_of_transport, ".m2ts": fields_of_transport,
    ".mpg": fields_of_pes, ".vob": fields_of_pes, ".flv": fields_of_flv, ".wmv": fields_of_asf,
}  # fmt: skip
"""By the end of the file's name."""
