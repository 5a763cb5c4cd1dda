"""The end of a selection: after some number of samples, or at some distance."""

from fractions import Fraction
from math import floor

import numpy as np


def sample_limit(n_candidates: int, n_samples: int | None, proportion_samples: float | None) -> int:
    """Return how many samples may be selected.

    A proportion is taken of the candidates, never of the datapool, and rounded to the nearest whole number, a half
    upwards; where there is a candidate at all it is at least 1. It is computed on the decimal number as written:
    0.07 of 100 candidates is 7, although the binary product is a little more than 7.

    Args:
        n_candidates: number of candidates.
        n_samples: number of samples asked for, if any.
        proportion_samples: share of the candidates asked for, above 0 up to 1, if any.

    Returns:
        At most `n_candidates`, and that where neither is given: then a distance ends the selection.
    """
    if n_samples is not None:
        return min(n_samples, n_candidates)
    if proportion_samples is not None:
        share = floor(Fraction(repr(float(proportion_samples))) * n_candidates + Fraction(1, 2))
        return min(max(1, share), n_candidates)
    return n_candidates


def squared_threshold(min_distance: float | None) -> np.float32:
    """Return the smallest squared distance `D` (see `curation.selection.distance`) at which a sample is still kept.

    `min_distance` is squared in float64 and rounded to float32, just as `D` is. Rounding keeps order, so a distance
    that is equal in float64 is equal here, and a distance read from a written selection, given as `min_distance`,
    keeps the sample it was read from. What is kept is never nearer than `min_distance` by more than 3e-8 of it.
    """
    return np.float32(0.0 if min_distance is None else float(min_distance) ** 2)
