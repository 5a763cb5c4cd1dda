"""Segments of a JPEG file (ISO/IEC 10918-1, annex B): which of them make the picture, and which only describe it."""

import mmap
import re
from collections.abc import Iterator
from typing import NamedTuple, Self

Content = bytes | mmap.mmap
"""The content of a file, read or mapped."""

START_OF_SCAN = 0xDA
HUFFMAN_TABLES = 0xC4
FRAMES = {*range(0xC0, 0xD0)} - {HUFFMAN_TABLES, 0xC8, 0xCC}
SEQUENTIAL = {0xC0, 0xC1}
"""Frames whose scans hold whole coefficients, in Huffman's code."""
PROGRESSIVE = {0xC2, 0xC6, 0xCA, 0xCE}
"""Frames whose scans hold parts of coefficients."""

_END_OF_IMAGE = 0xD9
_WITHOUT_LENGTH = {0x01, 0xD8}
_MARKER = re.compile(rb"\xff+[^\x00\xff\xd0-\xd7]", re.DOTALL)
"""Any marker but those that divide a scan; libjpeg passes over what else lies between two segments."""

_JFIF = 0xE0
_ADOBE = 0xEE
_METADATA = {*range(0xE0, 0xF0), 0xFE} - {_ADOBE}
"""Application data (EXIF, XMP, colour profile, thumbnail) and comments. Adobe's says how colours are stored."""


class Segment(NamedTuple):
    """A segment of a JPEG file.

    Attributes:
        marker: its second byte.
        content: what follows its length.
        end: position behind it; behind that of a scan its coded data begin.
    """

    marker: int
    content: bytes
    end: int


class Scan(NamedTuple):
    """The header of a scan.

    Attributes:
        components: whose data it holds.
        tables: numbers of their tables for coefficients.
        first: number of the first coefficient.
        last: of the last one.
        bits_unsent: lowest bits of the coefficients that later scans bring.
    """

    components: bytes
    tables: bytes
    first: int
    last: int
    bits_unsent: int

    @classmethod
    def of(cls, content: bytes) -> Self:
        """Read the content of a segment `START_OF_SCAN`; what is missing in it counts as zero."""
        number = content[0] if content else 0
        content = content.ljust(2 * number + 4, b"\0")
        first, last, bits = content[2 * number + 1 : 2 * number + 4]
        tables = bytes(pair & 15 for pair in content[2 : 2 * number + 1 : 2])
        return cls(content[1 : 2 * number + 1 : 2], tables, first, last, bits & 15)


def segments_of(data: Content) -> Iterator[Segment]:
    """Yield the segments of the first picture in a JPEG file, whole or not, up to its end marker.

    Args:
        data: the file.
    """
    position = 2
    while found := _MARKER.search(data, position):
        marker, position = found[0][-1], found.end()
        if marker == _END_OF_IMAGE:
            return
        if marker in _WITHOUT_LENGTH:
            continue
        end = position + int.from_bytes(data[position : position + 2], "big")
        yield Segment(marker, data[position + 2 : end], end)
        position = end


def end_of_scan(data: Content, start: int) -> int:
    """Return the position behind the coded data of a scan.

    Args:
        data: the file.
        start: where they begin.
    """
    found = _MARKER.search(data, start)
    return found.start() if found else len(data)


def without_metadata(data: bytes) -> Iterator[bytes | memoryview]:
    """Yield the parts of a JPEG file that make its picture: all but metadata before the first scan.

    Of a JFIF segment only its name remains: that there is one says how colours are stored, its content does not.

    Args:
        data: a file that a decoder has accepted.
    """
    view = memoryview(data)
    position = 2  # behind the marker that begins every file
    while position + 4 <= len(data) and data[position] == 0xFF:
        marker = data[position + 1]
        if marker == 0xFF:  # a marker may be preceded by any number of these
            position += 1
            continue
        if marker == START_OF_SCAN:
            break
        end = position + 2 + int.from_bytes(data[position + 2 : position + 4], "big")
        if marker == _JFIF and data[position + 4 : position + 8] == b"JFIF":
            yield b"JFIF"
        elif marker not in _METADATA:
            yield view[position:end]
        position = end
    yield view[position:]
