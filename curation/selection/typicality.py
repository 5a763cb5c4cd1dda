"""How dense the data are where a sample lies.

The typicality of a sample is the inverse of its mean distance to its 20 nearest neighbours (G. Hacohen, A. Dekel and
D. Weinshall, Active learning on a budget: opposite strategies suit high and low budgets, ICML 2022).
"""

import numpy as np
from numpy.typing import NDArray

from curation.selection.neighbours import nearest_neighbours

NEIGHBOURS = 20


def typicality(candidates: NDArray[np.float32], base: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return 1 / mean distance to the 20 nearest neighbours among candidates and base, (n,) float64, 1 at most.

    The distance has a floor of a thousandth of the mean of all: copies of one picture are not infinitely typical. The
    values are divided by the largest.

    Args:
        candidates: (n, d) float32.
        base: (m, d) float32; may be empty.
    """
    if len(candidates) == 0:
        return np.empty(0)
    points = np.concatenate([candidates, base]) if len(base) else candidates
    _, squared = nearest_neighbours(points, NEIGHBOURS)
    if squared.shape[1] == 0:
        return np.ones(len(candidates))
    mean = mean_of_finite(np.sqrt(squared.astype(np.float64)))
    floored = np.maximum(mean, 1e-3 * mean.mean())
    if not floored.any():
        return np.ones(len(candidates))
    typical: NDArray[np.float64] = floored.min() / floored
    return typical[: len(candidates)]


def mean_of_finite(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the mean of each row, (n,), over its finite values; the largest finite value of all where it has none."""
    finite = np.isfinite(values)
    total = np.where(finite, values, 0).sum(axis=1)
    count = finite.sum(axis=1)
    fallback = values[finite].max() if finite.any() else 0.0
    mean: NDArray[np.float64] = np.where(count > 0, total / np.maximum(count, 1), fallback)
    return mean
