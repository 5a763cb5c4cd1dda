"""Facility location: picks that together are as similar as possible to all candidates, each of which has a weight.

On cosine similarity (G. L. Nemhauser, L. A. Wolsey and M. L. Fisher, An analysis of approximations for maximizing
submodular set functions, Mathematical Programming 14, 1978): the greedy choice reaches at least 1 - 1/e of the best
possible sum. Lazy evaluation gives the same choice with few evaluations (M. Minoux, Accelerated greedy algorithms for
maximizing submodular set functions, 1978).

The greedy picks are then moved to the weighted medoids of their Voronoi cells (as in H.-S. Park and C.-H. Jun, A simple
and fast algorithm for K-medoids clustering, Expert Systems with Applications 36, 2009). What was selected before stays
where it is.
"""

import heapq
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits
from tqdm import tqdm

from curation.core.cores import available_cores
from curation.selection.cells import affordable_steps, cells, medoid
from curation.selection.covering import follow
from curation.selection.distance import squared_distances
from curation.selection.kcenter.blocks import in_blocks
from curation.selection.nearest import nearest_rows
from curation.selection.neighbours import nearest_neighbours
from curation.selection.tracking import Selected
from curation.selection.traversal import Traversal

DENSE_UP_TO = 30_000
"""Candidates up to which all pairs are compared: a table of 3.6 GB. Above, only near neighbours are."""

NO_DISTANCE = np.float32(0)
_ROWS = 256
_SPARSE_PAIRS = 10**8


def most_similar(
    candidates: NDArray[np.float32],
    base: NDArray[np.float32],
    limit: int,
    threshold: np.float32 | None,
    weigh: Callable[[], NDArray[np.float64]],
    dense_up_to: int = DENSE_UP_TO,
) -> Traversal:
    """Pick up to `limit` candidates that together are as similar to all candidates as possible, given the base.

    With a threshold, a candidate that is too near to something selected is passed over.

    Args:
        candidates: (n, d) float32, sorted by filename: the lower row wins ties.
        base: (m, d) float32.
        limit: picks at most.
        threshold: smallest squared distance of a pick.
        weigh: returns (n,) float64, how much each candidate counts; called where there is something to pick.
        dense_up_to: candidates up to which all pairs are compared.
    """
    smallest = NO_DISTANCE if threshold is None else threshold
    count = min(limit, len(candidates))
    if count == 0:
        return follow(candidates, base, np.empty(0, np.int64))[0]
    weights = weigh()
    _, base_squared = nearest_rows(candidates, base, "distances to the base")
    kernel: Kernel
    if len(candidates) <= dense_up_to:
        kernel = DenseKernel(candidates)
    else:
        kernel = SparseKernel(candidates, 4 * len(candidates) // (len(base) + count))
    spacing = Selected(candidates, base) if smallest > 0 else None
    picks = lazy_greedy(kernel, weights, similarity(base_squared), count, spacing, smallest)
    del kernel
    if len(picks) == count:  # otherwise the smallest distance has ended it, and a move could make room for one more
        picks = to_medoids(candidates, base_squared, weights, picks, smallest)
    return follow(candidates, base, picks)[0]


def similarity(squared: NDArray[np.float32] | NDArray[np.float64]) -> NDArray[np.float32]:
    """Return `1 - squared / 2`, the cosine between vectors of unit length, and 0 where that is negative."""
    cosine = np.subtract(1.0, squared / 2.0, dtype=np.float64)
    return np.maximum(cosine, 0).astype(np.float32)


class Kernel(Protocol):
    """Similarities between candidates."""

    def row(self, candidate: int) -> tuple[slice | NDArray[np.int64], NDArray[np.float32]]:
        """Return the candidates that one may cover, and how similar it is to them."""


class DenseKernel:
    """All similarities between n candidates.

    They are computed in float64 and rounded to float32. So the rounding of the BLAS library is lost, equal candidates
    have equal rows, and each block is the work of one thread.
    """

    def __init__(self, candidates: NDArray[np.float32]) -> None:
        """Compute the table.

        Args:
            candidates: (n, d) float32.
        """
        exact = candidates.astype(np.float64)
        halves = np.square(exact).sum(axis=1) / 2
        self._table = np.empty((len(exact), len(exact)), np.float32)

        def fill(start: int, stop: int) -> None:
            similar = exact[start:stop] @ exact.T  # 1 - |x - y|^2 / 2 = 1 - |x|^2 / 2 - |y|^2 / 2 + x.y
            similar -= halves - 1
            similar -= halves[start:stop, None]
            np.maximum(similar, 0, out=self._table[start:stop], casting="same_kind")

        with threadpool_limits(1, user_api="blas"), ThreadPoolExecutor(available_cores()) as executor:
            in_blocks(executor, fill, len(exact), _ROWS)
        np.fill_diagonal(self._table, 1)

    def row(self, candidate: int) -> tuple[slice, NDArray[np.float32]]:
        """Return all candidates, and the similarities to them."""
        return slice(None), self._table[candidate]


class SparseKernel:
    """Similarities between each of n candidates, its near neighbours, and those whose near neighbour it is."""

    def __init__(self, candidates: NDArray[np.float32], neighbours: int) -> None:
        """Find the neighbours.

        Args:
            candidates: (n, d) float32.
            neighbours: how many a candidate has; at least 32, and at most as many as memory allows for.
        """
        n = len(candidates)
        wanted = max(32, min(neighbours, _SPARSE_PAIRS // n))
        rows, squared = nearest_neighbours(candidates, wanted)
        found = rows >= 0
        near = rows[found]
        here = np.repeat(np.arange(n), found.sum(axis=1))
        itself = np.arange(n)
        keys = np.concatenate([here * n + near, near * n + here, itself * n + itself])
        values = np.concatenate([squared[found], squared[found], np.zeros(n, np.float32)])
        keys, first = np.unique(keys, return_index=True)
        self._columns = keys % n
        self._similar = similarity(values[first])
        self._starts = np.searchsorted(keys, np.arange(n + 1) * n)

    def row(self, candidate: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Return the neighbours, itself among them, and the similarities to them."""
        part = slice(self._starts[candidate], self._starts[candidate + 1])
        return self._columns[part], self._similar[part]


def lazy_greedy(
    kernel: Kernel,
    weights: NDArray[np.float64],
    covered: NDArray[np.float32],
    count: int,
    selected: Selected | None = None,
    smallest: np.float32 = NO_DISTANCE,
) -> NDArray[np.int64]:
    """Pick again and again the candidate that adds most to the weighted sum of similarities; lower rows win ties.

    What a candidate adds never grows, in rounded numbers neither, since each term is monotone and the order of the sum
    is fixed. So a former value is an upper bound, and only candidates at the top of the queue are computed anew.

    Args:
        kernel: similarities.
        weights: (n,) float64, how much each candidate counts.
        covered: (n,) float32 similarity of each candidate to the base.
        count: how many to pick.
        selected: what the picks must keep away from, if they must; the picks are added.
        smallest: smallest squared distance to it.

    Returns:
        (k,) int64 picks in order; fewer than `count` where no more are far enough.
    """
    best = covered.copy()
    counts = weights.astype(np.float32)
    space = np.empty_like(best)

    def gain(candidate: int) -> float:
        return _gain(*kernel.row(candidate), best, counts, space)

    queue = [(-gain(candidate), candidate, 0) for candidate in range(len(best))]  # with the picks known at that time
    heapq.heapify(queue)
    picks: list[int] = []
    with tqdm(total=count, desc="select", disable=None, leave=False) as progress:
        while queue and len(picks) < count:
            _, candidate, known = heapq.heappop(queue)
            if selected is not None and selected.squared[candidate] < smallest:
                continue
            if known < len(picks):
                heapq.heappush(queue, (-gain(candidate), candidate, len(picks)))
                continue
            picks.append(candidate)
            columns, similar = kernel.row(candidate)
            best[columns] = np.maximum(best[columns], similar)
            if selected is not None:
                selected.add(candidate)
            progress.update()
    return np.array(picks, np.int64)


def _gain(
    columns: slice | NDArray[np.int64],
    similar: NDArray[np.float32],
    best: NDArray[np.float32],
    counts: NDArray[np.float32],
    space: NDArray[np.float32],
) -> float:
    """Return what a candidate adds to the weighted sum of similarities.

    Args:
        columns: the candidates that it is similar to.
        similar: (c,) float32, how much.
        best: (n,) float32, how similar each candidate is to the most similar one selected.
        counts: (n,) float32, how much each counts.
        space: (n,) float32 to compute in.
    """
    added = np.subtract(similar, best[columns], out=space[: len(similar)])
    np.maximum(added, 0, out=added)
    added *= counts[columns]
    return float(added.sum())  # numpy's own sum: BLAS would divide it by the number of threads


def to_medoids(
    candidates: NDArray[np.float32],
    base_squared: NDArray[np.float32],
    weights: NDArray[np.float64],
    picks: NDArray[np.int64],
    smallest: np.float32 = NO_DISTANCE,
) -> NDArray[np.int64]:
    """Move each pick to the weighted medoid of its cell, until nothing moves or 20 times; fewer where much is to do.

    A move to a candidate that is picked already, or too near to another selected one, is not made.

    Args:
        candidates: (n, d) float32.
        base_squared: (n,) float32 squared distance to the base, which keeps its cells; infinite if that is empty.
        weights: (n,) float64, how much each candidate counts.
        picks: (k,) int64.
        smallest: smallest squared distance between selected ones.

    Returns:
        (k,) int64 distinct picks, in the same order.
    """
    centres = picks.copy()
    for _ in range(affordable_steps(candidates, len(picks))):
        before = centres.copy()
        taken = np.zeros(len(candidates), bool)
        taken[centres] = True
        for number, cell in enumerate(cells(candidates, base_squared, candidates[centres])):
            if len(cell) < 2:
                continue
            middle = int(cell[medoid(candidates[cell], weights[cell])])
            if taken[middle] or base_squared[middle] < smallest:
                continue
            if smallest > 0:
                squared = squared_distances(candidates[centres], candidates[middle])
                if np.delete(squared, number).min(initial=np.inf) < smallest:
                    continue
            taken[centres[number]], taken[middle] = False, True
            centres[number] = middle
        if np.array_equal(before, centres):
            break
    return centres
