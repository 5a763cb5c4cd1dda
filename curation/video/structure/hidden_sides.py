"""The sides of a video's pictures that its container says are not to be shown.

MP4 and QuickTime state it as a clean aperture (ISO/IEC 14496-12, 12.1.4), Matroska as pixels to cut off at each side
(RFC 9559, 5.1.4.1.28.8 to 11). FFmpeg's command line cuts the rest off from version 7.1 on, its libraries do not.
"""

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

_MOST_BYTES = 1 << 16
"""Bytes of a sample entry that are looked at."""


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
            sides = _aperture(view, stream, size)
        elif format_name.startswith("matroska"):
            fields = track_fields(view, stream, _VIDEO)
            sides = HiddenSides(*(int.from_bytes(fields.get(side, b""), "big") for side in _SIDES))
        else:
            return None
    if sides is None or not any(sides) or min(sides) < 0:
        return None
    return sides if sides.left + sides.right < size[0] and sides.top + sides.bottom < size[1] else None


def _sample_entry(view: View, track: int) -> Box | None:
    """Return the first description of a track's samples; None where there is none.

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
                return box_at(view, inner[b"stsd"].begin + 8)
        break
    return None


def _aperture(view: View, track: int, size: tuple[int, int]) -> HiddenSides | None:
    """Return what a clean aperture leaves out, rounded as FFmpeg does; None where there is none.

    Args:
        view: the file.
        track: number of the video track.
        size: width and height of the pictures.
    """
    entry = _sample_entry(view, track)
    if entry is None:
        return None
    inside = Box(entry.kind, entry.begin + _ENTRY_BYTES, min(entry.end, entry.begin + _MOST_BYTES))
    clap = next((box for box in boxes(view, inside) if box.kind == b"clap"), None)
    if clap is None or min(clap.end, inside.end, view.size) < clap.begin + 32:
        return None
    content = view.read(clap.begin, 32)
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
