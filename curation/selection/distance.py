"""The distance that every selection rule compares: exact, and equal on every machine.

`D(x, c)` is the float32 nearest to the float64 sum of the squared differences of two float32 vectors. Ties and
comparisons are decided on it, never on the result of a matrix product, whose last digits depend on the BLAS library
and on the number of threads. The order of the sum is fixed too: value `j` is added to partial sum `j mod 8`, and the
eight partial sums are added in pairs. Vector units compute it at full speed, and the compiled code of
`curation.selection.kcenter` gives the same bits.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

LANES = 8
"""Partial sums of a distance."""

_VALUES_A_BLOCK = 2**19


def squared_distances(points: NDArray[np.float32], others: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return `D` of each row of `points` and one vector, or the same row of `others`.

    Args:
        points: (n, d) float32.
        others: (d,) or (n, d) float32.

    Returns:
        (n,) float32 squared distances.
    """
    n, dimension = points.shape
    result = np.empty(n, np.float32)
    step = max(1, _VALUES_A_BLOCK // max(1, dimension))
    for start in range(0, n, step):
        rows = slice(start, start + step)
        result[rows] = _sum_in_lanes(points[rows], others[rows] if others.ndim == 2 else others)
    return result


def short_distance(distance: float) -> str:
    """Write a distance in few digits, for sentences: two decimals, three or four where it is small (0.014, 0.0051)."""
    decimals = next((places for places, least in ((2, 0.0995), (3, 0.00995)) if distance >= least), 4)
    return f"{distance:.{decimals if distance else 2}f}"


def _sum_in_lanes(points: NDArray[np.float32], others: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the float64 sums, (n,), of one block."""
    squares = np.subtract(points, others, dtype=np.float64)
    np.square(squares, out=squares)
    dimension = points.shape[1]
    lanes = np.zeros((len(points), LANES))
    for start in range(0, dimension, LANES):
        part = squares[:, start : start + LANES]
        lanes[:, : part.shape[1]] += part
    fours: NDArray[np.float64] = lanes[:, :4] + lanes[:, 4:]
    twos: NDArray[np.float64] = fours[:, :2] + fours[:, 2:]
    total: NDArray[np.float64] = twos[:, 0] + twos[:, 1]
    return total


def euclidean(squared: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return distances from squared ones; infinity (there was nothing to be near to) becomes NaN."""
    roots: NDArray[np.float64] = np.sqrt(squared.astype(np.float64))
    roots[np.isinf(roots)] = np.nan
    return roots


def product_slack(dimension: int, largest_squared_norm: float) -> np.float32:
    """Return how far `|x|^2 + |c|^2 - 2 x.c` in float32 may be from the true squared distance, at most.

    A float32 inner product of length `d`, summed in any order, is off by at most about `d u |x| |c|` with the unit
    roundoff `u = 2^-24` (Higham, Accuracy and Stability of Numerical Algorithms, 2002, section 3.1); it counts twice
    here. The norms are rounded to float32. The result has a safety factor of two.

    Args:
        dimension: length of the vectors.
        largest_squared_norm: of all vectors in play.
    """
    return np.float32((dimension + 8) * 2.0**-22 * largest_squared_norm + 1e-7)


def squared_norms(points: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the squared length of each row, (n,) float32, each from a float64 sum."""
    return squared_distances(points, np.zeros(points.shape[1], np.float32))


def first_not_finite(points: NDArray[Any]) -> int | None:
    """Return the first row that holds NaN or an infinite value, if there is one."""
    step = max(1, _VALUES_A_BLOCK // max(1, points.shape[1]))
    for start in range(0, len(points), step):
        bad = np.flatnonzero(~np.isfinite(points[start : start + step]).all(axis=1))
        if len(bad):
            return start + int(bad[0])
    return None
