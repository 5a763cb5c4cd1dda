"""UMAP for a few thousand points.

McInnes, Healy & Melville, UMAP: Uniform Manifold Approximation and Projection for Dimension Reduction, 2018.

The neighbours are searched exactly and the layout is optimised by one thread, so that equal points give equal maps
whatever the number of threads. (The libraries umap-learn 0.5.12 and openTSNE 1.0.4, with their seeds set, give other
maps with two threads than with one, and umap-learn compiles for about ten seconds in every process.)

Importing this module imports numba.
"""

from collections.abc import Callable, Sequence
from typing import TypeVar, cast

import numba
import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from threadpoolctl import threadpool_limits

EPOCHS = 300
_CURVE = (1.576943460, 0.895060879)
"""`a` and `b` of the curve 1 / (1 + a d^(2b)) that comes closest to one that is 1 up to `min_dist` = 0.1 and falls with
`spread` = 1 beyond it."""

_NEGATIVE_SAMPLES = 5
_BISECTIONS = 64
_ROWS_AT_ONCE = 512
_EXTENT = 10.0
_DECIMALS, _FARTHEST = 10**6, 16.0

Function = TypeVar("Function", bound=Callable[..., object])


def umap(
    embeddings: NDArray[np.float32], start: NDArray[np.float64], sizes: Sequence[int], seed: int
) -> list[NDArray[np.float64]]:
    """Lay points out in the plane so that neighbours stay neighbours.

    Args:
        embeddings: (n, d) float32 of unit length.
        start: (n, 2) where the optimisation starts, e.g. the first principal components.
        sizes: for each layout, how many neighbours count as near, 2 or more: few show small groups, many the shape of
            the whole. No more than the n - 1 there are.
        seed: of the sampling.

    Returns:
        For each size (n, 2) float64, rounded to four decimals; `start` itself for fewer than four points.
    """
    n = len(embeddings)
    if n < 4 or not sizes:
        return [np.round(start, 4) for _ in sizes]
    neighbours, distances = nearest(embeddings, min(max(sizes), n - 1))
    return [_layout(membership_graph(neighbours[:, :k], distances[:, :k]), start, seed) for k in sizes]


def _layout(graph: sparse.csr_matrix, start: NDArray[np.float64], seed: int) -> NDArray[np.float64]:
    """Lay out the points of a graph."""
    n = len(start)
    random = np.random.default_rng(seed)
    points = start * (_EXTENT / max(float(np.abs(start).max()), 1e-12)) + random.normal(scale=1e-4, size=(n, 2))
    edges = graph.tocoo()
    kept = edges.data >= edges.data.max() / EPOCHS
    order = np.lexsort((edges.col[kept], edges.row[kept]))
    heads, tails = edges.row[kept][order].astype(np.int64), edges.col[kept][order].astype(np.int64)
    epochs_per_sample = edges.data.max() / edges.data[kept][order]
    _optimise(points, heads, tails, epochs_per_sample, EPOCHS, np.uint64(seed + 1), *_CURVE)
    layout: NDArray[np.float64] = np.round(points - points.mean(axis=0), 4) + 0.0
    return layout


def nearest(embeddings: NDArray[np.float32], k: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Find the nearest other points, nearest first; among equally near ones the first.

    Args:
        embeddings: (n, d) float32.
        k: neighbours of each point, 1 to n - 1.

    Returns:
        (n, k) int64 rows, and (n, k) float64 Euclidean distances. Squared distances are rounded to six decimals: the
        further ones of a matrix product differ between machines.
    """
    n = len(embeddings)
    points = embeddings.astype(np.float64)
    norms = np.einsum("nd,nd->n", points, points)
    rows, squared = np.empty((n, k), np.int64), np.empty((n, k))
    columns = np.arange(n)
    with threadpool_limits(limits=1, user_api="blas"):
        for start in range(0, n, _ROWS_AT_ONCE):
            part = slice(start, min(n, start + _ROWS_AT_ONCE))
            found = norms[part, None] + norms[None, :] - 2 * (points[part] @ points.T)
            own = columns[part]
            found[own - start, own] = np.inf
            # One whole number that orders by distance, then by row: no two are equal, so any sort gives the same.
            keys = np.round(np.clip(found, 0, _FARTHEST) * _DECIMALS).astype(np.int64) * n + columns
            least = np.partition(keys, k - 1, axis=1)[:, :k]
            least.sort(axis=1)
            rows[part] = least % n
            squared[part] = least // n / _DECIMALS
    return rows, np.sqrt(squared)


def membership_graph(neighbours: NDArray[np.int64], distances: NDArray[np.float64]) -> sparse.csr_matrix:
    """Return how strongly two points belong together: the paper's fuzzy union of each point's own view.

    A point's nearest neighbour belongs to it by 1, the others by exp(-(d - nearest) / sigma), with the sigma for which
    all of them add up to log2(k).

    Args:
        neighbours: (n, k) rows.
        distances: (n, k), ascending.

    Returns:
        (n, n), symmetric, 0 to 1.
    """
    n, k = neighbours.shape
    positive = np.where(distances > 0, distances, np.inf).min(axis=1)
    nearest_distance = np.where(np.isfinite(positive), positive, 0.0)
    beyond = np.maximum(distances - nearest_distance[:, None], 0)
    low, high = np.zeros(n), np.full(n, np.inf)
    sigma = np.ones(n)
    for _ in range(_BISECTIONS):
        too_much = np.exp(-beyond / sigma[:, None]).sum(axis=1) > np.log2(k)
        high = np.where(too_much, sigma, high)
        low = np.where(too_much, low, sigma)
        sigma = np.where(np.isinf(high), 2 * low, (low + high) / 2)
    least = 1e-3 * np.where(nearest_distance > 0, distances.mean(axis=1), max(float(distances.mean()), 1e-12))
    strength = np.exp(-beyond / np.maximum(sigma, least)[:, None])
    own_view = sparse.csr_matrix((strength.ravel(), (np.repeat(np.arange(n), k), neighbours.ravel())), shape=(n, n))
    both = own_view.multiply(own_view.T)
    return sparse.csr_matrix(own_view + own_view.T - both)


def compiled(function: Function) -> Function:
    """Compile; keep the result on disk where there is a place to write."""
    try:
        return cast(Function, numba.njit(cache=True)(function))
    except RuntimeError:  # neither the source folder nor the home folder can be written to
        return cast(Function, numba.njit(function))


@compiled
def _pull_together(points: NDArray[np.float64], head: int, tail: int, rate: float, a: float, b: float) -> None:
    """Move the ends of an edge towards each other; see `_optimise`."""
    x, y = points[head, 0] - points[tail, 0], points[head, 1] - points[tail, 1]
    squared = x * x + y * y
    if squared > 0:
        power = squared**b
        pull = -2.0 * a * b * power / (squared * (a * power + 1.0))
        step_x = rate * min(4.0, max(-4.0, pull * x))
        step_y = rate * min(4.0, max(-4.0, pull * y))
        points[head, 0] += step_x
        points[head, 1] += step_y
        points[tail, 0] -= step_x
        points[tail, 1] -= step_y


@compiled
def _optimise(
    points: NDArray[np.float64],
    heads: NDArray[np.int64],
    tails: NDArray[np.int64],
    epochs_per_sample: NDArray[np.float64],
    epochs: int,
    state: np.uint64,
    a: float,
    b: float,
) -> None:
    """Move points in place: each edge pulls its ends together as often as it is strong, and random points push apart.

    Args:
        points: (n, 2).
        heads: (e,) one end of each edge.
        tails: (e,) the other end.
        epochs_per_sample: (e,) an edge takes part in every so-manieth epoch.
        epochs: passes over the edges.
        state: of the random numbers, not 0.
        a: of the curve.
        b: of the curve.
    """
    n = np.uint64(len(points))
    due = epochs_per_sample.copy()
    for epoch in range(epochs):
        rate = 1.0 - epoch / epochs
        for edge in range(len(heads)):
            if due[edge] > epoch:
                continue
            due[edge] += epochs_per_sample[edge]
            head, tail = heads[edge], tails[edge]
            _pull_together(points, head, tail, rate, a, b)
            for _ in range(_NEGATIVE_SAMPLES):
                # xorshift64 (Marsaglia 2003)
                state ^= state << np.uint64(13)
                state ^= state >> np.uint64(7)
                state ^= state << np.uint64(17)
                other = np.int64((state >> np.uint64(11)) % n)
                if other == head:
                    continue
                x, y = points[head, 0] - points[other, 0], points[head, 1] - points[other, 1]
                squared = x * x + y * y
                push = 2.0 * b / ((0.001 + squared) * (a * squared**b + 1.0))
                points[head, 0] += rate * min(4.0, max(-4.0, push * x))
                points[head, 1] += rate * min(4.0, max(-4.0, push * y))
