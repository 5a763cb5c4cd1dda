"""Files that a user gives to the selection: scores, predictions, query samples."""

import json
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from curation.core.errors import ParamsError
from curation.params.strategies import PredictionsInput, ScoresInput, StrategyParams
from curation.tables.given import GivenTable, read_table
from curation.tables.given_lists import as_known, lines_of, read_text, unmatched


def read_scores(path: str, column: str, known: Collection[str] = ()) -> "pd.Series[float]":
    """Read one score for each sample.

    Args:
        path: CSV file with the columns `filename` and `column`.
        column: name of the score.
        known: names of samples, as a set or mapping; see `curation.tables.given_lists`.

    Returns:
        float64 scores, indexed by filename.
    """
    given = _read(path, ["filename", column], known)
    table, scores = given.rows, given.numbers(column)
    bad = table["filename"][~np.isfinite(scores)]
    if len(bad):
        raise ParamsError(
            f"select.strategies: {path}: {column} of {bad.iloc[0]!r} is not a finite number"
            f"{_point(table[column][bad.index[0]])}"
        )
    repeated = table["filename"][table["filename"].duplicated()]
    if len(repeated):
        raise ParamsError(f"select.strategies: {path}: {repeated.iloc[0]!r} is listed twice")
    result: pd.Series[float] = pd.Series(scores.to_numpy(), index=table["filename"])
    return result


def read_predictions(path: str, parameter: str = "select.strategies", known: Collection[str] = ()) -> "pd.Series[str]":
    """Read the class with the highest score of each sample; the first in alphabetical order on ties.

    Args:
        path: CSV file with the columns `filename`, `class`, `score`; several rows a sample are usual. Or a COCO file
            (https://cocodataset.org/#format-data): `images`, `categories` and `annotations`, these with a `score` or
            not; or COCO results, a list of `image_id` (the filename), `category_id` and `score`.
        parameter: that names the file, for messages.
        known: names of samples, as a set or mapping; see `curation.tables.given_lists`.

    Returns:
        Class names, indexed by filename.
    """
    ranked = ranked_predictions(path, parameter, known)
    result: pd.Series[str] = ranked.drop_duplicates("filename").set_index("filename")["class"]
    return result


def ranked_predictions(path: str, parameter: str = "select.strategies", known: Collection[str] = ()) -> pd.DataFrame:
    """Read all predictions, by filename and then from the highest score down; classes in alphabetical order on ties.

    Args:
        path: as for `read_predictions`.
        parameter: that names the file, for messages.
        known: names of samples, as a set or mapping; see `curation.tables.given_lists`.

    Returns:
        `filename`, `class` and `score`; of COCO files also `bbox`, a list of x, y, width and height in pixels or None,
        and `size`, width and height of the picture that these are in, or None.
    """
    if Path(path).suffix.lower() == ".json":
        given = GivenTable(_with_known(_read_coco(path, parameter), known), ",")
    else:
        given = _read(path, ["filename", "class", "score"], known, parameter)
    table, scores = given.rows, given.numbers("score")
    bad = table["filename"][~np.isfinite(scores)]
    if len(bad):
        raise ParamsError(
            f"{parameter}: {path}: a score of {bad.iloc[0]!r} is not a finite number"
            f"{_point(table['score'][bad.index[0]])}"
        )
    ordered = table.assign(score=-scores).sort_values(["filename", "score", "class"], kind="stable", ignore_index=True)
    return ordered.assign(score=-ordered["score"])


def _read_coco(path: str, parameter: str) -> pd.DataFrame:
    """Read predictions in a COCO file as filename, class, score, bbox, size."""
    try:
        content = json.loads(read_text(Path(path)))
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


def read_filenames(path: str, known: Collection[str] = ()) -> list[str]:
    """Read a file with one filename a line; empty lines don't count, nor do spaces at the end, which no name has.

    Args:
        path: the file.
        known: names of samples, as a set or mapping; see `curation.tables.given_lists`.

    Returns:
        The names, sorted, each once.
    """
    try:
        lines = lines_of(read_text(Path(path)))
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from None
    names = as_known((line.rstrip() for line in lines if line.strip()), known)
    if not names:
        raise ParamsError(f"select.strategies: {path} names no sample: write one filename a line")
    return sorted(set(names.values()))


def read_dropped(path: str, known: Collection[str] = ()) -> list[str]:
    """Read the decisions of a review and return the filenames to drop, sorted.

    Args:
        path: CSV file with the columns `filename` and `decision`, which is `keep` or `drop`.
        known: names of samples, as a set or mapping; see `curation.tables.given_lists`.
    """
    table = _read(path, ["filename", "decision"], known, "select.review_file").rows
    decision = table["decision"].str.strip()
    bad = table["filename"][~decision.isin(["keep", "drop"])]
    if len(bad):
        raise ParamsError(f"select.review_file: {path}: the decision on {bad.iloc[0]!r} is neither keep nor drop")
    return sorted(set(table["filename"][decision == "drop"]))


def given_files(strategies: Iterable[StrategyParams]) -> list[str]:
    """Return the files of scores and predictions that strategies name, each once."""
    inputs = (item.input for item in strategies)
    return list(dict.fromkeys(one.file for one in inputs if isinstance(one, ScoresInput | PredictionsInput)))


def unmatched_names(
    files: Iterable[str], known: Collection[str], parameter: str = "select.strategies"
) -> Iterator[str]:
    """Say which names in files of scores and predictions stand for no sample, a line for each such file.

    Args:
        files: as `read_scores` and `read_predictions` read them.
        known: names of all samples, as a set or mapping.
        parameter: that names them, for messages.
    """
    for file in files:
        is_json = Path(file).suffix.lower() == ".json"
        rows = _read_coco(file, parameter) if is_json else _read(file, ["filename"], (), parameter).rows
        if (line := unmatched(file, set(as_known(rows["filename"].unique(), known).values()), known)) is not None:
            yield line


def _read(path: str, columns: list[str], known: Collection[str], parameter: str = "select.strategies") -> GivenTable:
    try:
        given = read_table(Path(path), columns)
    except (OSError, ValueError) as error:
        raise _unreadable(path, error, parameter) from None
    table = given.rows
    missing = [column for column in columns if column not in table.columns]
    if missing:
        raise ParamsError(
            f"{parameter}: {path} has no column {missing[0]!r}; it has {', '.join(map(repr, table.columns))}"
        )
    return GivenTable(_with_known(table, known), given.separator)


def _with_known(table: pd.DataFrame, known: Collection[str]) -> pd.DataFrame:
    """Give samples the names that they are known by."""
    return table.assign(filename=table["filename"].map(as_known(table["filename"].unique(), known)))


def _point(value: object) -> str:
    """Advise on a number with a comma."""
    return f" ({value!r}: write a point, not a comma, before decimals)" if "," in str(value) else ""


def _unreadable(path: str, error: Exception, parameter: str = "select.strategies") -> ParamsError:
    what = "there is no such file" if isinstance(error, FileNotFoundError) else str(error).splitlines()[0]
    return ParamsError(
        f"{parameter}: {path} cannot be read ({what}); give a path from the repository's root, and commit the "
        "file, so that every checkout has it"
    )
