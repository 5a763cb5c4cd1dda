"""Clusters of samples by k-means, where some centres may stay where they are.

Lloyd's algorithm (S. P. Lloyd, Least squares quantization in PCM, IEEE Transactions on Information Theory 28, 1982)
from a start by k-means++ (D. Arthur and S. Vassilvitskii, SODA 2007).
"""

import numpy as np
from numpy.typing import NDArray

from curation.selection.cells import affordable_steps, cells, weighted_mean
from curation.selection.nearest import nearest_rows
from curation.selection.tracking import Selected

_SCATTER_WORK = 1e12
"""Candidates times dimension times centres up to which the start is by k-means++; above, it is a random draw."""


def cluster_centres(
    candidates: NDArray[np.float32], base: NDArray[np.float32], count: int, seed: int
) -> NDArray[np.float32]:
    """Return the centres of clusters of candidates, (count, d) float32, those with more candidates first.

    Args:
        candidates: (n, d) float32.
        base: (m, d) float32, further centres, which stay where they are.
        count: number of clusters, at most n.
        seed: of the start.
    """
    _, base_squared = nearest_rows(candidates, base)
    if float(candidates.size) * count <= _SCATTER_WORK:
        centres = candidates[scattered(candidates, base, count, seed)]
    else:
        centres = candidates[np.random.default_rng(seed).permutation(len(candidates))[:count]]
    for _ in range(affordable_steps(candidates, count)):
        clusters = cells(candidates, base_squared, centres)
        moved = centres.copy()
        for number, cluster in enumerate(clusters):
            if len(cluster):
                moved[number] = weighted_mean(candidates[cluster], np.ones(len(cluster)))
        if np.array_equal(moved, centres):
            break
        centres = moved
    sizes = np.array([len(cluster) for cluster in cells(candidates, base_squared, centres)])
    return centres[np.argsort(-sizes, kind="stable")]


def scattered(candidates: NDArray[np.float32], base: NDArray[np.float32], count: int, seed: int) -> NDArray[np.int64]:
    """Draw distinct candidates, each with a probability in proportion to its squared distance to all before it.

    Args:
        candidates: (n, d) float32.
        base: (m, d) float32.
        count: how many, at most n.
        seed: of the draw.
    """
    selected = Selected(candidates, base)
    picks = np.empty(count, np.int64)
    for number, share in enumerate(np.random.default_rng(seed).random(count)):
        free = selected.squared >= 0
        chance = np.where(free, np.minimum(selected.squared, np.float32(8)), 0).astype(np.float64)
        if not chance.any():
            chance = free.astype(np.float64)  # only copies are left
        reached = np.cumsum(chance)
        drawn = np.searchsorted(reached, share * reached[-1], side="right")
        picks[number] = min(drawn, np.flatnonzero(chance)[-1])  # the product may be rounded up to the whole
        selected.add(int(picks[number]))
    return picks
