"""Picks among the candidates that the shards have sent, by the compiled loops of the search itself."""

from collections.abc import Sequence
from concurrent.futures import Executor
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from curation.selection.distance import product_slack
from curation.selection.kcenter import kernels
from curation.selection.kcenter.blocks import in_blocks
from curation.selection.kcenter.short_vectors import Projection, fit
from curation.selection.sharded.shard import Far

_INNER, _WIDTH, _ROWS_A_TASK = 1024, 512, 256
"""Candidates that every pick is compared with at once, columns a matrix product, and rows a thread takes."""

_EVERY_ROW = np.iinfo(np.int64).max


class Last(NamedTuple):
    """The place in the order of picking up to which all candidates are at hand: the farther first, then the lower row.

    Attributes:
        squared: squared distance.
        row: the last one at that distance.
    """

    squared: np.float32
    row: int


class Found(NamedTuple):
    """Picks in order.

    Attributes:
        rows: (b,) int64 candidates.
        squared: (b,) float32 squared distance to the nearest sample selected before.
        nearest: (b,) int64 number of that sample.
        vectors: (b, d) float32 embeddings.
    """

    rows: NDArray[np.int64]
    squared: NDArray[np.float32]
    nearest: NDArray[np.int64]
    vectors: NDArray[np.float32]


def put_together(parts: Sequence[Far], floor: np.float32) -> tuple[Far, Last]:
    """Put together what shards have sent; where one has left some out, only what comes before the first of these.

    Args:
        parts: of each shard, what is not below `floor`.
        floor: squared distance.

    Returns:
        The candidates, sorted by row, and the place that they go to.
    """
    rows = np.concatenate([part.rows for part in parts])
    squared = np.concatenate([part.squared for part in parts])
    cut = [(part.squared[-1], -int(part.rows[-1])) for part in parts if not part.is_all]
    last = Last(max(cut)[0], -max(cut)[1]) if cut else Last(floor, _EVERY_ROW)
    order = np.argsort(rows)
    order = order[_is_at_hand(rows[order], squared[order], last)]
    nearest, vectors = (
        np.concatenate([getattr(part, name) for part in parts])[order] for name in ("nearest", "vectors")
    )
    return Far(rows[order], squared[order], nearest, vectors, not cut), last


def _is_at_hand(rows: NDArray[np.int64], squared: NDArray[np.float32], last: Last) -> NDArray[np.bool_]:
    at_hand: NDArray[np.bool_] = (squared > last.squared) | ((squared == last.squared) & (rows <= last.row))
    return at_hand


class Picker:
    """Picks among candidates, those of one round after the other."""

    def __init__(self, executor: Executor) -> None:
        """Take threads for matrix products; without influence on results."""
        self._executor = executor
        self._project: Projection | None = None

    def pick(self, far: Far, last: Last, count: int, limit: int) -> Found:
        """Pick as long as nothing that is not at hand can come first.

        Every candidate that was not sent comes after `last`, and has only come nearer since. So the picks are right up
        to the first one that would come after `last` too.

        Args:
            far: the candidates at hand, sorted by row.
            last: the place in the order of picking that they go to.
            count: samples selected before.
            limit: picks at most.

        Returns:
            One pick at least, if there is a candidate and `limit` is not 0.
        """
        state = self._state(far, min(limit, len(far.rows)))
        picked = self._pick_all(state, last.squared)
        picks = state.picks
        own, squared, nearest = picks.candidate[:picked], picks.squared[:picked], picks.nearest[:picked]
        right = np.logical_and.accumulate(_is_at_hand(far.rows[own], squared, last))
        own, nearest = own[right], nearest[right]
        nearest = np.where(nearest < 0, far.nearest[own], count + nearest)
        return Found(far.rows[own], squared[right], nearest, far.vectors[own])

    def _state(self, far: Far, limit: int) -> kernels.State:
        """Return what the compiled loops work on: the picks to come are its centres, and have their numbers from 0."""
        n, dimension = far.vectors.shape
        self._project = self._project or fit(far.vectors, far.vectors[:0], n)
        phi, half = self._project(far.vectors, self._executor)
        phi[:, -1] = 1
        empty, coarse = np.empty(0, np.float32), np.empty((0, 1), np.float32)
        return kernels.State(
            kernels.Points(far.vectors, np.arange(n), phi, half, np.zeros(n, np.float32)),
            kernels.Centres(
                np.empty((limit, dimension), np.float32),
                np.empty((limit, phi.shape[1]), np.float32),
                coarse,
                np.zeros(limit, np.float32),
            ),
            kernels.Picks(np.empty(limit, np.int64), np.empty(limit, np.float32), np.empty(limit, np.int64)),
            # Below 0 stands for the sample that was the nearest before, which wins ties.
            kernels.Cover(far.squared.copy(), np.full(n, -1, np.int32), np.zeros(n, np.int32)),
            kernels.Groups(
                *(np.zeros(1, np.int64), coarse, coarse, empty, empty, empty, np.empty((0, 0), np.uint64)),
                *(np.empty((0, 0), np.int32), coarse),
            ),
            product_slack(self._project.width, 2 * float(half.max(initial=0))),
            _WIDTH,
            0,
            0,
        )

    def _pick_all(self, state: kernels.State, floor: np.float32) -> int:
        """Pick until everything is below a squared distance, or the picks are full; return how many there are.

        As in the search itself, few candidates are compared with every pick at once, and the others once for all picks
        among these few.
        """
        squared, limit = state.cover.squared, len(state.picks.candidate)
        count, rows = 0, np.arange(len(squared))
        while count < limit and len(rows):
            inner = floor
            if len(rows) > _INNER:
                inner = max(floor, np.partition(squared[rows], -_INNER)[-_INNER])
            few = self._refresh(state, rows[squared[rows] >= inner], count, inner)
            count, _ = kernels.pick_among(state, few, inner, count, limit, np.float32(0))
            rows = rows[squared[rows] >= floor]
        return count

    def _refresh(
        self, state: kernels.State, rows: NDArray[np.int64], count: int, floor: np.float32
    ) -> NDArray[np.int64]:
        """Make the distances of some rows exact, and return those that are not below a squared distance."""
        floors = np.full(len(state.cover.squared), floor, np.float32)
        late = rows[state.cover.seen[rows] < count]
        late = late[np.argsort(state.cover.seen[late], kind="stable")]
        in_blocks(
            self._executor,
            lambda first, end: kernels.refresh_all_columns(state, late[first:end], count, floors),
            len(late),
            _ROWS_A_TASK,
        )
        return rows[state.cover.squared[rows] >= floor]
