"""What the report keeps of many numbers."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from curation.reporting.contents.figures import Spread

CURVE_POINTS = 200


def spread_of(values: NDArray[np.float64]) -> Spread:
    """Return the least, the mean and the largest of numbers; None for each where there are none."""
    return Spread(min=or_none(np.min, values), mean=or_none(np.mean, values), max=or_none(np.max, values))


def or_none(measure: Callable[[NDArray[np.float64]], np.floating], values: NDArray[np.float64]) -> float | None:
    """Apply a measure; None where there are no values."""
    return float(measure(values)) if len(values) else None


def subset_or_none(examined: int, samples: int) -> int | None:
    """Return how many of a set's samples a figure rests on; None where these are all, or there are too few for it."""
    return examined if 0 < examined < samples else None


def thinned(n: int, limit: int) -> Sequence[int]:
    """Return at most `limit` of n rows, evenly spaced, with the first and the last."""
    if n <= limit:
        return range(n)
    return [int(row) for row in np.linspace(0, n - 1, limit).round()]


DISTANCE_SUBSET = 2_000
