"""Thumbnails by the thousand: WebP sheets of 64 pictures each, which a page draws cells of."""

import base64
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from PIL import Image
from tqdm import tqdm

from curation.reporting.draw.pictures import PictureReader

COLUMNS = 8
CELLS = COLUMNS * COLUMNS
"""Cells of a sheet. Few enough that decoding a sheet takes a browser no time that one would notice."""

LIMIT = 10_000
"""Thumbnails at most: a dozen seconds of decoding and encoding."""

_SIDES = ((1_000, 160), (3_000, 128), (LIMIT, 96))  # thumbnails at most, pixels of a cell's side
_QUALITY = 60
_BACKGROUND = "#f4f6f8"


@dataclass(frozen=True)
class Thumbnails:
    """Pictures of samples, made small.

    Attributes:
        side: pixels of a cell's side.
        sheets: base64 of WebP files, `COLUMNS` cells in a row and as many rows.
        cells: by filename: the number of its cell, counted through all sheets, and the picture's width and height.
    """

    side: int
    sheets: tuple[str, ...]
    cells: Mapping[str, tuple[int, int, int]]


def make_thumbnails(filenames: Sequence[str], read: PictureReader, max_characters: int) -> Thumbnails:
    """Make thumbnails of as many samples as there is room for.

    WebP at this quality takes two thirds of the bytes of a JPEG that looks as good.

    Args:
        filenames: most wanted first, each once.
        read: where the pictures come from; it is asked for one sheet's pictures at a time.
        max_characters: of all sheets together, as base64.
    """
    wanted = filenames[:LIMIT]
    side = next(side for count, side in _SIDES if len(wanted) <= count)
    sheets: list[str] = []
    cells: dict[str, tuple[int, int, int]] = {}
    room = max_characters
    progress = tqdm(
        _small_pictures(wanted, read, side), desc="thumbnails", total=len(wanted), disable=None, leave=False
    )
    for pictures in _in_sheets(progress):
        content = base64.b64encode(_sheet([picture for _, picture in pictures], side)).decode()
        room -= len(content)
        if room < 0:
            break
        for place, (name, picture) in enumerate(pictures):
            cells[name] = (CELLS * len(sheets) + place, *picture.size)
        sheets.append(content)
    return Thumbnails(side, tuple(sheets), cells)


def _small_pictures(names: Sequence[str], read: PictureReader, side: int) -> Iterator[tuple[str, Image.Image]]:
    """Yield name and thumbnail of each sample whose picture is available; few full pictures are held at a time."""
    for start in range(0, len(names), CELLS):
        part = names[start : start + CELLS]
        found = read(part)
        for name in part:
            if name in found:
                small = found[name].convert("RGB")
                small.thumbnail((side, side), Image.Resampling.LANCZOS, reducing_gap=2.0)
                yield name, small


def _in_sheets(pictures: Iterable[tuple[str, Image.Image]]) -> Iterator[list[tuple[str, Image.Image]]]:
    """Group pictures into sheets; the last one may have free cells."""
    group: list[tuple[str, Image.Image]] = []
    for picture in pictures:
        group.append(picture)
        if len(group) == CELLS:
            yield group
            group = []
    if group:
        yield group


def _sheet(pictures: Sequence[Image.Image], side: int) -> bytes:
    """Return a WebP file with each picture in the upper left corner of its cell."""
    sheet = Image.new("RGB", (COLUMNS * side, -(-len(pictures) // COLUMNS) * side), _BACKGROUND)
    for place, picture in enumerate(pictures):
        sheet.paste(picture, (place % COLUMNS * side, place // COLUMNS * side))
    buffer = io.BytesIO()
    sheet.save(buffer, format="WEBP", quality=_QUALITY, method=4)
    return buffer.getvalue()
