"""Files that a user gives to the selection: scores, predictions, query samples."""

import json
from pathlib import Path

import numpy as np
import pandas as pd

from curation.core.errors import ParamsError


def read_scores(path: str, column: str) -> "pd.Series[float]":
    """Read one score for each sample.

    Args:
        path: CSV file with the columns `filename` and `column`.
        column: name of the score.

    Returns:
        float64 scores, indexed by filename.
    """
    table = _read(path, ["filename", column])
    scores = pd.to_numeric(table[column], errors="coerce").astype(np.float64)
    bad = table["filename"][~np.isfinite(scores)]
    if len(bad):
        raise ParamsError(f"select.strategies: {path}: {column} of {bad.iloc[0]!r} is not a finite number")
    repeated = table["filename"][table["filename"].duplicated()]
    if len(repeated):
        raise ParamsError(f"select.strategies: {path}: {repeated.iloc[0]!r} is listed twice")
    result: pd.Series[float] = pd.Series(scores.to_numpy(), index=table["filename"])
    return result


def read_predictions(path: str, parameter: str = "select.strategies") -> "pd.Series[str]":
    """Read the class with the highest score of each sample; the first in alphabetical order on ties.

    Args:
        path: CSV file with the columns `filename`, `class`, `score`; several rows a sample are usual. Or a COCO file
            (https://cocodataset.org/#format-data): `images`, `categories` and `annotations`, these with a `score` or
            not; or COCO results, a list of `image_id` (the filename), `category_id` and `score`.
        parameter: that names the file, for messages.

    Returns:
        Class names, indexed by filename.
    """
    ranked = ranked_predictions(path, parameter)
    result: pd.Series[str] = ranked.drop_duplicates("filename").set_index("filename")["class"]
    return result


def ranked_predictions(path: str, parameter: str = "select.strategies") -> pd.DataFrame:
    """Read all predictions, by filename and then from the highest score down; classes in alphabetical order on ties.

    Args:
        path: as for `read_predictions`.
        parameter: that names the file, for messages.

    Returns:
        `filename`, `class` and `score`; of COCO files also `bbox`, a list of x, y, width and height in pixels or None,
        and `size`, width and height of the picture that these are in, or None.
    """
    is_json = Path(path).suffix.lower() == ".json"
    table = _read_coco(path, parameter) if is_json else _read(path, ["filename", "class", "score"], parameter)
    scores = pd.to_numeric(table["score"], errors="coerce").astype(np.float64)
    bad = table["filename"][~np.isfinite(scores)]
    if len(bad):
        raise ParamsError(f"{parameter}: {path}: a score of {bad.iloc[0]!r} is not a finite number")
    ordered = table.assign(score=-scores).sort_values(["filename", "score", "class"], kind="stable", ignore_index=True)
    return ordered.assign(score=-ordered["score"])


def _read_coco(path: str, parameter: str) -> pd.DataFrame:
    """Read predictions in a COCO file as filename, class, score, bbox, size."""
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
        if isinstance(content, list):
            names, sizes, classes, annotations = None, {}, dict[object, str](), content
        else:
            names = {image["id"]: str(image["file_name"]) for image in content["images"]}
            sizes = {image["id"]: (image.get("width"), image.get("height")) for image in content["images"]}
            classes = {category["id"]: str(category["name"]) for category in content["categories"]}
            annotations = content["annotations"]
        rows = [
            (
                str(item["image_id"]) if names is None else names[item["image_id"]],
                classes[item["category_id"]] if names is not None else str(item["category_id"]),
                item.get("score", 1.0),
                item.get("bbox"),
                sizes.get(item["image_id"]),
            )
            for item in annotations
        ]
    except (OSError, ValueError) as error:
        raise _unreadable(path, error, parameter) from None
    except (KeyError, TypeError, AttributeError) as error:
        what = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        raise ParamsError(
            f"{parameter}: {path} is not a COCO file ({what}): it needs images (id, file_name), categories (id, name) "
            "and annotations (image_id, category_id, score), or a list of image_id (the filename), category_id and "
            "score"
        ) from None
    return pd.DataFrame(rows, columns=["filename", "class", "score", "bbox", "size"])


def read_filenames(path: str) -> list[str]:
    """Read a file with one filename a line; empty lines don't count, nor do spaces at the end, which no name has."""
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise _unreadable(path, error) from None
    names = sorted({line.rstrip() for line in lines if line.strip()})
    if not names:
        raise ParamsError(f"select.strategies: {path} names no sample: write one filename a line")
    return names


def read_dropped(path: str) -> list[str]:
    """Read the decisions of a review and return the filenames to drop, sorted.

    Args:
        path: CSV file with the columns `filename` and `decision`, which is `keep` or `drop`.
    """
    table = _read(path, ["filename", "decision"], "select.review_file")
    bad = table["filename"][~table["decision"].isin(["keep", "drop"])]
    if len(bad):
        raise ParamsError(f"select.review_file: {path}: the decision on {bad.iloc[0]!r} is neither keep nor drop")
    return sorted(set(table["filename"][table["decision"] == "drop"]))


def _read(path: str, columns: list[str], parameter: str = "select.strategies") -> pd.DataFrame:
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
    except (OSError, UnicodeDecodeError, ValueError) as error:
        raise _unreadable(path, error, parameter) from None
    missing = [column for column in columns if column not in table.columns]
    if missing:
        raise ParamsError(
            f"{parameter}: {path} has no column {missing[0]!r}; it has {', '.join(map(repr, table.columns))}"
        )
    return table


def _unreadable(path: str, error: Exception, parameter: str = "select.strategies") -> ParamsError:
    what = "there is no such file" if isinstance(error, FileNotFoundError) else str(error).splitlines()[0]
    return ParamsError(
        f"{parameter}: {path} cannot be read ({what}); give a path from the repository's root, and commit the "
        "file, so that every checkout has it"
    )
