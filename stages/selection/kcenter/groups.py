"""Groups of neighbouring candidates, each in a ball, so that a far centre is ruled out for a whole group at once.

A group's ball holds its projections. A centre farther from the middle of the ball than the largest sum of a row's
radius in the ball and its distance to its nearest centre cannot be nearer to any row (the triangle inequality, as in
metric trees: J. K. Uhlmann, Information Processing Letters 40, 1991). How the groups are made has no influence on
results.
"""

from concurrent.futures import Executor
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from stages.selection.kcenter.parallel import in_blocks

_BLOCK = 2048
_ITERATIONS = 4
_SAMPLE_A_GROUP = 64
_ONE_LEVEL = 64


def runs(n: int, size: int) -> NDArray[np.int64]:
    """Cut the rows as they stand into groups: free, and good where consecutive video frames are neighbours.

    Returns:
        (g + 1,) int64 first rows.
    """
    return np.append(np.arange(0, n, size), n).astype(np.int64)


def cluster(phi: NDArray[np.float32], size: int, executor: Executor) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Group rows by k-means in two levels: a few large clusters first, each of them then by itself.

    Args:
        phi: (n, q) float32 projections.
        size: rows a group, about.
        executor: computes blocks of rows side by side.

    Returns:
        (n,) int64 order that puts groups side by side, and (g + 1,) int64 first rows in that order.
    """
    rng = np.random.default_rng(0)
    n_groups = max(1, len(phi) // size)
    n_coarse = 1 if n_groups <= _ONE_LEVEL else round(n_groups**0.5)
    coarse = _k_means(phi, np.arange(len(phi)), n_coarse, rng, executor)
    orders: list[NDArray[np.int64]] = []
    sizes: list[NDArray[np.int64]] = []
    for rows in _members(coarse, n_coarse):
        n_fine = max(1, len(rows) // size)
        fine = _k_means(phi, rows, n_fine, rng, executor)
        orders.append(rows[np.argsort(fine, kind="stable")])
        counts = np.bincount(fine, minlength=n_fine)
        sizes.append(counts[counts > 0])
    return np.concatenate(orders), np.concatenate([[0], np.cumsum(np.concatenate(sizes))]).astype(np.int64)


def balls(phi: NDArray[np.float32], start: NDArray[np.int64]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the middle of each group, (g, q) float32, and how far each row is from it, (n,) float32, rounded up."""
    counts = np.diff(start)
    middle = np.empty((len(counts), phi.shape[1]), np.float32)
    radius = np.empty(len(phi), np.float32)
    for group, (first, last) in enumerate(pairwise(start)):
        rows = phi[first:last]
        middle[group] = rows.mean(axis=0, dtype=np.float64)
        away = rows - middle[group].astype(np.float64)
        radius[first:last] = np.sqrt(np.einsum("nq,nq->n", away, away)) * 1.000001 + 1e-7  # n rows, q columns
    return middle, radius


def _k_means(
    phi: NDArray[np.float32], rows: NDArray[np.int64], k: int, rng: np.random.Generator, executor: Executor
) -> NDArray[np.int64]:
    """Return the cluster, (m,) int64, of each of some rows: Lloyd's iterations on a sample, then one assignment."""
    if k == 1:
        return np.zeros(len(rows), np.int64)
    sample = phi[rows if len(rows) <= _SAMPLE_A_GROUP * k else np.sort(rng.choice(rows, _SAMPLE_A_GROUP * k, False))]
    middles = sample[np.sort(rng.choice(len(sample), k, replace=False))]
    for _ in range(_ITERATIONS):
        clusters = _assign(sample, np.arange(len(sample)), middles, executor)
        for cluster_, members in enumerate(_members(clusters, k)):
            if len(members):
                middles[cluster_] = sample[members].mean(axis=0)
    return _assign(phi, rows, middles, executor)


def _members(clusters: NDArray[np.int64], k: int) -> list[NDArray[np.int64]]:
    """Return the rows of each cluster, ascending."""
    order = np.argsort(clusters, kind="stable")
    return np.split(order, np.cumsum(np.bincount(clusters, minlength=k))[:-1])


def _assign(
    phi: NDArray[np.float32], rows: NDArray[np.int64], middles: NDArray[np.float32], executor: Executor
) -> NDArray[np.int64]:
    """Return the nearest middle, (m,) int64, of each of some rows."""
    half = np.einsum("kq,kq->k", middles, middles) / 2  # k middles, q columns
    clusters = np.empty(len(rows), np.int64)

    def assign(start: int, stop: int) -> None:
        product = phi[rows[start:stop]] @ middles.T
        product -= half
        clusters[start:stop] = product.argmax(axis=1)

    in_blocks(executor, assign, len(rows), _BLOCK)
    return clusters
