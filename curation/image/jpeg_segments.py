"""Segments of a JPEG file (ISO/IEC 10918-1, annex B): which of them make the picture, and which only describe it."""

from collections.abc import Iterator

_START_OF_SCAN = 0xDA
_JFIF = 0xE0
_ADOBE = 0xEE
_METADATA = {*range(0xE0, 0xF0), 0xFE} - {_ADOBE}
"""Application data (EXIF, XMP, colour profile, thumbnail) and comments. Adobe's says how colours are stored."""


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
        if marker == _START_OF_SCAN:
            break
        end = position + 2 + int.from_bytes(data[position + 2 : position + 4], "big")
        if marker == _JFIF and data[position + 4 : position + 8] == b"JFIF":
            yield b"JFIF"
        elif marker not in _METADATA:
            yield view[position:end]
        position = end
    yield view[position:]
