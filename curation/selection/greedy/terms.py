"""Logarithms of the factors of the product: what the plain definition and the lazy search both compute.

All of it is the same to the last bit on every machine, and the sums have a fixed order.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from curation.selection.greedy.logarithm import natural_logarithm
from curation.selection.objectives import Fixed, Quota

LARGEST_SQUARED = 4.0
"""Squared distance of opposite vectors of unit length."""


def fixed_term(fixed: Sequence[Fixed], n: int) -> NDArray[np.float64]:
    """Return the sum over objectives that don't change, (n,) float64.

    Args:
        fixed: the objectives.
        n: units.
    """
    total = np.zeros(n)
    for one in fixed:
        total += _power(one.values, one.strength)
    return total


def diverse_value(squared: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return half the distance, 1 at most, float64, of squared distances."""
    result: NDArray[np.float64] = np.sqrt(_share_of_largest(squared))
    return result


def diverse_term(squared: NDArray[np.float32], strength: float) -> NDArray[np.float64]:
    """Return the factor's logarithm, float64, of squared distances."""
    if strength < 0:
        return _power(diverse_value(squared), strength)
    return strength / 2 * natural_logarithm(_share_of_largest(squared))


def seat_quotients(quota: Quota, count: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return how far each class is behind, (c,) float64; with every member of a class its own falls.

    The quotient `target / (2 x members so far + 1)` is the method of Webster and Sainte-Laguë to share out seats (M. L.
    Balinski and H. P. Young, Fair Representation, 1982).

    Args:
        quota: what is wanted.
        count: (c,) int64 members of each class so far.
    """
    quotient: NDArray[np.float64] = quota.target / (2 * count + 1)
    return quotient


def quotients(quota: Quota, count: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return `seat_quotients`, (c,) float64, divided by the largest of them."""
    quotient = seat_quotients(quota, count)
    result: NDArray[np.float64] = quotient / quotient.max()
    return result


def quota_value(
    counts: NDArray[np.int64], others: NDArray[np.int64], quotient: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the mean quotient over all members of units, (n,) float64; 0 for a unit without any.

    Args:
        counts: (n, c) int64 members of each class.
        others: (n,) int64 members of classes without a share: their quotient is 0.
        quotient: (c,) float64 of each class.
    """
    total = np.zeros(len(counts))
    for one, column in zip(quotient, counts.T, strict=True):  # a matrix product would leave the order to a library
        total += one * column
    result: NDArray[np.float64] = total / np.maximum(counts.sum(axis=1) + others, 1)
    return result


def quota_term(value: NDArray[np.float64], strength: float) -> NDArray[np.float64]:
    """Return the factor's logarithm, float64, of what `quota_value` returned."""
    return strength * natural_logarithm(value)


def _share_of_largest(squared: NDArray[np.float32]) -> NDArray[np.float64]:
    result: NDArray[np.float64] = np.clip(squared.astype(np.float64), 0, LARGEST_SQUARED) / LARGEST_SQUARED
    return result


def _power(values: NDArray[np.float64], strength: float) -> NDArray[np.float64]:
    """Return the logarithm of `v` to some power, or of `1 - v` where that is negative."""
    if strength > 0:
        return strength * natural_logarithm(values)
    return -strength * natural_logarithm(np.maximum(1 - values, 0))
