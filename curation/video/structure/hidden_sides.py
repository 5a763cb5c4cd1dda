"""The sides of a video's pictures that its container says are not to be shown.

MP4 and QuickTime state it as a clean aperture (ISO/IEC 14496-12, 12.1.4), Matroska as pixels to cut off at each side
(RFC 9559, 5.1.4.1.28.8 to 11). FFmpeg's command line cuts the rest off from version 7.1 on, its libraries do not.
"""

from collections.abc import Iterator
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from curation.video.structure.matroska import track_fields
from curation.video.structure.mp4_boxes import Box, box_at, boxes, descendants, field_of
from curation.video.structure.view import View

_VIDEO = 0xE0
_SIDES = (0x54CC, 0x54DD, 0x54BB, 0x54AA)
_ENTRY_BYTES = 78
"""Bytes of a visual sample entry before the boxes in it."""


class HiddenSides(NamedTuple):
    """Pixels to cut off at each side of a picture as it is stored."""

    left: int
    right: int
    top: int
    bottom: int


def hidden_sides_of(path: Path, format_name: str, stream: int, size: tuple[int, int]) -> HiddenSides | None:
    """Return what is to be cut off a video's pictures; None if nothing is, or what the file says makes no sense.

    Args:
        path: the file.
        format_name: as FFmpeg calls its container.
        stream: as the container numbers the video stream.
        size: width and height of the pictures.
    """
    try:
        state = path.stat()
        return _hidden_sides_of(path, format_name, stream, size, state.st_size, state.st_mtime_ns)
    except OSError:
        return None


@lru_cache(maxsize=4)
def _hidden_sides_of(
    path: Path, format_name: str, stream: int, size: tuple[int, int], _bytes: int, _changed: int
) -> HiddenSides | None:
    """Read the headers; see `hidden_sides_of`. It is asked several times in a row for the same file."""
    with path.open("rb", buffering=4096) as file:
        view = View(file)
        if format_name.startswith("mov"):
            sides = _aperture(_sample_entry(view, stream), size)
        elif format_name.startswith("matroska"):
            fields = track_fields(view, stream, _VIDEO)
            sides = HiddenSides(*(int.from_bytes(fields.get(side, b""), "big") for side in _SIDES))
        else:
            return None
    if sides is None or not any(sides) or min(sides) < 0:
        return None
    return sides if sides.left + sides.right < size[0] and sides.top + sides.bottom < size[1] else None


def _sample_entry(view: View, track: int) -> bytes:
    """Return the content of the first description of a track's samples; nothing where there is none.

    Args:
        view: the file.
        track: its number.
    """
    for movie in boxes(view, Box(b"", 0, view.size)):
        if movie.kind != b"moov":
            continue
        for box in boxes(view, movie):
            inner = {child.kind: child for child in descendants(view, box)} if box.kind == b"trak" else {}
            if b"stsd" in inner and b"tkhd" in inner and field_of(view, inner[b"tkhd"], 12, 20, 4, 4) == track:
                entry = box_at(view, inner[b"stsd"].begin + 8)
                return view.read(entry.begin, min(entry.end - entry.begin, 1 << 16)) if entry else b""
        break
    return b""


def _aperture(entry: bytes, size: tuple[int, int]) -> HiddenSides | None:
    """Return what a clean aperture leaves out, rounded as FFmpeg does; None where there is none.

    Args:
        entry: content of a sample entry.
        size: width and height of the pictures.
    """
    content = next((content for kind, content in _boxes_in(entry[_ENTRY_BYTES:]) if kind == b"clap"), b"")
    if len(content) < 32:
        return None
    values = [int.from_bytes(content[at : at + 4], "big", signed=True) for at in range(0, 32, 4)]
    if min(values[1::2]) <= 0 or values[0] < 0 or values[2] < 0:
        return None
    width, height, right, down = (Fraction(*values[at : at + 2]) for at in (0, 2, 4, 6))
    sides: list[int] = []
    for length, shown, offset in ((size[0], width, right), (size[1], height, down)):
        middle = Fraction(length - 1, 2) + offset
        first, last = middle - (shown - 1) / 2, middle + (shown - 1) / 2
        if first < 0 or last > length - 1:
            return None
        sides += [int(first), length - 1 - int(last)]
    return HiddenSides(*sides)


def _boxes_in(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield kind and content of boxes, as far as they make sense."""
    at = 0
    while at + 8 <= len(content):
        length = int.from_bytes(content[at : at + 4], "big")
        if length < 8:
            return
        yield content[at + 4 : at + 8], content[at + 8 : at + length]
        at += length
