"""The definition of a selection by strategies, one pass over the candidates a pick.

Greedily the unit with the largest product of objectives to their strengths, compared by its logarithm; the lower row
on ties. What has a factor of 0 is picked last.
"""

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from curation.selection.greedy.terms import (
    diverse_term,
    diverse_value,
    fixed_term,
    quota_term,
    quota_value,
    quotients,
)
from curation.selection.objectives import Combined, Diverse, Objectives, Quota, Space
from curation.selection.tracking import Selected


def combined(
    candidates: NDArray[np.float32],
    base: NDArray[np.float32],
    limit: int,
    threshold: np.float32 | None,
    objectives: Objectives,
) -> Combined:
    """Pick up to `limit` candidates, each with the largest product of objectives; the lower row on ties.

    Args:
        candidates: (n, d) float32, sorted by filename.
        base: (m, d) float32.
        limit: picks at most.
        threshold: smallest squared distance of a pick.
        objectives: what is to be large.
    """
    n = len(candidates)
    units = Selected(candidates, base)
    items = {id(one.space): _Items(one.space, n) for one in objectives.diverse if one.space is not None}
    distances = [_Distance(one, items.get(id(one.space), units)) for one in objectives.diverse]
    balances = [_Balance(quota) for quota in objectives.quotas]
    parts: list[_Distance | _Balance] = [*distances, *balances]
    changing: list[_Items | _Balance] = [*items.values(), *balances]
    fixed = fixed_term(objectives.fixed, n)
    smallest = np.float32(0) if threshold is None else threshold
    values = []
    for _ in tqdm(range(min(limit, n)), desc="select", disable=None, leave=False):
        allowed = units.squared >= smallest
        for distance in distances:
            allowed &= distance.allowed
        rows = np.flatnonzero(allowed)
        if len(rows) == 0:
            break
        value = fixed[rows]
        for part in parts:
            value = value + part.term(rows)
        pick = int(rows[value.argmax()])
        values.append(
            {one.place: float(one.values[pick]) for one in objectives.fixed}
            | {part.place: part.value(pick) for part in parts}
        )
        units.add(pick)
        for one in changing:
            one.add(pick)
    places = objectives.places
    columns = np.array([[row[place] for place in places] for row in values]).reshape(len(values), len(places))
    return Combined(units.traversal(), columns, places)


class _Items:
    """The items of units, brought up to date pick by pick.

    Attributes:
        squared: (n,) float32 squared distance of each unit's farthest item to what is selected; 0 without items.
        is_empty: (n,) whether a unit has no items.
    """

    def __init__(self, space: Space, n: int) -> None:
        self._selected = Selected(space.items, space.base)
        self._start = np.searchsorted(space.owners, np.arange(n + 1))
        self._with_items = np.flatnonzero(np.diff(self._start))
        self.squared = np.zeros(n, np.float32)
        self.is_empty = np.diff(self._start) == 0
        self._update()

    def add(self, unit: int) -> None:
        """Select all items of a unit."""
        for item in range(self._start[unit], self._start[unit + 1]):
            self._selected.add(item)
        self._update()

    def _update(self) -> None:
        if len(self._with_items):
            farthest = np.maximum.reduceat(self._selected.squared, self._start[self._with_items])
            self.squared[self._with_items] = farthest


class _Distance:
    """The distance to the selected as an objective."""

    def __init__(self, objective: Diverse, tracked: "Selected | _Items") -> None:
        self.place = objective.place
        self._strength, self._smallest = objective.strength, objective.smallest
        self._tracked = tracked

    @property
    def allowed(self) -> NDArray[np.bool_]:
        """Units that are not too near."""
        squared = self._tracked.squared
        return np.ones(len(squared), dtype=bool) if self._smallest is None else squared >= self._smallest

    def term(self, rows: NDArray[np.int64]) -> NDArray[np.float64]:
        term = diverse_term(self._tracked.squared[rows], self._strength)
        return np.where(self._tracked.is_empty[rows], -np.inf, term) if isinstance(self._tracked, _Items) else term

    def value(self, unit: int) -> float:
        return float(diverse_value(self._tracked.squared[unit : unit + 1])[0])


class _Balance:
    """The balance of classes as an objective."""

    def __init__(self, quota: Quota) -> None:
        self.place = quota.place
        self._quota = quota
        self._count = quota.before.copy()

    def add(self, unit: int) -> None:
        """Count a unit."""
        self._count += self._quota.counts[unit]

    def term(self, rows: NDArray[np.int64]) -> NDArray[np.float64]:
        return quota_term(self._values(rows), self._quota.strength)

    def value(self, unit: int) -> float:
        return float(self._values(np.array([unit]))[0])

    def _values(self, rows: NDArray[np.int64]) -> NDArray[np.float64]:
        quota = self._quota
        return quota_value(quota.counts[rows], quota.others[rows], quotients(quota, self._count))
