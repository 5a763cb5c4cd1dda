"""Distances between samples, and what the spread of a set of embeddings says about it.

Sets too large to be compared in full are compared on a subset: drawn with a fixed seed from the samples sorted by
filename, so it depends on nothing but the samples.
"""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass

import faiss
import numpy as np
from numpy.typing import NDArray

from curation.selection.distance import squared_distances
from curation.selection.neighbour_index import NeighbourIndex

SEED = 0
"""Of every subset that the report draws."""

COMPARED_PAIRS = 2_000_000_000
"""Pairs of samples at most that a search for nearest neighbours compares: 20,000 samples with 100,000, for one."""

LEAST_QUERIES = 1_000
"""Samples whose nearest neighbour is searched among however many, if there are so many."""

_ROWS_OF_PRODUCTS = 100_000
_NEIGHBOURS = 5
_ROWS_AT_ONCE = 8_192
_EMPTY = np.empty(0, np.float64)


def subset(n: int, limit: int) -> NDArray[np.int64]:
    """Return the rows of a seeded subset, ascending; all rows where there are no more than `limit`."""
    if n <= limit:
        return np.arange(n, dtype=np.int64)
    rows: NDArray[np.int64] = np.random.default_rng(SEED).choice(n, size=limit, replace=False).astype(np.int64)
    rows.sort()
    return rows


def query_subset(n: int, others: int, limit: int) -> NDArray[np.int64]:
    """Return the rows of samples whose nearest neighbour is searched: a seeded subset, smaller among very many others.

    Args:
        n: samples that there are.
        others: samples that each is compared with.
        limit: of the subset.
    """
    return subset(n, min(limit, max(COMPARED_PAIRS // max(others, 1), LEAST_QUERIES)))


def pairwise_distances(embeddings: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the Euclidean distance of every two rows.

    Args:
        embeddings: (n, d) float32; memory grows with n squared.

    Returns:
        (n (n - 1) / 2,) float64.
    """
    n = len(embeddings)
    if n < 2:
        return _EMPTY
    points = embeddings.astype(np.float64)
    norms = np.einsum("nd,nd->n", points, points)
    squared = norms[:, None] + norms[None, :] - 2 * (points @ points.T)
    distances: NDArray[np.float64] = np.sqrt(np.maximum(squared[np.triu_indices(n, k=1)], 0))
    return distances


@dataclass(frozen=True)
class Neighbours:
    """The nearest neighbour of each query.

    Attributes:
        rows: (n,) int64, row in the set that was searched; -1 where there is none.
        distances: (n,) float64, Euclidean; NaN where there is none.
    """

    rows: NDArray[np.int64]
    distances: NDArray[np.float64]


def nearest_neighbours(
    queries: NDArray[np.float32], others: NDArray[np.float32], own_rows: NDArray[np.int64] | None = None
) -> Neighbours:
    """Find for each query the nearest of `others`; among equally near ones the first.

    faiss ranks by a float32 matrix product, which is inexact for near vectors and depends on the machine's BLAS. So the
    few nearest are compared again with the exact distance.

    Args:
        queries: (n, d) float32.
        others: (m, d) float32.
        own_rows: (n,) row in `others` that is the query itself and does not count as its neighbour.
    """
    n = len(queries)
    wanted = min(len(others), _NEIGHBOURS + (own_rows is not None))
    if n == 0 or wanted == 0:
        return Neighbours(np.full(n, -1, np.int64), np.full(n, np.nan))
    index = faiss.IndexFlatL2(queries.shape[1])
    index.add(np.ascontiguousarray(others, dtype=np.float32))
    with _matrix_products() if len(others) > _ROWS_OF_PRODUCTS else nullcontext():
        found = NeighbourIndex(index, wanted).search(np.ascontiguousarray(queries, dtype=np.float32))
    found.sort(axis=1)
    repeated = np.repeat(queries, found.shape[1], axis=0)
    exact = squared_distances(repeated, others[found.ravel()]).reshape(found.shape)
    if own_rows is not None:
        exact[found == own_rows[:, None]] = np.inf
    best = exact.argmin(axis=1)[:, None]
    squared = np.take_along_axis(exact, best, axis=1)[:, 0].astype(np.float64)
    rows = np.take_along_axis(found, best, axis=1)[:, 0].astype(np.int64)
    none = np.isinf(squared)
    rows[none], squared[none] = -1, np.nan
    return Neighbours(rows, np.sqrt(squared))


@contextmanager
def _matrix_products() -> Iterator[None]:
    """Let faiss search by matrix products however few the queries are: a third of the time."""
    former = faiss.cvar.distance_compute_blas_threshold
    faiss.cvar.distance_compute_blas_threshold = 0
    try:
        yield
    finally:
        faiss.cvar.distance_compute_blas_threshold = former


def neighbour_distances(embeddings: NDArray[np.float32], limit: int) -> NDArray[np.float64]:
    """Return the distance to the nearest other sample, for at most `limit` samples among all.

    Args:
        embeddings: (n, d) float32.
        limit: of samples whose neighbour is searched.

    Returns:
        One float64 for each sample of `query_subset`; none for fewer than two samples.
    """
    if len(embeddings) < 2:
        return _EMPTY
    rows = query_subset(len(embeddings), len(embeddings), limit)
    return nearest_neighbours(embeddings[rows], embeddings, own_rows=rows).distances


def embedding_std(embeddings: NDArray[np.float32]) -> float:
    """Return the mean standard deviation of an embedding's values, relative to that of a uniform spread.

    Unit vectors of dimension d spread evenly over the sphere have 1 / sqrt(d) in each value; a collapsed network gives
    every image the same vector, and 0 (Chen & He, Exploring Simple Siamese Representation Learning, 2021, section 4.1).

    Args:
        embeddings: (n, d) float32, n >= 1.

    Returns:
        0 (collapsed) to about 1.
    """
    return float(embeddings.astype(np.float64).std(axis=0).mean() * np.sqrt(embeddings.shape[1]))


def effective_rank(embeddings: NDArray[np.float32]) -> float:
    """Return how many dimensions the embeddings fill: the exponential of the entropy of their singular values.

    Roy & Vetterli, The effective rank: a measure of effective dimensionality, 2007; used to compare self-supervised
    models by Garrido et al., RankMe, 2023.

    Args:
        embeddings: (n, d) float32, n >= 1.

    Returns:
        1 to d; 0 where all embeddings are equal.
    """
    spread = embeddings.astype(np.float64)
    spread -= spread.mean(axis=0)
    values = np.linalg.svd(spread, compute_uv=False)
    if values[0] <= 1e-6 * np.sqrt(len(spread)):
        return 0.0
    shares = values / values.sum()
    shares = shares[shares > 1e-12]
    return float(np.exp(-(shares * np.log(shares)).sum()))


@dataclass(frozen=True)
class Projection:
    """The plane of the largest variance of a set of samples.

    Attributes:
        mean: (d,) float64 of the set.
        axes: (d, 2) float64, orthonormal; zeros for an axis along which nothing varies.
        variance: share of the variance that each of the two axes holds.
    """

    mean: NDArray[np.float64]
    axes: NDArray[np.float64]
    variance: tuple[float, float]

    def place(self, embeddings: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return where samples lie in the plane, rounded to six decimals: further ones differ between machines.

        Args:
            embeddings: (n, d) float32.

        Returns:
            (n, 2) float64.
        """
        points = np.empty((len(embeddings), 2))
        for start in range(0, len(embeddings), _ROWS_AT_ONCE):
            rows = slice(start, start + _ROWS_AT_ONCE)
            points[rows] = (embeddings[rows].astype(np.float64) - self.mean) @ self.axes
        return np.round(points, 6) + 0.0


def principal_plane(embeddings: NDArray[np.float32]) -> Projection:
    """Find the first two principal components (Pearson 1901).

    The sign of a component is arbitrary; it is set so that its largest weight, by amount, is positive.

    Args:
        embeddings: (n, d) float32.
    """
    n, dimension = embeddings.shape
    mean, axes, shares = np.zeros(dimension), np.zeros((dimension, 2)), [0.0, 0.0]
    if n >= 2 and dimension > 0:
        centred = embeddings.astype(np.float64)
        mean = centred.mean(axis=0)
        centred -= mean
        total = float(np.square(centred).sum())
        if total > 1e-12 * n:
            values, vectors = _leading_components(centred)
            for axis in range(min(2, len(values))):
                if values[axis] > 1e-12 * total:
                    vector = vectors[:, axis]
                    axes[:, axis] = vector * np.sign(vector[np.abs(vector).argmax()])
                    shares[axis] = float(values[axis] / total)
    return Projection(mean, axes, (shares[0], shares[1]))


def _leading_components(centred: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return squared singular values, descending, and right singular vectors as columns, of an (n, d) matrix.

    They come from the smaller one of the d x d and n x n matrices of inner products.
    """
    n, dimension = centred.shape
    if dimension <= n:
        values, vectors = np.linalg.eigh(centred.T @ centred)
        return values[::-1], vectors[:, ::-1]
    values, vectors = np.linalg.eigh(centred @ centred.T)
    values, vectors = values[::-1][:2], vectors[:, ::-1][:, :2]
    right = centred.T @ vectors
    return values, right / np.maximum(np.linalg.norm(right, axis=0), 1e-300)
