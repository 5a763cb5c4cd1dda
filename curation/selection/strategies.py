"""Several strategies at once: what each looks at becomes an objective of a product (`curation.selection.greedy`)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from curation.params.strategies import Balance, Diversity, Similarity, StrategyParams, Threshold, Typicality
from curation.selection.described import Described
from curation.selection.greedy.terms import LARGEST_SQUARED
from curation.selection.nearest import nearest_rows
from curation.selection.numbers import as_weights, numbers
from curation.selection.objectives import Diverse, Fixed, Objectives, Quota, Space
from curation.selection.objects import ObjectEmbeddings
from curation.selection.quotas import quota
from curation.selection.spaces import best_of_units, space_of
from curation.selection.stopping import squared_threshold
from curation.selection.typicality import typicality

_HOLDS = {
    "SMALLER": np.less,
    "SMALLER_EQUAL": np.less_equal,
    "BIGGER": np.greater,
    "BIGGER_EQUAL": np.greater_equal,
}


@dataclass(frozen=True)
class Vectors:
    """What distances are measured between.

    Attributes:
        units: (u, d) float32 embeddings of the units.
        base: (m, d) float32 those of the base.
        queries: embeddings of the queries of each SIMILARITY, (q, d) float32, by its place among the strategies.
        objects: embeddings of the objects of all samples, by task.
    """

    units: NDArray[np.float32]
    base: NDArray[np.float32]
    queries: Mapping[int, NDArray[np.float32]]
    objects: Mapping[str, ObjectEmbeddings]


def allowed_by_thresholds(
    strategies: Sequence[StrategyParams], names: Sequence[str], described: Described
) -> NDArray[np.bool_]:
    """Return which candidates no THRESHOLD rules out, (n,).

    Args:
        strategies: all of them, those of tasks with their files.
        names: n filenames.
        described: what is known of samples.
    """
    allowed = np.ones(len(names), dtype=bool)
    for place, item in enumerate(strategies):
        if isinstance(item.strategy, Threshold):
            values = numbers(item, place, names, described)
            allowed &= _HOLDS[item.strategy.operator](values, item.strategy.threshold)
    return allowed


def objectives_of(
    strategies: Sequence[StrategyParams],
    names: Sequence[str],
    members: NDArray[np.int64],
    base_names: Sequence[str],
    described: Described,
    vectors: Vectors,
) -> Objectives:
    """Evaluate what does not change, and count what the base has.

    A sequence of frames has the mean of its frames' values, the class that most of them have, and all their objects.

    Args:
        strategies: what is combined, those of tasks with their files.
        names: n filenames of candidates, sorted.
        members: (u, length) int64 candidates of each unit that may be chosen.
        base_names: m filenames of the base.
        described: what is known of samples.
        vectors: embeddings of units, base, queries and objects.
    """
    fixed, diverse, quotas = list[Fixed](), list[Diverse](), list[Quota]()

    @cache  # strategies that look at the same objects share them
    def space(task: str | None) -> Space | None:
        return None if task is None else space_of(task, vectors.objects, names, members, base_names)

    for place, item in enumerate(strategies):
        strategy = item.strategy
        if isinstance(strategy, Diversity):
            smallest = None if strategy.min_distance is None else squared_threshold(strategy.min_distance)
            diverse.append(Diverse(place, space(item.object_task), strategy.strength, smallest))
        elif isinstance(strategy, Balance):
            quotas.append(quota(place, item, names, members, base_names, described))
        elif isinstance(strategy, Typicality | Similarity):
            values = _of_vectors(item, place, vectors, space(item.object_task))
            fixed.append(_fixed(place, values, strategy.strength))
        elif not isinstance(strategy, Threshold):
            values = as_weights(numbers(item, place, names, described), item, names)[members].mean(axis=1)
            fixed.append(_fixed(place, values, strategy.strength))
    return Objectives(fixed, diverse, quotas)


def _of_vectors(item: StrategyParams, place: int, vectors: Vectors, objects: Space | None) -> NDArray[np.float64]:
    """Return the typicality of units, or their nearness to queries, (u,); over objects that of the best one."""
    measure: Callable[[NDArray[np.float32], NDArray[np.float32]], NDArray[np.float64]]
    if isinstance(item.strategy, Typicality):
        measure = typicality
    else:

        def measure(candidates: NDArray[np.float32], base: NDArray[np.float32]) -> NDArray[np.float64]:
            return _nearness(candidates, vectors.queries[place])

    if objects is None:
        return measure(vectors.units, vectors.base)
    return best_of_units(measure(objects.items, objects.base), objects.owners, len(vectors.units))


def _nearness(candidates: NDArray[np.float32], queries: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return 1 for what is a query, 0 for what is opposite to all of them, (n,)."""
    squared = nearest_rows(candidates, queries)[1].astype(np.float64)
    nearness: NDArray[np.float64] = np.maximum(1 - squared / LARGEST_SQUARED, 0)
    return nearness


def _fixed(place: int, values: NDArray[np.float64], strength: float) -> Fixed:
    """Return an objective; where all have the largest value and it is the lowest that is wanted, all are as good."""
    if strength < 0 and (values == 1).all():
        values = np.zeros(len(values))
    return Fixed(place, values, strength)
