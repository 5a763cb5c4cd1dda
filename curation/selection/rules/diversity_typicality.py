"""The rule `diversity_typicality`: far from everything selected, and in a dense place.

Pure k-center picks outliers first. The typicality of a sample is the inverse of its mean distance to its 20 nearest
neighbours (G. Hacohen, A. Dekel and D. Weinshall, Active learning on a budget: opposite strategies suit high and low
budgets, ICML 2022).
"""

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from curation.selection.neighbours import nearest_neighbours
from curation.selection.tracking import Selected
from curation.selection.traversal import Traversal

NEIGHBOURS = 20


def diversity_typicality(
    candidates: NDArray[np.float32], base: NDArray[np.float32], limit: int, threshold: np.float32 | None = None
) -> Traversal:
    """Pick up to `limit` candidates, each with the largest product of distance to the selected and typicality.

    The first pick on an empty base is the most typical candidate.

    Args:
        candidates: (n, d) float32, sorted by filename: the lower row wins ties.
        base: (m, d) float32.
        limit: picks at most.
        threshold: smallest squared distance of a pick.
    """
    smallest = np.float32(0) if threshold is None else threshold
    typical = typicality(candidates, base)
    selected = Selected(candidates, base)
    for _ in tqdm(range(min(limit, len(candidates))), desc="select", disable=None, leave=False):
        far_enough = selected.squared >= smallest
        if not far_enough.any():
            break
        distance = np.sqrt(np.clip(selected.squared, 0, 8).astype(np.float64))  # 8: more than between unit vectors
        selected.add(int(np.where(far_enough, distance * typical, -1.0).argmax()))
    return selected.traversal()


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
