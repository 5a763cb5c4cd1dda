"""Exact nearest neighbours between two sets, for any order of rows and number of threads the same."""

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from curation.selection.distance import product_slack, squared_distances, squared_norms

_ROWS, _COLUMNS = 1024, 2048
_PAIRS_AT_ONCE = 2**16


def nearest_rows(
    points: NDArray[np.float32], others: NDArray[np.float32], description: str | None = None
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Return for each point the nearest of `others`; among equally near ones the first.

    A matrix product in float32 gives every distance up to a known error (`product_slack`). Only the pairs that can
    be the nearest by it are computed exactly.

    Args:
        points: (n, d) float32.
        others: (m, d) float32.
        description: what the progress bar says; no bar without it.

    Returns:
        (n,) int64 row of the nearest, -1 where `others` is empty; (n,) float32 `D` to it, infinite where empty.
    """
    index = np.full(len(points), -1, np.int64)
    squared = np.full(len(points), np.inf, np.float32)
    if len(points) == 0 or len(others) == 0:
        return index, squared
    unique, first = distinct_rows(others)
    point_norms, other_norms = squared_norms(points), squared_norms(unique)
    slack = product_slack(points.shape[1], float(max(point_norms.max(), other_norms.max())))
    starts = range(0, len(points), _ROWS)
    for start in tqdm(starts, desc=description, disable=True if description is None else None, leave=False):
        rows = slice(start, start + _ROWS)
        for column in range(0, len(unique), _COLUMNS):
            columns = slice(column, column + _COLUMNS)
            bound = points[rows] @ unique[columns].T
            bound *= np.float32(-2)
            bound += point_norms[rows, None]
            bound += other_norms[None, columns]
            _improve(points[rows], unique, column, bound - slack, index[rows], squared[rows])
    return first[index], squared


def _improve(
    points: NDArray[np.float32],
    others: NDArray[np.float32],
    offset: int,
    bound: NDArray[np.float32],
    index: NDArray[np.int64],
    squared: NDArray[np.float32],
) -> None:
    """Replace nearest neighbours in place by nearer ones among `others[offset:]`.

    Args:
        points: (n, d).
        others: (m, d).
        offset: the row of `others` that the first column of `bound` stands for.
        bound: (n, b) lower bounds on `D`.
        index: (n,) nearest row so far.
        squared: (n,) `D` to it.
    """
    rows = np.arange(len(points))
    _take_nearer(points, others, rows, offset + bound.argmin(axis=1), index, squared)
    row, column = np.nonzero(bound <= squared[:, None])
    for start in range(0, len(row), _PAIRS_AT_ONCE):
        pairs = slice(start, start + _PAIRS_AT_ONCE)
        _take_nearer(points, others, row[pairs], offset + column[pairs], index, squared)


def _take_nearer(
    points: NDArray[np.float32],
    others: NDArray[np.float32],
    rows: NDArray[np.int64],
    columns: NDArray[np.int64],
    index: NDArray[np.int64],
    squared: NDArray[np.float32],
) -> None:
    """Compute the exact distances of some pairs and keep, for each row, the nearest; the lowest column on ties."""
    exact = squared_distances(points[rows], others[columns])
    order = np.lexsort((columns, exact, rows))
    first_of_row = order[np.flatnonzero(np.diff(rows[order], prepend=-1))]
    row, column, distance = rows[first_of_row], columns[first_of_row], exact[first_of_row]
    nearer = (distance < squared[row]) | ((distance == squared[row]) & (column < index[row]))
    index[row[nearer]] = column[nearer]
    squared[row[nearer]] = distance[nearer]


def distinct_rows(vectors: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Return the vectors without repetitions, in the order of their first row, and those rows.

    Many equal vectors would all have to be computed exactly, only to find that they tie.
    """
    plain = np.ascontiguousarray(vectors + np.float32(0))  # -0.0 becomes 0.0: equal as numbers, equal as bytes
    as_bytes = plain.view(np.dtype((np.void, plain.dtype.itemsize * plain.shape[1]))).ravel()
    _, first = np.unique(as_bytes, return_index=True)
    first.sort()
    return plain[first], first.astype(np.int64)
