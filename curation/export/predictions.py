"""What a model predicts of samples, as labelling tools show it before people label."""

from collections.abc import Mapping
from typing import NamedTuple

import pandas as pd

from curation.core.errors import ParamsError


class Predicted(NamedTuple):
    """One class that a model predicts.

    Attributes:
        name: of the class.
        score: of it.
        box: left, top, width and height as shares of the picture's; None for the picture as a whole.
    """

    name: str
    score: float
    box: tuple[float, float, float, float] | None


def predictions_of(
    ranked: pd.DataFrame, sizes: Mapping[str, tuple[int, int]], path: str
) -> dict[str, tuple[Predicted, ...]]:
    """Return what is predicted of samples: all boxes, or where there is none the class with the highest score.

    Args:
        ranked: `filename`, `class`, `score` and perhaps `bbox` and `size`, the highest score of a sample first
            (`curation.selection.given.ranked_predictions`).
        sizes: width and height in pixels of the samples that are wanted, in full size, if known: boxes are in these
            pixels where the file does not give the size of its pictures.
        path: of the file, for messages.

    Raises:
        ParamsError: a box is none.
    """
    found: dict[str, list[Predicted]] = {}
    rows = ranked[ranked["filename"].isin(sizes)]
    boxes = rows["bbox"] if "bbox" in rows else [None] * len(rows)
    given = rows["size"] if "size" in rows else [None] * len(rows)
    for filename, name, score, box, size in zip(
        rows["filename"], rows["class"], rows["score"], boxes, given, strict=True
    ):
        share = _share(box, size, sizes[filename], f"{path}: {filename!r}")
        found.setdefault(filename, []).append(Predicted(str(name), float(score), share))
    return {filename: _shown(predicted) for filename, predicted in found.items()}


def _shown(predicted: list[Predicted]) -> tuple[Predicted, ...]:
    boxes = tuple(one for one in predicted if one.box is not None)
    return boxes or (predicted[0],)


def _share(box: object, given: object, full: tuple[int, int], where: str) -> tuple[float, float, float, float] | None:
    """Return a box as shares of its picture's width and height.

    Raises:
        ParamsError: it is none.
    """
    if box is None or (isinstance(box, list) and not box):
        return None
    width, height = given if isinstance(given, tuple) and all(given) else full
    try:
        left, top, wide, high = map(float, box)  # type: ignore[call-overload]
        return left / width, top / height, wide / width, high / height
    except (TypeError, ValueError, ZeroDivisionError):
        raise ParamsError(f"{where}: bbox {box!r} is not [x, y, width, height] in pixels") from None
