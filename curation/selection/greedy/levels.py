"""Levels of the value: the units above one are looked at, and no other can be picked as long as one of them is ahead.

A level has a floor for each kind of units (`kinds`), since quotas move the kinds against each other: as long as each
has a unit above its floor, the best of all is above all floors.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_SAMPLE = 65_536
_ONE_BY_ONE = 64
_TIES = 4


@dataclass(frozen=True)
class Level:
    """A floor for each kind.

    Units outside are below the floor of their kind, by more than rounding can bridge, or at it and not before `tie`.

    Attributes:
        floor: (k,) float64 values without quotas; minus infinity where no unit of the kind is outside.
        tie: (k,) int64 the first unit outside that is at the floor; more than any unit where there is none.
    """

    floor: NDArray[np.float64]
    tie: NDArray[np.int64]

    def admits(self, value: float, unit: int, highest: NDArray[np.float64]) -> bool:
        """Tell whether no unit outside can come before one of some value.

        Args:
            value: with quotas.
            unit: the lowest one of that value inside.
            highest: (k,) float64 the floors with quotas.
        """
        return bool(((value > highest) | ((value == highest) & (unit < self.tie))).all())

    def above(self, lower: "Level") -> "Level":
        """Return the level of what is outside of this one or of a lower one."""
        tie = np.where(
            self.floor == lower.floor,
            np.minimum(self.tie, lower.tie),
            np.where(self.floor > lower.floor, self.tie, lower.tie),
        )
        return Level(np.maximum(self.floor, lower.floor), tie)


def choose(
    values: NDArray[np.float64],
    units: NDArray[np.int64],
    kinds: NDArray[np.int64],
    shift: NDArray[np.float64],
    target: int,
    margin: float,
) -> tuple[Level, NDArray[np.int64]]:
    """Choose a level with about some number of units above it, and at least a few of each kind.

    Args:
        values: (m,) float64 without quotas; minus infinity of what cannot be chosen.
        units: (m,) int64 ascending.
        kinds: (m,) int64 kind of each of them.
        shift: (k,) float64 what quotas add to each kind.
        target: units above the level, about.
        margin: difference of values that rounding can bridge.

    Returns:
        The level, and the positions of the units that are not outside.
    """
    n_kinds, nobody = len(shift), np.iinfo(np.int64).max
    floor = np.full(n_kinds, -np.inf)
    if n_kinds == 1:
        floor[0] = _nth_largest(values, target)
    else:
        with np.errstate(invalid="ignore"):
            shifted = np.where(values > -np.inf, values + shift[kinds], -np.inf)
            common = _nth_largest(shifted, target) - shift
        few = max(1, target // (4 * n_kinds))
        wanted = np.minimum(np.where(np.isnan(common), np.inf, common), _nth_of_kinds(values, kinds, n_kinds, few))
        at_least = (values >= wanted[kinds]) & (values > -np.inf)
        lowest = np.full(n_kinds, np.inf)
        np.minimum.at(lowest, kinds[at_least], values[at_least])
        floor = np.where(lowest < np.inf, lowest, -np.inf)
    tie = np.full(n_kinds, nobody)
    inside = np.flatnonzero((values >= floor[kinds] - margin) & (values > -np.inf))
    if len(inside) > _TIES * target:
        inside, tie = _without_ties(inside, values, units, kinds, floor, target)
    elif n_kinds == 1 and len(inside) == np.count_nonzero(values > -np.inf):
        floor = np.full(1, -np.inf)
    return Level(floor, tie), inside


def _without_ties(
    inside: NDArray[np.int64],
    values: NDArray[np.float64],
    units: NDArray[np.int64],
    kinds: NDArray[np.int64],
    floor: NDArray[np.float64],
    target: int,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Keep only the lowest of the units at the floor of each kind; return who is left, and the first who is not."""
    at_floor = values[inside] == floor[kinds[inside]]
    ties = inside[at_floor]
    order = np.argsort(kinds[ties], kind="stable")
    start = np.searchsorted(kinds[ties][order], np.arange(len(floor)))
    rank = np.empty(len(ties), np.int64)
    rank[order] = np.arange(len(ties)) - start[kinds[ties][order]]
    keep = max(1, target // len(floor))
    tie = np.full(len(floor), np.iinfo(np.int64).max)
    first_out = ties[rank == keep]
    tie[kinds[first_out]] = units[first_out]
    return np.sort(np.concatenate([inside[~at_floor], ties[rank < keep]])), tie


def _nth_largest(values: NDArray[np.float64], n: int) -> float:
    """Return about the n-th largest value that is finite, the smallest if there are fewer; minus infinity without."""
    step = max(1, len(values) // _SAMPLE)
    for seen in (values[::step], values) if step > 1 else (values,):
        finite = seen[seen > -np.inf]
        if len(finite):
            place = min(len(finite), max(1, n // step if len(seen) < len(values) else n))
            return float(np.partition(finite, -place)[-place])
    return -np.inf


def _nth_of_kinds(values: NDArray[np.float64], kinds: NDArray[np.int64], n_kinds: int, n: int) -> NDArray[np.float64]:
    """Return the n-th largest value of each kind, (k,), its smallest if there are fewer; infinity without any."""
    finite = np.flatnonzero(values > -np.inf)
    kinds, values = kinds[finite], values[finite]
    if n_kinds <= _ONE_BY_ONE:
        order = np.argsort(kinds.astype(np.uint8), kind="stable")
    else:
        order = np.lexsort((-values, kinds))
    start = np.searchsorted(kinds[order], np.arange(n_kinds + 1))
    sizes = np.diff(start)
    result = np.full(n_kinds, np.inf)
    filled = np.flatnonzero(sizes)
    places = np.minimum(sizes[filled], n)
    if n_kinds > _ONE_BY_ONE:
        result[filled] = values[order[start[filled] + places - 1]]
        return result
    for kind, place in zip(filled, places, strict=True):
        result[kind] = np.partition(values[order[start[kind] : start[kind + 1]]], -place)[-place]
    return result
