"""Voronoi cells of picks, and what lies in their middle: the step that coverage and k-means share."""

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from curation.selection.distance import squared_distances
from curation.selection.nearest import nearest_rows

_STEPS, _WORK = 20, 4e12


def affordable_steps(candidates: NDArray[np.float32], count: int) -> int:
    """Return how many times cells may be made: 20, or fewer where each time takes long, at least once.

    Args:
        candidates: (n, d).
        count: number of centres.
    """
    return max(1, min(_STEPS, int(_WORK / max(1.0, float(candidates.size) * count))))


def cells(
    candidates: NDArray[np.float32], base_squared: NDArray[np.float32], centres: NDArray[np.float32]
) -> list[NDArray[np.int64]]:
    """Return for each centre the candidates that it is nearest to, in ascending order.

    What is at least as near to the base belongs to no cell. The lower centre wins ties.

    Args:
        candidates: (n, d) float32.
        base_squared: (n,) float32 squared distance to the base; infinite if that is empty.
        centres: (k, d) float32.
    """
    owner, squared = nearest_rows(candidates, centres)
    owner[base_squared <= squared] = -1
    order = np.argsort(owner, kind="stable")
    starts = np.searchsorted(owner[order], np.arange(len(centres) + 1))
    return [order[start:stop] for start, stop in pairwise(starts)]


def weighted_mean(points: NDArray[np.float32], weights: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return the mean of points, (d,) float32, summed in float64 in a fixed order.

    Args:
        points: (n, d) float32.
        weights: (n,) float64, with a positive sum.
    """
    mean: NDArray[np.float64] = (points * weights[:, None]).sum(axis=0) / weights.sum()
    return mean.astype(np.float32)


def medoid(points: NDArray[np.float32], weights: NDArray[np.float64]) -> int:
    """Return the point with the smallest weighted sum of squared distances to all; the lower row on ties.

    `sum_j w_j |x - x_j|^2 = W |x - mean|^2 + constant`, so it is the point nearest to the weighted mean, and no
    distances between pairs are needed.

    Args:
        points: (n, d) float32, n at least 1.
        weights: (n,) float64, with a positive sum.
    """
    return int(squared_distances(points, weighted_mean(points, weights)).argmin())
