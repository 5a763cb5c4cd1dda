"""Several strategies at once: what they read, as objectives of a product.

Each objective is a number from 0 to 1 for each candidate. Some stay (weights, typicality, similarity to queries), some
change with every pick (distance to the selected, balance of classes).
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from curation.core.errors import ParamsError
from curation.params.strategies import (
    Balance,
    Diversity,
    MetadataInput,
    PredictionsInput,
    ScoresInput,
    Similarity,
    StrategyParams,
    Threshold,
    Typicality,
)
from curation.selection.given import read_predictions, read_scores, read_scores_of_task
from curation.selection.greedy.terms import LARGEST_SQUARED
from curation.selection.nearest import nearest_rows
from curation.selection.objectives import Diverse, Fixed, Objectives, Quota
from curation.selection.typicality import typicality

_HOLDS = {
    "SMALLER": np.less,
    "SMALLER_EQUAL": np.less_equal,
    "BIGGER": np.greater,
    "BIGGER_EQUAL": np.greater_equal,
}


def allowed_by_thresholds(
    strategies: Sequence[StrategyParams], names: Sequence[str], processed: pd.DataFrame
) -> NDArray[np.bool_]:
    """Return which candidates no THRESHOLD rules out, (n,).

    Args:
        strategies: all of them.
        names: n filenames.
        processed: metadata of all samples.
    """
    allowed = np.ones(len(names), dtype=bool)
    for item in strategies:
        if isinstance(item.strategy, Threshold):
            allowed &= _HOLDS[item.strategy.operator](numbers(item, names, processed), item.strategy.threshold)
    return allowed


def objectives_of(
    strategies: Sequence[StrategyParams],
    names: Sequence[str],
    members: NDArray[np.int64],
    base_names: Sequence[str],
    processed: pd.DataFrame,
    embeddings: tuple[NDArray[np.float32], NDArray[np.float32]],
    queries: Mapping[int, NDArray[np.float32]],
    seed: int,
) -> Objectives:
    """Evaluate what does not change, and count what the base has.

    A sequence of frames has the mean of its frames' values, and the class that most of them have.

    Args:
        strategies: what is combined.
        names: n filenames of candidates, sorted.
        members: (u, length) int64 candidates of each unit that may be chosen.
        base_names: m filenames of the base.
        processed: metadata of all samples.
        embeddings: of the units, (u, d) float32, and of the base, (m, d) float32.
        queries: embeddings of the query samples of each SIMILARITY, (q, d) float32, by its place in `strategies`.
        seed: of random weights.
    """
    fixed, diverse, quotas = list[Fixed](), list[Diverse](), list[Quota]()
    for place, item in enumerate(strategies):
        strategy = item.strategy
        if isinstance(strategy, Threshold):
            continue
        if isinstance(strategy, Diversity):
            diverse.append(Diverse(place, None, strategy.strength))
        elif isinstance(strategy, Balance):
            quotas.append(_quota(place, strategy, item, names, members, base_names, processed))
        else:
            if isinstance(strategy, Typicality):
                value = typicality(*embeddings)
            elif isinstance(strategy, Similarity):
                squared = nearest_rows(embeddings[0], queries[place])[1].astype(np.float64)
                value = np.maximum(1 - squared / LARGEST_SQUARED, 0)
            else:
                of_each = (
                    np.random.default_rng([seed, place]).random(len(names))
                    if item.input.type == "RANDOM"
                    else numbers(item, names, processed)
                )
                value = _as_weights(of_each, item, names)[members].mean(axis=1)
            fixed.append(Fixed(place, value, strategy.strength))
    return Objectives(fixed, diverse, quotas)


def numbers(item: StrategyParams, names: Sequence[str], processed: pd.DataFrame) -> NDArray[np.float64]:
    """Return the value of each candidate, (n,) float64, from a file of scores or predictions, or from the metadata.

    Raises:
        ParamsError: a candidate has none.
    """
    known, where = _known_numbers(item, names, processed)
    values = np.asarray(known.reindex(pd.Index(names)), dtype=np.float64)
    missing = np.flatnonzero(np.isnan(values))
    if len(missing):
        raise ParamsError(
            f"select.strategies: {where} has no value for {len(missing)} of {len(names)} candidates, "
            f"{names[missing[0]]!r} for one"
        )
    return values


def _known_numbers(
    item: StrategyParams, names: Sequence[str], processed: pd.DataFrame
) -> tuple["pd.Series[float]", str]:
    """Return the values that are known, indexed by filename, and where they are from.

    Where a file of predicted objects has some of the candidates, the others are those without objects, which tools do
    not write: their value is 0.
    """
    if not isinstance(item.input, ScoresInput):
        return _metadata(item, processed), f"the metadata {getattr(item.input, 'key', '')}"
    assert item.input.file is not None
    every = set(processed["filename"])
    if item.input.task is None:
        return read_scores(item.input.file, item.input.score, every), item.input.file
    known, is_of_objects = read_scores_of_task(item.input.file, item.input.score, every)
    if is_of_objects and known.index.isin(names).any():
        known = known.reindex(
            pd.Index([*known.index, *(name for name in names if name not in known.index)]), fill_value=0.0
        )
    return known, item.input.file


def _metadata(item: StrategyParams, processed: pd.DataFrame) -> "pd.Series[float]":
    """Return a column of the metadata, indexed by filename."""
    assert isinstance(item.input, MetadataInput)
    if item.input.key not in processed.columns:
        raise ParamsError(f"select.strategies: the samples have no metadata {item.input.key!r}")
    column: pd.Series[float] = processed.set_index("filename")[item.input.key]
    return column


def _as_weights(values: NDArray[np.float64], item: StrategyParams, names: Sequence[str]) -> NDArray[np.float64]:
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


def _quota(
    place: int,
    strategy: Balance,
    item: StrategyParams,
    names: Sequence[str],
    members: NDArray[np.int64],
    base_names: Sequence[str],
    processed: pd.DataFrame,
) -> Quota:
    """Find the class of each unit and count those of the base.

    Raises:
        ParamsError: no candidate has a class of the target.
    """
    if isinstance(item.input, PredictionsInput):
        assert item.input.file is not None
        known: pd.Series[str] = read_predictions(item.input.file, known=set(processed["filename"]))
    else:
        known = _metadata(item, processed).map(str)
    wanted = sorted(strategy.target)
    number_of = {name: number for number, name in enumerate(wanted)}

    def numbered(of: Sequence[str]) -> NDArray[np.int64]:
        classes = known.reindex(pd.Index(of)).map(lambda name: number_of.get(name, -1))
        return classes.to_numpy(np.int64)

    each = numbered(names)
    if not (each >= 0).any() and len(names):
        found = ", ".join(map(repr, sorted(set(known.reindex(pd.Index(names)).dropna()))[:5])) or "none"
        raise ParamsError(
            f"select.strategies: no candidate has a class of the BALANCE target ({', '.join(wanted)}); found: {found}"
        )
    votes = np.stack([(each[members] == number).sum(axis=1) for number in range(-1, len(wanted))], axis=1)
    before = np.bincount(numbered(base_names) + 1, minlength=len(wanted) + 1)[1:]
    target = np.array([strategy.target[name] for name in wanted])
    commonest = votes.argmax(axis=1)
    counts = (commonest[:, None] == np.arange(1, len(wanted) + 1)).astype(np.int64)
    others = (commonest == 0).astype(np.int64)
    return Quota(place, target / target.sum(), counts, others, before.astype(np.int64), strategy.strength)
