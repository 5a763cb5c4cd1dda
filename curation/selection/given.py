"""Files that a user gives to the selection: scores, predictions, query samples."""

from collections.abc import Callable, Collection, Iterable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from curation.core.errors import ParamsError
from curation.labels.given import Given, LabelFileError
from curation.labels.matching import Match, match_names
from curation.labels.reading import read_labels
from curation.labels.scorers import scores_of
from curation.tables.given import GivenTable, read_table
from curation.tables.given_lists import as_known, names_in, read_text, unmatched


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


def read_predictions(
    path: str,
    parameter: str = "select.strategies",
    known: Collection[str] = (),
    tell: Callable[[str], object] = lambda line: None,
) -> "pd.Series[str]":
    """Read the class with the highest score of each sample; the first in alphabetical order on ties.

    Args:
        path: see `predicted_by`.
        parameter: that names the file, for messages.
        known: names of samples, as a set or mapping; none: names stay as they are.
        tell: takes a line on which samples the names mean, see `told`, where there is one to say.

    Returns:
        Class names, indexed by filename.
    """
    given, match = predicted_by(path, parameter, known)
    if (line := told(path, given, match)) is not None:
        tell(line)
    rows = ranked(given, match)
    result: pd.Series[str] = rows.drop_duplicates("filename").set_index("filename")["class"]
    return result


def ranked_predictions(path: str, parameter: str = "select.strategies", known: Collection[str] = ()) -> pd.DataFrame:
    """Read all predictions, by filename and then from the highest score down; classes in alphabetical order on ties.

    Args:
        path: see `predicted_by`.
        parameter: that names the file, for messages.
        known: as for `read_predictions`.

    Returns:
        `filename`, `class`, `score`, which is 1 where there is none; `bbox`, a list of x, y, width and height or None;
        and `size`, width and height of the picture that these count in, or None if they are pixels of the full size.
    """
    return ranked(*predicted_by(path, parameter, known))


def ranked(given: Given, match: Match) -> pd.DataFrame:
    """Return predictions as `ranked_predictions` does.

    Args:
        given: what a file holds.
        match: the samples that its names mean; a name that means none stays as it is.
    """
    rows = [
        (
            match.samples.get(label.name, label.name),
            label.category,
            1.0 if label.score is None else label.score,
            None if label.box is None else list(label.box),
            label.extent,
        )
        for label in given.labels
    ]
    table = pd.DataFrame(rows, columns=["filename", "class", "score", "bbox", "size"]).astype({"score": np.float64})
    ordered = table.assign(score=-table["score"]).sort_values(
        ["filename", "score", "class"], kind="stable", ignore_index=True
    )
    return ordered.assign(score=-ordered["score"])


def predicted_by(path: str, parameter: str, known: Collection[str]) -> tuple[Given, Match]:
    """Read predictions in whatever format they are.

    Args:
        path: of a file, a folder or a zip archive, in one of `curation.labels.formats`.
        parameter: that names it, for messages.
        known: as for `read_predictions`.

    Returns:
        What the file holds, and the samples that its names mean; where none are known, nothing is matched.

    Raises:
        ParamsError: it cannot be read, or none of its names means a sample.
    """
    try:
        given = read_labels(Path(path))
    except LabelFileError as error:
        raise ParamsError(f"{parameter}: {path}: {error}") from None
    if not known:
        return given, Match({}, {}, {}, ())
    match = match_names(given.names, known)
    if not match.samples:
        raise ParamsError(
            f"{parameter}: {match.told(path)}. Samples are called {min(known)!r} and so on: name pictures by these, or "
            "by the end of their paths"
        )
    return given, match


def scores_by(path: str, given: Given, match: Match, scorer: str) -> tuple["pd.Series[float]", bool]:
    """Compute scores of samples from predictions.

    Args:
        path: of the predictions, for messages.
        given: what it holds.
        match: the samples that its names mean.
        scorer: one of `curation.labels.scorers.SCORERS`.

    Returns:
        float64 scores from 0 to 1 of the samples that have predictions, indexed by filename; and whether these are of
        objects, so that a sample without any need not be one that the model has not seen.
    """
    try:
        scores = scores_of(given, match.samples, scorer)
    except LabelFileError as error:
        raise ParamsError(f"select.predictions: {path}: {error}") from None
    result: pd.Series[float] = pd.Series(scores, dtype=np.float64)
    return result, any(label.box is not None for label in given.labels)


def read_filenames(path: str, known: Collection[str] = ()) -> list[str]:
    """Read a file with one filename a line; empty lines and comments don't count, nor do spaces at the end.

    Args:
        path: the file.
        known: names of samples, as a set or mapping; see `curation.tables.given_lists`.

    Returns:
        The names, sorted, each once.
    """
    try:
        text = read_text(Path(path))
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from None
    names = as_known((line for _, line in names_in(text, known)), known)
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


def unmatched_names(
    files: Iterable[str], known: Collection[str], parameter: str = "select.strategies"
) -> Iterator[str]:
    """Say which names in files of scores stand for no sample, a line for each such file.

    Args:
        files: as `read_scores` reads them.
        known: names of all samples, as a set or mapping.
        parameter: that names them, for messages.
    """
    for file in files:
        rows = _read(file, ["filename"], (), parameter).rows
        if (line := unmatched(file, set(as_known(rows["filename"].unique(), known).values()), known)) is not None:
            yield line


def told(file: str, given: Given, match: Match) -> str | None:
    """Say which samples the names in a file of predictions mean, and what was left out; None where all is as it is."""
    left_out = "".join(f"; left out: {count} {what}" for what, count in sorted(given.left_out.items()))
    return match.told(file) + left_out if left_out or not match.is_whole else None


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
