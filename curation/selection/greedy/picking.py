"""The search for the next pick among lazily known values; `curation.selection.greedy.lazy` says how it works."""

from collections.abc import Sequence
from concurrent.futures import Executor
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from curation.selection.greedy.distances import covered_by, distances_of
from curation.selection.greedy.kinds import Balances
from curation.selection.greedy.levels import Level, choose
from curation.selection.greedy.terms import LARGEST_SQUARED, diverse_term, diverse_value, fixed_term
from curation.selection.kcenter.fast import Tuning
from curation.selection.objectives import Diverse, Objectives, Space
from curation.selection.traversal import Traversal

_ROUNDING = 1e-9
"""Share of a value that sums of its parts, in different orders, do not differ by."""

_LARGEST_LOGARITHM = 100.0
"""What the logarithm of a distance or quotient hardly ever exceeds."""

_BELOW = 1 - 2e-6
"""Factor that is below 1 by more than the rounding errors of a few operations in float32."""


class LazySearch:
    """The picks so far, and an upper bound of every unit's value.

    Attributes:
        picks: units in order.
    """

    def __init__(
        self,
        candidates: NDArray[np.float32],
        base: NDArray[np.float32],
        limit: int,
        threshold: np.float32 | None,
        objectives: Objectives,
        tuning: Tuning,
        executor: Executor,
    ) -> None:
        """Compare with the base, in every space that matters."""
        n = len(candidates)
        self._n, self._limit, self._tuning, self._executor = n, limit, tuning, executor
        self._units = Space(candidates, np.arange(n), base)
        self._objectives = objectives
        self._spaces, place_of = distances_of(self._units, objectives.diverse, limit, threshold, tuning, executor)
        self._unit_space = self._spaces[place_of[id(None)]] if id(None) in place_of else None
        self._base_cover = self._unit_space.search.in_callers_order() if self._unit_space else None
        self._terms = [(place_of[id(one.space)], one) for one in objectives.diverse]
        self._balances = Balances(objectives.quotas, n, tuning.most_kinds)
        self._fixed = fixed_term(objectives.fixed, n)
        self._is_picked = np.zeros(n, np.bool_)
        self._is_rest = False
        self.picks: list[int] = []
        self._squared_of_picks: list[list[float]] = []
        self._shares_of_picks: list[list[float]] = []
        self._bound = np.empty(n)
        self._everyone = np.arange(n)
        self._bring_down(self._everyone)
        finite = self._fixed[self._fixed > -np.inf]
        strengths = sum(one.strength for one in objectives.diverse) + sum(one.strength for one in objectives.quotas)
        self._largest = float(np.abs(finite).max(initial=0)) + _LARGEST_LOGARITHM * (1 + strengths)

    # ---- bounds

    def _bring_down(self, units: NDArray[np.int64]) -> None:
        """Bound the values of some units, without quotas, by what is known of their distances."""
        squared = [space.bounds(units) for space in self._spaces]
        value = self._start_values(units)
        for place, one in self._active_terms:
            value = value + diverse_term(squared[place], one.strength)
        if self._has_quotas:
            value += self._balances.bound(units)
        for space, known in zip(self._spaces, squared, strict=True):
            value[known < space.smallest] = -np.inf
        value[self._is_picked[units]] = -np.inf
        self._bound[units] = value

    def _start_values(self, units: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the part of the values that no pick changes."""
        if self._is_rest:
            return -units.astype(np.float64)
        return self._fixed[units]

    @property
    def _active_terms(self) -> Sequence[tuple[int, Diverse]]:
        """The distances that are part of the value, with their spaces."""
        return () if self._is_rest else self._terms

    @property
    def _has_quotas(self) -> bool:
        """Whether quotas are part of the value."""
        return bool(self._objectives.quotas) and not self._is_rest

    def _choose(self, units: NDArray[np.int64], target: int) -> tuple[Level, NDArray[np.int64]]:
        """Choose a level among some units, and return it with the units that are not outside."""
        kinds, shift = np.zeros(len(units), np.int64), np.zeros(1)
        if self._has_quotas:
            kinds, shift = self._balances.kind[units], self._balances.shift
        level, inside = choose(self._bound[units], units, kinds, shift, target, self._margin)
        return level, units[inside]

    @property
    def _margin(self) -> float:
        """Difference of values that rounding can bridge."""
        return _ROUNDING * self._largest if self._has_quotas else 0.0

    def _refresh(self, units: NDArray[np.int64], level: Level) -> NDArray[np.int64]:
        """Make the distances of units exact, unless they fall below the level; return those that do not."""
        floor = self._floor_of(units, level)
        for place, space in enumerate(self._spaces):
            space.refresh(units, self._squared_floors(place, units, floor))
            self._bring_down(units)
            kept = (self._bound[units] >= floor) & (self._bound[units] > -np.inf)
            units, floor = units[kept], floor[kept]
        return units

    def _floor_of(self, units: NDArray[np.int64], level: Level) -> NDArray[np.float64]:
        """Return the floor of each unit's kind, (m,), lowered by what rounding can bridge."""
        kinds = self._balances.kind[units] if len(level.floor) > 1 else 0
        return np.broadcast_to(level.floor[kinds] - self._margin, len(units))

    def _squared_floors(self, place: int, units: NDArray[np.int64], floor: NDArray[np.float64]) -> NDArray[np.float32]:
        """Return the squared distances, (m,), below which units are below a floor, whatever the other spaces say."""
        space = self._spaces[place]
        own = [one for other, one in self._active_terms if other == place]
        if not own:
            return np.full(len(units), space.smallest)
        known = space.bounds(units)
        rest = self._bound[units] - sum(diverse_term(known, one.strength) for one in own)
        needed = floor - rest - _ROUNDING * self._largest
        squared = LARGEST_SQUARED * np.exp(np.minimum(2 / sum(one.strength for one in own) * needed, 0.0)) * _BELOW
        return np.maximum(squared.astype(np.float32), space.smallest)

    # ---- picking

    def select(self) -> None:
        """Pick until the limit, or until no unit is allowed any more."""
        with tqdm(total=self._limit, desc="select", disable=None, leave=False) as progress:
            self._select(progress)
            self._is_rest = True
            self._balances.open(self._everyone[:0])
            self._bring_down(self._everyone)
            self._select(progress)

    def _select(self, progress: "tqdm[Any]") -> None:
        """Pick until the limit, or until no unit is left with a value above minus infinity."""
        least = max(self._tuning.outer, self._n // 32)
        target, more = least, 1
        while len(self.picks) < self._limit:
            if self._has_quotas and self._balances.is_by_unit:
                self._bring_down(self._everyone)
            level, units = self._choose(self._everyone, more * target)
            if len(units) == 0:
                return
            before = len(self.picks)
            units = self._refresh(units, level)
            n_active = len(units)
            self._select_among(units, level, more * self._tuning.inner)
            progress.update(len(self.picks) - before)
            # quotas by unit leave a margin that ties can hide in: then all of these must be looked at
            more = 1 if len(self.picks) > before else 4 * more
            if n_active < least // 4:
                target = min(int(target * 1.6) + 1, max(self._n // 3, 1))
            elif n_active > least // 2:
                target = max(int(target * 0.8), least // 8, 1)

    def _select_among(self, units: NDArray[np.int64], level: Level, target: int) -> None:
        """Pick among units above a level, about `target` of them at a time, as long as it holds."""
        while len(units) and len(self.picks) < self._limit:
            inner, few = self._choose(units, target)
            inner = inner.above(level)
            few = self._refresh(few, inner)
            if not self._pick_among(few, inner):
                return
            units = units[(self._bound[units] >= self._floor_of(units, level)) & (self._bound[units] > -np.inf)]

    def _pick_among(self, units: NDArray[np.int64], level: Level) -> bool:
        """Pick among a few units as long as no other can come before; say whether the outer level may still hold."""
        before, is_first, left = len(self.picks), False, units
        while len(left) and len(self.picks) < self._limit and not is_first:
            kept, is_first = self._pick_among_open(left, level)
            if len(kept) == len(left):
                break
            left = kept
        for space in self._spaces:
            space.close()
        self._bring_down(self._everyone if is_first else units)
        return len(self.picks) > before and not is_first

    def _pick_among_open(self, units: NDArray[np.int64], level: Level) -> tuple[NDArray[np.int64], bool]:
        """Pick among a few units until many of them are below the level.

        Returns:
            The units that are not below it, all of them where no more can be picked; and whether a space has got its
            first selected item.
        """
        for space in self._spaces:
            space.open(units)
        if self._has_quotas:
            self._balances.open(units)
        if len(self._spaces) == 1 and not self._has_quotas:
            return self._pick_by_distance(units, level)
        start, floor, is_first = self._start_values(units), self._floor_of(units, level), False
        while True:
            value, compared = self._few_values(start)
            highest = self._balances.highest(level.floor, self._margin) if self._has_quotas else level.floor
            place = int(value.argmax())
            stays = compared >= floor
            if 4 * np.count_nonzero(stays) < 3 * len(units):
                return units[stays], is_first
            may_pick = len(self.picks) < self._limit and value[place] > -np.inf and not is_first
            if not (may_pick and level.admits(float(value[place]), int(units[place]), highest)):
                return units, is_first
            self._write_down(int(units[place]), [float(space.squared[place]) for space in self._spaces])
            start[place] = -np.inf
            for space in self._spaces:
                is_first |= space.take(place)

    def _pick_by_distance(self, units: NDArray[np.int64], level: Level) -> tuple[NDArray[np.int64], bool]:
        """Do the same where nothing changes but the distances in one space."""
        space, start = self._spaces[0], self._start_values(units)
        factors = np.array([one.strength / 2 for _, one in self._active_terms])
        limit = min(self._limit - len(self.picks), len(units))
        places, squared, is_sparse, is_first = space.take_best(units, start, factors, level, limit)
        for place, one in zip(places.tolist(), squared.tolist(), strict=True):
            self._write_down(int(units[place]), [one])
        if is_sparse:
            units = units[self._few_values(start)[0] >= self._floor_of(units, level)]
        return units, is_first

    def _few_values(self, start: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the values of the few units, and what of them is compared with floors."""
        value = start
        for place, one in self._active_terms:
            value = value + one.strength / 2 * self._spaces[place].logarithm
        for space in self._spaces:
            if space.smallest > 0:
                value = np.where(space.squared < space.smallest, -np.inf, value)
        if not self._has_quotas:
            return value, value
        without = value
        for term in self._balances.terms:
            value = value + term
        return value, self._balances.above_floors(without, value)

    def _write_down(self, unit: int, squared: list[float]) -> None:
        """Make one of the few the next pick, of some squared distance in each space."""
        self._squared_of_picks.append(squared)
        self._shares_of_picks.append(self._balances.values(unit))
        self.picks.append(unit)
        self._is_picked[unit] = True
        self._balances.add(unit)

    # ---- the result

    def values(self) -> NDArray[np.float64]:
        """Return `v` of each objective at each pick, (k, t)."""
        picks = np.array(self.picks, np.int64)
        squared = np.array(self._squared_of_picks, np.float32).reshape(len(picks), len(self._spaces))
        shares = np.array(self._shares_of_picks).reshape(len(picks), len(self._objectives.quotas))
        columns = {one.place: one.values[picks] for one in self._objectives.fixed}
        columns |= {one.place: diverse_value(squared[:, place]) for place, one in self._terms}
        columns |= {one.place: share for one, share in zip(self._objectives.quotas, shares.T, strict=True)}
        every = [columns[place] for place in self._objectives.places]
        return np.column_stack(every) if every else np.empty((len(picks), 0))

    def traversal(self) -> Traversal:
        """Return the picks and what covers every candidate; nothing can be picked afterwards."""
        picks = np.array(self.picks, np.int64)
        if self._unit_space is None or self._base_cover is None:
            return covered_by(self._units, picks, self._tuning, self._executor)
        search = self._unit_space.search
        _, pick_squared, pick_nearest = search.selected()
        search.find_nearest()
        squared, nearest = search.in_callers_order()
        return Traversal(picks, pick_squared, pick_nearest, *self._base_cover, np.maximum(squared, 0), nearest)
