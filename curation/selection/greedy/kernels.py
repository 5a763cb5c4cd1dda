"""Compiled loops of the lazy search for a product of objectives. Importing this module imports numba.

They call no compiled function of another file, since numba would not notice that one's changes.
"""

import math

import numpy as np
from numpy.typing import NDArray

from curation.selection.greedy.logarithm import LN2_HIGH, LN2_LOW, ROOT_HALF, SERIES
from curation.selection.kcenter.kernels import compiled


@compiled
def natural_logarithm(value: float) -> float:
    """Return the bits of `curation.selection.greedy.logarithm.natural_logarithm`."""
    if not value > 0:
        return -math.inf
    mantissa, power = math.frexp(value)
    if mantissa < ROOT_HALF:
        mantissa *= 2
        power -= 1
    f = mantissa - 1
    s = f / (2 + f)
    z = s * s
    series = SERIES[6]
    for k in range(5, -1, -1):
        series = series * z + SERIES[k]
    half = 0.5 * f * f
    return power * LN2_HIGH - ((half - (s * (half + series * z) + power * LN2_LOW)) - f)


@compiled
def farthest(
    item_squared: NDArray[np.float32],
    start: NDArray[np.int64],
    squared: NDArray[np.float32],
    logarithm: NDArray[np.float64],
) -> None:
    """Find the farthest item of each unit, and the logarithm of its share of the largest squared distance, 4.

    Args:
        item_squared: (r,) squared distances of the items, those of each unit side by side; -1 for what is selected.
        start: (m + 1,) first item of each unit.
        squared: (m,) squared distance of each unit, changed in place; 0 without items.
        logarithm: (m,) changed in place where the distance has changed.
    """
    for unit in range(squared.shape[0]):
        largest = np.float32(0) if start[unit] == start[unit + 1] else np.float32(-1)
        for item in range(start[unit], start[unit + 1]):
            largest = max(largest, item_squared[item])
        if largest != squared[unit]:
            squared[unit] = largest
            logarithm[unit] = natural_logarithm(min(np.float64(largest), 4.0) / 4.0)


@compiled
def quota_terms(
    counts: NDArray[np.int64],
    total: NDArray[np.int64],
    quotient: NDArray[np.float64],
    strength: float,
    terms: NDArray[np.float64],
) -> None:
    """Find `curation.selection.greedy.terms.quota_term`, the same bits.

    Args:
        counts: (k, c) members of each class.
        total: (k,) members in all, at least 1.
        quotient: (c,) of each class.
        strength: exponent.
        terms: (k,) changed in place.
    """
    for kind in range(counts.shape[0]):
        value = 0.0
        for column in range(counts.shape[1]):
            value += quotient[column] * counts[kind, column]
        terms[kind] = strength * natural_logarithm(value / total[kind])
