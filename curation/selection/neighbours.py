"""Nearest neighbours within one set, with exact distances."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from curation.core.cores import available_cores
from curation.selection.distance import squared_distances
from curation.selection.kcenter.blocks import in_blocks
from curation.selection.neighbour_index import NeighbourIndex

_EXACT_UP_TO = 200_000
_QUERIES = 1024
_PROBES = 16


def nearest_neighbours(points: NDArray[np.float32], k: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Return the nearest other points of each point, nearest first.

    All points are searched up to 200,000 points; above, the nearest 16 clusters of faiss's inverted lists are, so that
    a few neighbours may be missed. The distances are exact in either case. Each block of queries is searched on one
    thread, so that the number of threads cannot change a result; or on the GPUs, one block after the other.

    Args:
        points: (n, d) float32.
        k: neighbours wanted; fewer are returned where there are fewer other points.

    Returns:
        (n, k) int64 rows; (n, k) float32 squared distances `D`. Rows are -1 and distances infinite where the inverted
        lists hold fewer.
    """
    n = len(points)
    k = max(0, min(k, n - 1))
    rows, squared = np.full((n, k), -1, np.int64), np.full((n, k), np.inf, np.float32)
    if k == 0:
        return rows, squared

    def search(start: int, stop: int) -> None:
        faiss.omp_set_num_threads(1)  # of the calling thread
        nearest, exact = _without_itself(points, index.search(points[start:stop]), start)
        rows[start:stop], squared[start:stop] = nearest[:, :k], exact[:, :k]

    with threadpool_limits(1):
        index = NeighbourIndex(_index(points), k + 1)
        with ThreadPoolExecutor(1 if index.on_gpu else available_cores()) as executor:
            in_blocks(executor, search, n, _QUERIES)
    return rows, squared


def _index(points: NDArray[np.float32]) -> Any:
    """Return an index that finds the nearest of `points`."""
    dimension = points.shape[1]
    index: Any = faiss.IndexFlatL2(dimension)
    if len(points) > _EXACT_UP_TO:
        index = faiss.IndexIVFFlat(index, dimension, int(2 * len(points) ** 0.5))
        index.nprobe = _PROBES
        index.cp.max_points_per_centroid = 64
        index.train(points)
    index.add(points)
    return index


def _without_itself(
    points: NDArray[np.float32], found: NDArray[np.int64], start: int
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Drop each point from its own neighbours and sort them by exact distance, then by row.

    Args:
        points: (n, d).
        found: (b, c) neighbours of the points from `start` on, -1 where there are no more.
        start: see above.

    Returns:
        (b, c - 1) rows and (b, c - 1) squared distances.
    """
    block, wide = found.shape
    itself = np.arange(start, start + block)
    exact = squared_distances(points[found.ravel()], np.repeat(points[itself], wide, axis=0)).reshape(block, wide)
    exact[found < 0] = np.inf
    exact[found == itself[:, None]] = -1  # comes first; where duplicates have crowded it out, the farthest is dropped
    order = np.lexsort((found, exact), axis=1)
    sorted_rows = np.take_along_axis(found, order, axis=1)
    sorted_exact = np.take_along_axis(exact, order, axis=1)
    first = np.where(sorted_exact[:, :1] < 0, 1, 0) + np.arange(wide - 1)
    return np.take_along_axis(sorted_rows, first, axis=1), np.take_along_axis(sorted_exact, first, axis=1)
