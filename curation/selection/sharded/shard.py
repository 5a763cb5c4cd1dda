"""A shard: the lazy search of `curation.selection.kcenter.fast` over some of the candidates, with centres from outside.

A shard knows the base, its own candidates and every pick so far, whichever shard that came from. It answers one
question: which of its candidates are, exactly, at least as far from everything selected as some floor. All else that
it does is what the search does by itself.
"""

from concurrent.futures import Executor
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from curation.selection.distance import product_slack
from curation.selection.kcenter import fast, kernels
from curation.selection.kcenter.short_vectors import rest_norms

_SEEN, _PLACES = 65_536, 2048
"""Upper bounds that a sketch is made of, and those it keeps."""


class Sketch(NamedTuple):
    """The upper bounds of a shard's distances, roughly: a few of them, and how many candidates each stands for.

    Attributes:
        bounds: (s,) float32 squared distances, falling.
        stands_for: (s,) int64 candidates.
    """

    bounds: NDArray[np.float32]
    stands_for: NDArray[np.int64]


class Far(NamedTuple):
    """Candidates that are far from everything selected, and what is known of them.

    Attributes:
        rows: (m,) int64 candidates, in the order of all.
        squared: (m,) float32 exact squared distance to the nearest selected sample.
        nearest: (m,) int64 number of that sample.
        vectors: (m, d) float32 embeddings.
        is_all: whether these are all; if not, they are sorted, the farthest first, the lower row on ties, and all that
            are left out come after the last one.
    """

    rows: NDArray[np.int64]
    squared: NDArray[np.float32]
    nearest: NDArray[np.int64]
    vectors: NDArray[np.float32]
    is_all: bool


class Shard:
    """Some of the candidates, and everything selected."""

    def __init__(
        self,
        candidates: NDArray[np.float32],
        first_row: int,
        executor: Executor,
        tuning: fast.Tuning | None = None,
    ) -> None:
        """Take candidates; nothing is selected yet.

        Args:
            candidates: (n, d) float32, n at least 1: consecutive ones of all.
            first_row: number of the first of them among all.
            executor: threads of this shard.
            tuning: sizes.
        """
        self._candidates, self._first_row = _for_compiled(candidates), first_row
        self._executor, self._tuning = executor, tuning or fast.Tuning()

    def begin(self, base: NDArray[np.float32], limit: int) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
        """Find the nearest sample of the base to each candidate. This comes first.

        Args:
            base: (m, d) float32; may be empty.
            limit: picks of all shards together, at most.

        Returns:
            (n,) float32 squared distance to the base, infinite if it is empty; (n,) int32 its nearest row, or -1.
        """
        self._search = _Search(self._candidates, _for_compiled(base), limit, self._tuning, self._executor)
        return self._search.cover()

    def vectors(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return the embeddings of some of this shard's candidates, given by their rows among all."""
        return self._candidates[rows - self._first_row]

    def add(self, vectors: NDArray[np.float32], rows: NDArray[np.int64]) -> Sketch:
        """Take note of picks.

        Args:
            vectors: (b, d) float32 embeddings of the picks, in order.
            rows: (b,) int64 candidates that they are, among all; those of other shards, too.
        """
        own = rows - self._first_row
        numbers = np.flatnonzero((own >= 0) & (own < len(self._candidates)))
        self._search.add_from_outside(_for_compiled(vectors), own[numbers], numbers)
        return self.sketch()

    def sketch(self) -> Sketch:
        """Return what the upper bounds are about."""
        squared = self._search.state.cover.squared
        step = max(1, len(squared) // _SEEN)
        seen = squared[::step]
        seen = np.sort(seen[seen >= 0])[::-1]
        if len(seen) == 0:
            return Sketch(seen, np.empty(0, np.int64))
        places = np.unique(np.geomspace(1, len(seen), _PLACES).astype(np.int64)) - 1
        return Sketch(seen[places], np.diff(places, prepend=-1) * step)

    def at_least(self, floor: np.float32, most: int) -> Far:
        """Return the candidates whose squared distance to everything selected is not below a floor.

        Args:
            floor: above 0.
            most: how many, at most; if there are more, those that come first in the order of picking.
        """
        places = self._search.not_below(floor)
        points, cover = self._search.state.points, self._search.state.cover
        own, squared = points.order[places], cover.squared[places]
        is_all = len(own) <= most
        if not is_all:
            first = np.lexsort((own, -squared))[:most]
            places, own, squared = places[first], own[first], squared[first]
        nearest = cover.nearest[places].astype(np.int64)
        return Far(own + self._first_row, squared, nearest, points.vectors[own], is_all)

    def finish(self) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
        """Return the squared distance of each candidate to everything selected, -1 for picks, and the nearest number.

        Nothing can be added afterwards.
        """
        self._search.find_nearest()
        return self._search.cover()


def _for_compiled(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return vectors that can be written to: for those from another process all would be compiled once more."""
    return np.require(vectors, np.float32, ["C", "W"])


class _Search(fast.Search):
    """A search whose centres need not be its candidates."""

    def __init__(
        self,
        candidates: NDArray[np.float32],
        base: NDArray[np.float32],
        limit: int,
        tuning: fast.Tuning,
        executor: Executor,
    ) -> None:
        super().__init__(candidates, base, limit, tuning, executor)
        self._place_of = self.rows_of_callers()

    def add_from_outside(
        self, vectors: NDArray[np.float32], chosen: NDArray[np.int64], numbers: NDArray[np.int64]
    ) -> None:
        """Make vectors centres.

        Args:
            vectors: (b, d) float32.
            chosen: (c,) int64 own candidates among them, in the caller's order.
            numbers: (c,) int64 which of the vectors these are.
        """
        if len(vectors) == 0:
            return
        first = self.count
        self.count += len(vectors)
        phi, half = self._project(vectors, self._executor)
        rest = rest_norms(phi, self.state.leading, self._executor)
        phi[:, -1] = -half
        centres, cover = self.state.centres, self.state.cover
        centres.vectors[first : self.count], centres.phi[first : self.count] = vectors, phi
        centres.rest[first : self.count] = rest
        # What comes from outside may be farther from the mean than all own candidates are.
        slack = product_slack(self._project.width, 2 * float(half.max()))
        self.state = self.state._replace(slack=max(self.state.slack, slack))
        places = self._place_of[chosen]
        cover.squared[places], cover.nearest[places] = -1, first + numbers
        self.account_for(first)

    def not_below(self, floor: np.float32) -> NDArray[np.int64]:
        """Return the rows, in the order of the groups, whose squared distance is not below a floor, made exact."""
        return self.refresh(kernels.at_least(self.state.cover.squared, floor), self._all_from(floor))

    def cover(self) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
        """Return the squared distance of each candidate to its nearest centre, and that centre's number."""
        squared, nearest = self.in_callers_order()
        return squared, nearest.astype(np.int32)
