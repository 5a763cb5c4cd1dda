"""Numbers of samples that strategies compare: scores, measurements, columns of metadata, counts, and chance."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from curation.core.errors import ParamsError
from curation.params.strategies import StrategyParams
from curation.params.strategy_inputs import MetadataInput, PredictionsInput, ScoresInput
from curation.selection.classes import classes_of
from curation.selection.described import Described
from curation.selection.given import scores_by
from curation.tables.membership import is_among


def numbers(item: StrategyParams, place: int, names: Sequence[str], described: Described) -> NDArray[np.float64]:
    """Return the value of each candidate, (n,) float64.

    Args:
        item: the strategy, with the file of its task.
        place: of the strategy among all, which seeds its chance.
        names: n filenames of candidates, sorted.
        described: what is known of samples.

    Raises:
        ParamsError: a candidate has none.
    """
    if item.input.type == "RANDOM":
        return np.random.default_rng([described.seed, place]).random(len(names))
    known, where = _known_numbers(item, names, described)
    return of_every(known, names, f"select.strategies: {where} has no value for")


def of_every(known: "pd.Series[float]", names: Sequence[str], refusal: str) -> NDArray[np.float64]:
    """Return the value of each candidate, (n,) float64.

    Args:
        known: values by filename.
        names: n filenames of candidates.
        refusal: begins the message where candidates have none; how many, and which for one, follow.

    Raises:
        ParamsError: a candidate has none.
    """
    values = np.asarray(known.reindex(pd.Index(names)), dtype=np.float64)
    missing = np.flatnonzero(np.isnan(values))
    if len(missing):
        raise ParamsError(f"{refusal} {len(missing)} of {len(names)} candidates, {names[missing[0]]!r} for one")
    return values


def _known_numbers(item: StrategyParams, names: Sequence[str], described: Described) -> tuple["pd.Series[float]", str]:
    """Return the values that are known, indexed by filename, and where they are from."""
    given = item.input
    if isinstance(given, MetadataInput):
        return _metadata(given, described)
    if isinstance(given, PredictionsInput):
        classes = classes_of(given, described)
        rows = classes.table
        if given.categories is not None:
            rows = rows[rows["class"].isin(given.categories)]
        counts = rows["filename"].value_counts().reindex(sorted(classes.known), fill_value=0).astype(np.float64)
        return _with_nothing(counts, names, is_of_objects=classes.of_objects), given.file or str(given.labels)
    assert isinstance(given, ScoresInput)
    assert given.file is not None
    if given.task is None:
        return described.scores(given.file, given.score), given.file
    return task_scores(given.file, given.score, names, described), given.file


def task_scores(path: str, scorer: str, names: Sequence[str], described: Described) -> "pd.Series[float]":
    """Return scores that are computed from predictions, by filename; 0 for candidates without objects.

    Args:
        path: of the predictions.
        scorer: one of `curation.labels.scorers.SCORERS`.
        names: of candidates.
        described: what is known of samples.
    """
    known, is_of_objects = scores_by(path, *described.predicted(path), scorer)
    return _with_nothing(known, names, is_of_objects=is_of_objects)


def _with_nothing(known: "pd.Series[float]", names: Sequence[str], *, is_of_objects: bool) -> "pd.Series[float]":
    """Give 0 to the candidates without objects, of which tools write nothing, where a file has some of the others."""
    if not is_of_objects or not is_among(known.index, set(names)).any():
        return known
    return known.reindex(pd.Index(names), fill_value=0.0)


def _metadata(given: MetadataInput, described: Described) -> tuple["pd.Series[float]", str]:
    """Return a column of the metadata, indexed by filename, and where it is from."""
    if described.is_in_table(given.key):
        assert described.metadata is not None
        return described.metadata.numbers(given.key), f"{described.metadata.path}: {given.key}"
    return described.measured(given.key), f"the metadata {given.key}"


def as_weights(values: NDArray[np.float64], item: StrategyParams, names: Sequence[str]) -> NDArray[np.float64]:
    """Scale values to a largest of 1.

    Raises:
        ParamsError: one is negative.
    """
    negative = np.flatnonzero(values < 0)
    if len(negative):
        raise ParamsError(
            f"select.strategies: WEIGHTS must be 0 or more; {item.input.type} has {values[negative[0]]:g} for "
            f"{names[negative[0]]!r}"
        )
    largest = values.max(initial=0)
    scaled: NDArray[np.float64] = values / largest if largest > 0 else np.ones(len(values))
    return scaled
