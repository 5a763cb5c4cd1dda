"""Damage in compressed TIFF files that libtiff passes over, strip by strip or tile by tile.

It stops inflating once a strip is full, before the checksum behind it, and leaves out what libjpeg warns of.
"""

import zlib
from collections.abc import Iterator
from pathlib import Path

from PIL.TiffImagePlugin import (
    COMPRESSION,
    JPEGTABLES,
    STRIPBYTECOUNTS,
    STRIPOFFSETS,
    TILEBYTECOUNTS,
    TILEOFFSETS,
    TiffImageFile,
)

from curation.image.findings import SOUND, Findings
from curation.image.jpeg_damage import findings_of
from curation.image.jpeg_segments import FRAMES, segments_of

_JPEG = 7
_DEFLATE = {8, 32946}
_MARKER_BYTES = 2
_INFLATED_AT_ONCE = 2**20
_LARGEST_PIXEL = 64
"""Bytes: eight bands of eight."""
_INKS = 4
_FRAME_HEADER = 6
"""Bytes of precision, height, width and number of components."""


def findings_of_tiff(opened: TiffImageFile, path: Path) -> Findings:
    """Look for damage in the strips or tiles of the first picture.

    Args:
        opened: the image.
        path: of its file.
    """
    compression = opened.tag_v2.get(COMPRESSION)
    if compression == _JPEG:
        tables = opened.tag_v2.get(JPEGTABLES, b"")
        tables = tables if isinstance(tables, bytes) else b""
        damages: Iterator[str] = (_damage_of_jpeg(_with_tables(part, tables)) for part in _parts(opened, path))
    elif compression in _DEFLATE:
        limit = opened.width * opened.height * _LARGEST_PIXEL + _INFLATED_AT_ONCE
        damages = (_damage_of_deflate(part, limit) for part in _parts(opened, path))
    else:
        return SOUND
    return next((Findings(f"damaged TIFF file: {damage}") for damage in damages if damage), SOUND)


def _parts(opened: TiffImageFile, path: Path) -> Iterator[bytes]:
    """Yield the compressed data of each strip or tile; what the file lacks of them is for libtiff to tell."""
    tags = opened.tag_v2
    offsets = tags.get(TILEOFFSETS) or tags.get(STRIPOFFSETS) or ()
    counts = tags.get(TILEBYTECOUNTS) or tags.get(STRIPBYTECOUNTS) or ()
    size = path.stat().st_size
    with path.open("rb") as file:
        for offset, count in zip(offsets, counts, strict=False):
            if isinstance(offset, int) and isinstance(count, int) and 0 <= offset < size and count > 0:
                file.seek(offset)
                yield file.read(min(count, size - offset))


def _damage_of_deflate(part: bytes, limit: int) -> str:
    """Inflate a strip to its end, at most `limit` bytes."""
    inflating, inflated = zlib.decompressobj(), 0
    try:
        while part and inflated < limit:
            inflated += len(inflating.decompress(part, _INFLATED_AT_ONCE))
            part = inflating.unconsumed_tail
    except zlib.error as error:
        return str(error).rpartition(": ")[2]
    return ""


def _with_tables(part: bytes, tables: bytes) -> bytes:
    """Return a strip as a JPEG file of its own: the tables of all come before its own segments."""
    return tables[:-_MARKER_BYTES] + part[_MARKER_BYTES:] if tables else part


def _damage_of_jpeg(part: bytes) -> str:
    frame = next((each.content for each in segments_of(part) if each.marker in FRAMES), b"")
    if len(frame) <= _FRAME_HEADER:
        return ""
    height, width = (int.from_bytes(frame[start : start + 2], "big") for start in (1, 3))
    found = findings_of(part, (width, height), has_inks=frame[5] == _INKS, is_strictly_sound=False)
    return found.damage.partition(": ")[2]
