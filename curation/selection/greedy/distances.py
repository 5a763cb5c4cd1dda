"""Squared distances of units to what is selected in one space, brought up to date only where they matter."""

from collections.abc import Sequence
from concurrent.futures import Executor

import numpy as np
from numpy.typing import NDArray

from curation.selection.covering import follow
from curation.selection.greedy.levels import Level
from curation.selection.kcenter import kernels
from curation.selection.kcenter.fast import Search, Tuning
from curation.selection.objectives import Diverse, Space
from curation.selection.traversal import Traversal

_NEAR = 16
"""Centres nearest to a group of items that are listed."""


class Distances:
    """Upper bounds of the units' distances, and the exact ones of a few units that are compared with every pick.

    Attributes:
        search: the items and the selected ones, as greedy k-center keeps them.
        smallest: squared distance that every pick keeps.
        squared: (m,) float32 squared distances of the few units; exact if every item is up to date that may count.
        logarithm: (m,) float64 of a quarter of these, 1 at most.
    """

    def __init__(
        self, space: Space, n: int, limit: int, smallest: np.float32, tuning: Tuning, executor: Executor
    ) -> None:
        """Find the nearest item of the base to each item.

        Args:
            space: the items.
            n: units.
            limit: picks at most.
            smallest: squared distance.
            tuning: sizes.
            executor: threads.
        """
        self.smallest = smallest
        self._start = np.searchsorted(space.owners, np.arange(n + 1)).astype(np.int64)
        sizes = np.diff(self._start)
        room = int(np.sort(sizes)[::-1][:limit].sum())
        nobody = np.zeros((1, space.items.shape[1]), np.float32)  # an item that is no unit's
        self.search = Search(space.items if len(space.items) else nobody, space.base, room, tuning, executor, _NEAR)
        self._row_of = self.search.rows_of_callers()
        self._is_one_each = bool((sizes == 1).all())
        self._floors = np.full(len(self._row_of), np.inf, np.float32)
        self._opened = self.search.count
        self._few_start = np.zeros(1, np.int64)
        self._few = kernels.gather(self.search.state, self._few_start[:0])
        self._is_fresh = np.zeros(0, np.bool_)
        self.squared, self.logarithm = np.zeros(0, np.float32), np.zeros(0)

    def bounds(self, units: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return an upper bound of each unit's squared distance, (m,) float32; 0 without items, -1 for picks."""
        rows, start = self._rows(units)
        squared = self.search.state.cover.squared[rows]
        if self._is_one_each:
            return squared
        largest = np.zeros(len(units), np.float32)
        filled = np.flatnonzero(np.diff(start))
        if len(filled):
            largest[filled] = np.maximum.reduceat(squared, start[filled])
        return largest

    def refresh(self, units: NDArray[np.int64], floors: NDArray[np.float32]) -> None:
        """Make the distances of units exact.

        Args:
            units: (m,) ascending.
            floors: (m,) squared distance of each, below which its distance does not matter.
        """
        rows, start = self._rows(units)
        self._floors[rows] = np.repeat(floors, np.diff(start))
        self.search.refresh(rows[self.search.state.cover.squared[rows] >= self._floors[rows]], self._floors)
        self._floors[rows] = np.inf

    def open(self, units: NDArray[np.int64]) -> None:
        """Choose the few units that are compared with every pick, (m,), ascending."""
        self.settle()
        rows, self._few_start = self._rows(units)
        self._few = kernels.gather(self.search.state, rows)
        self._is_fresh = self.search.state.cover.seen[rows] == self.search.count
        self.squared, self.logarithm = np.full(len(units), -2, np.float32), np.empty(len(units))
        self._find_farthest()

    def take(self, place: int) -> bool:
        """Select all items of one of the few; return whether they are the first in this space."""
        first, end = int(self._few_start[place]), int(self._few_start[place + 1])
        if first == end:
            return False
        search = self.search
        kernels.take(search.state, self._few, first, end, search.count)
        search.count += end - first
        self._find_farthest()
        return search.count == end - first

    def take_best(
        self,
        units: NDArray[np.int64],
        start: NDArray[np.float64],
        factors: NDArray[np.float64],
        level: Level,
        limit: int,
    ) -> tuple[NDArray[np.int64], NDArray[np.float32], bool, bool]:
        """Pick the best of the few as long as nothing else can be as good, where nothing but these distances changes.

        Args:
            units: (m,) the few.
            start: (m,) what no pick changes, changed in place.
            factors: (t,) what the logarithm of the distance is multiplied by, of each term.
            level: of a single kind.
            limit: picks at most.

        Returns:
            The positions of the picks, (k,), and their squared distances, (k,); whether it ended because many of the
            few are below the level; and whether these are the first in this space.
        """
        search, before = self.search, self.search.count
        places, squared = np.empty(limit, np.int64), np.empty(limit, np.float32)
        n, search.count, is_sparse = kernels.pick_by_value(
            search.state, self._few, self._few_start, units, start, factors, self.squared, self.logarithm,
            self.smallest, float(level.floor[0]), int(level.tie[0]), before, places, squared,
        )  # fmt: skip
        return places[:n], squared[:n], is_sparse, before == 0 < search.count

    def settle(self) -> None:
        """Write down that the few are up to date."""
        rows = self._few.rows[self._is_fresh & (self._few.squared >= 0)]
        self.search.state.cover.seen[rows] = self.search.count

    def close(self) -> bool:
        """End the comparison of the few; return whether the distances of all others have changed."""
        self.settle()
        self._is_fresh = np.zeros(0, np.bool_)
        self._few = kernels.gather(self.search.state, np.zeros(0, np.int64))
        is_first = self._opened == 0 < self.search.count
        self.search.account_for(self._opened)
        self._opened = self.search.count
        return is_first

    def _find_farthest(self) -> None:
        kernels.farthest(self._few.squared, self._few_start, self.squared, self.logarithm)

    def _rows(self, units: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the rows of all items of some units, side by side, and the first of each unit, (m + 1,)."""
        if self._is_one_each:
            return self._row_of[units], np.arange(len(units) + 1)
        sizes = self._start[units + 1] - self._start[units]
        start = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
        items = np.arange(start[-1]) + np.repeat(self._start[units] - start[:-1], sizes)
        return self._row_of[items], start


def distances_of(
    units: Space,
    diverse: Sequence[Diverse],
    limit: int,
    threshold: np.float32 | None,
    tuning: Tuning,
    executor: Executor,
) -> tuple[list[Distances], dict[int, int]]:
    """Return the spaces in which distances matter, the units' own first, and the place of each by its identity.

    Args:
        units: the units' own space, which None stands for.
        diverse: distances that are part of the value.
        limit: picks at most.
        threshold: smallest squared distance in the units' own space.
        tuning: sizes.
        executor: threads.
    """
    wanted: dict[int, tuple[Space, list[np.float32]]] = {}
    if threshold is not None:
        wanted[id(None)] = (units, [threshold])
    for one in sorted(diverse, key=lambda one: one.space is not None):
        _, smallest = wanted.setdefault(id(one.space), (one.space or units, []))
        smallest += [] if one.smallest is None else [one.smallest]
    spaces = [
        Distances(space, len(units.items), limit, max(smallest, default=np.float32(0)), tuning, executor)
        for space, smallest in wanted.values()
    ]
    return spaces, {key: place for place, key in enumerate(wanted)}


def covered_by(units: Space, picks: NDArray[np.int64], tuning: Tuning, executor: Executor) -> Traversal:
    """Return what picks mean that were chosen without a look at the units' own space."""
    among, _ = follow(units.items[picks], units.base, np.arange(len(picks)))
    search = Search(units.items, units.base, len(picks), tuning, executor)
    base_cover = search.in_callers_order()
    search.add(picks, search.rows_of_callers()[picks])
    search.find_nearest()
    squared, nearest = search.in_callers_order()
    return Traversal(picks, among.pick_squared, among.pick_nearest, *base_cover, np.maximum(squared, 0), nearest)
