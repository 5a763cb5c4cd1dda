"""Wanted distributions over classes, out of what BALANCE says and of the classes that samples have."""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from curation.core.errors import ParamsError
from curation.params.strategies import Balance, StrategyParams
from curation.params.strategy_inputs import MetadataInput, PredictionsInput
from curation.selection.classes import classes_of
from curation.selection.described import Described
from curation.selection.objectives import Quota
from curation.tables.membership import is_among

_MOST_CLASSES = 1000
"""Classes that can be balanced: a column with more values is rather a measurement."""
_SHOWN = 5


def quota(
    place: int,
    item: StrategyParams,
    names: Sequence[str],
    members: NDArray[np.int64],
    base_names: Sequence[str],
    described: Described,
) -> Quota:
    """Return the distribution that a BALANCE wants, and what units and base have of it.

    Args:
        place: of the strategy among all.
        item: the strategy, with the file of its task.
        names: n filenames of candidates, sorted.
        members: (u, length) int64 candidates of each unit.
        base_names: m filenames of the base.
        described: what is known of samples.

    Raises:
        ParamsError: no candidate has a class of the target, or there are too many classes.
    """
    assert isinstance(item.strategy, Balance)
    assert isinstance(item.input, MetadataInput | PredictionsInput)
    classes = classes_of(item.input, described)
    here = classes.table[is_among(classes.table["filename"], set(names))]
    target = _target(item.strategy, item.input, here, {names[row] for row in members.ravel().tolist()})
    wanted = sorted(target)
    if len(members) and not here["class"].isin(wanted).any():
        found = ", ".join(map(repr, sorted(here["class"].unique())[:_SHOWN])) or "none"
        sought = f"of the BALANCE target ({', '.join(wanted)})" if wanted else "to balance"
        raise ParamsError(f"select.strategies: no candidate has a class {sought}; found: {found}")
    of_each = _counts(here, names, wanted)
    total = here["filename"].value_counts().reindex(pd.Index(names), fill_value=0).to_numpy(np.int64)
    if isinstance(item.input, PredictionsInput) and item.input.count == "objects":
        of_units, others = of_each[members].sum(axis=1), (total - of_each.sum(axis=1))[members].sum(axis=1)
    else:
        of_units, others = _commonest(of_each, members)
    before = _counts(classes.table, base_names, wanted).sum(axis=0)
    shares = np.array([target[name] for name in wanted], dtype=np.float64)
    return Quota(place, shares / shares.sum(), of_units, others, before, item.strategy.strength)


def _counts(rows: pd.DataFrame, names: Sequence[str], wanted: Sequence[str]) -> NDArray[np.int64]:
    """Return how many of each wanted class samples have, (n, c) int64.

    Args:
        rows: `filename` and `class` of all that counts.
        names: n samples.
        wanted: c classes.
    """
    sample, number = (
        pd.Index(names).get_indexer(pd.Index(rows["filename"])),
        pd.Index(wanted).get_indexer(pd.Index(rows["class"])),
    )
    counts = np.zeros((len(names), len(wanted)), dtype=np.int64)
    counted = (sample >= 0) & (number >= 0)
    np.add.at(counts, (sample[counted], number[counted]), 1)
    return counts


def _target(
    strategy: Balance, given: MetadataInput | PredictionsInput, rows: pd.DataFrame, names: AbstractSet[str]
) -> Mapping[str, float]:
    """Return the wanted share of each class, in any unit.

    Args:
        strategy: which distribution.
        given: the input, which may say which classes count.
        rows: `filename` and `class` of all that counts of candidates.
        names: candidates that may be chosen.

    Raises:
        ParamsError: there are too many classes.
    """
    if strategy.target is not None:
        return strategy.target
    there = rows["class"][is_among(rows["filename"], names)].value_counts()
    categories = given.categories if isinstance(given, PredictionsInput) else None
    shares = {str(name): float(n) for name, n in there.items() if categories is None or name in categories}
    if len(shares) > _MOST_CLASSES:
        raise ParamsError(
            f"select.strategies: distribution: {strategy.distribution} is over at most {_MOST_CLASSES} classes, and "
            f"the candidates have {len(shares)}, such as {min(shares)!r}: give a target, or another input"
        )
    return shares if strategy.distribution == "input" else dict.fromkeys(shares, 1.0)


def _commonest(of_each: NDArray[np.int64], members: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Give each unit the class that most of its samples have, and none where most have none of them.

    Args:
        of_each: (n, c) whether candidates have each class.
        members: (u, length) candidates of each unit.

    Returns:
        (u, c) int64 and (u,) int64: 1 for the class, or for none.
    """
    votes = of_each[members].sum(axis=1)
    votes = np.concatenate([members.shape[1] - votes.sum(axis=1, keepdims=True), votes], axis=1)
    chosen = votes.argmax(axis=1)
    of_units = (chosen[:, None] == np.arange(1, votes.shape[1])).astype(np.int64)
    return of_units, (chosen == 0).astype(np.int64)
