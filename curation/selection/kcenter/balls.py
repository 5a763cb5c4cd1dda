"""Groups of neighbouring candidates, each in a ball, so that a far centre is ruled out for a whole group at once.

A group's ball holds its projections. A centre farther from the middle of the ball than the largest sum of a row's
radius in the ball and its distance to its nearest centre cannot be nearer to any row (the triangle inequality, as in
metric trees: J. K. Uhlmann, Information Processing Letters 40, 1991). How the groups are made has no influence on
results.
"""

from collections.abc import Callable
from concurrent.futures import Executor

import numpy as np
from numpy.typing import NDArray

from curation.selection.kcenter import kernels
from curation.selection.kcenter.blocks import in_blocks

_BLOCK = 2048
_GROUPS_A_TASK = 1024
_ITERATIONS = 4
_SAMPLE_A_GROUP = 64
_ONE_LEVEL = 64


def consecutive(n: int, size: int) -> NDArray[np.int64]:
    """Cut n rows as they stand into groups of some size; return the (g + 1,) int64 first rows."""
    return np.append(np.arange(0, n, size), n).astype(np.int64)


def runs(phi: NDArray[np.float32], half: NDArray[np.float32], size: int, radius: float) -> NDArray[np.int64] | None:
    """Cut the rows as they stand into groups where consecutive ones are neighbours, as the frames of a video are.

    Args:
        phi: (n, q) float32 projections.
        half: (n,) float32 half squared norms of these.
        size: rows a group, at most.
        radius: squared distance of a row to the first of its group, at most, as a share of the mean squared distance
            of any two rows.

    Returns:
        (g + 1,) int64 first rows; None where the groups would be less than half as large as asked for.
    """
    any_two = 4 * float(half.mean(dtype=np.float64))  # the mean of |x - y|^2 is twice that of |x|^2 around the mean
    start = kernels.cut_runs(phi, size, radius * any_two)
    return start if 2 * len(phi) >= (len(start) - 1) * size else None


def enclose(
    phi: NDArray[np.float32],
    start: NDArray[np.int64],
    n_columns: int,
    coarsen: Callable[[NDArray[np.float32]], NDArray[np.float32]],
    executor: Executor,
    n_near: int,
) -> kernels.Groups:
    """Return the groups with their balls, no column pending.

    Args:
        phi: (n, q) float32 projections, last column 0.
        start: (g + 1,) int64 first row of each group.
        n_columns: number of the newest centres of which is known which groups they can matter to.
        coarsen: makes coarse projections.
        executor: computes groups side by side.
        n_near: number of the columns nearest to a group that are kept in a list.
    """
    middle, radius = _balls(phi, start, executor)
    half = _half_norms(middle)
    middle[:, -1] = 1
    n = len(middle)
    reach, pending = np.full(n, np.inf, np.float32), np.zeros((n, n_columns // 64 + 2), np.uint64)
    near, near_product = np.full((n, n_near), -1, np.int32), np.full((n, n_near), -np.inf, np.float32)
    return kernels.Groups(start, middle, coarsen(middle), half, radius, reach, pending, near, near_product)


def _balls(
    vectors: NDArray[np.float32], start: NDArray[np.int64], executor: Executor
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the middle of each run, (g, q) float32, and how far each vector is from it, (n,) float32, rounded up."""
    middle = np.empty((len(start) - 1, vectors.shape[1]), np.float32)
    radius = np.empty(len(vectors), np.float32)
    in_blocks(executor, lambda a, b: kernels.enclose(vectors, start, a, b, middle, radius), len(middle), _GROUPS_A_TASK)
    return middle, radius


def _half_norms(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return half the squared length of each row, (n,) float32."""
    half: NDArray[np.float32] = np.empty(len(vectors), np.float32)
    np.einsum("nq,nq->n", vectors, vectors, dtype=np.float64, casting="same_kind", out=half)  # n rows, q columns
    half /= 2
    return half


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
