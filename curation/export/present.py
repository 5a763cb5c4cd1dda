"""Pictures that an earlier export has left in its folder: whether they are what is asked for now."""

from collections.abc import Callable, Iterable
from pathlib import Path

import pandas as pd
from PIL import Image, UnidentifiedImageError

from curation.core.errors import OutputError
from curation.core.regular import is_file


def refuse_other_sizes(
    samples: pd.DataFrame, names: Iterable[str], folder: Path, scale: Callable[[int, int], tuple[int, int]]
) -> None:
    """Refuse to go on with an export where pictures that are there have another size than is asked for.

    They would stay, and differ from what lists say of them. What cannot be opened, and sizes that are not known, pass.

    Args:
        samples: with `width` and `height` in pixels, in full size.
        names: path of each one's picture in the folder.
        folder: of the export.
        scale: returns width and height of an exported picture, from those of the sample.

    Raises:
        OutputError: a picture has another size.
    """
    for name, width, height in zip(names, samples["width"], samples["height"], strict=True):
        found = _size_of(folder / name)
        if found is None or pd.isna(width) or pd.isna(height):
            continue
        wanted = scale(int(width), int(height))
        if sorted(found) != sorted(wanted):  # a camera's picture may lie on its side, which EXIF says
            raise OutputError(
                f"{folder / name} is there already with {found[0]} x {found[1]} pixels, and not {wanted[0]} x "
                f"{wanted[1]}: pictures that are there stay, so export to another folder, or delete that one first"
            )


def _size_of(path: Path) -> tuple[int, int] | None:
    """Return width and height in pixels as the file's head says, None where there is no picture."""
    if not is_file(path):
        return None
    try:
        with Image.open(path) as picture:
            return picture.size
    except (OSError, UnidentifiedImageError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None
