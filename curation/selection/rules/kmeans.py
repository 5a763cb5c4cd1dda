"""The k-means rule: the sample nearest to the middle of each cluster, where the base has its clusters already.

Lloyd's algorithm (S. P. Lloyd, Least squares quantization in PCM, IEEE Transactions on Information Theory 28, 1982)
from a start by k-means++ (D. Arthur and S. Vassilvitskii, SODA 2007). The samples of the base are centres that do not
move: what is nearest to them draws no centre, so the new clusters lie where the base is not.
"""

import numpy as np
from numpy.typing import NDArray

from curation.selection.cells import affordable_steps, cells, weighted_mean
from curation.selection.choosing import Choosing
from curation.selection.distance import squared_distances
from curation.selection.nearest import nearest_rows
from curation.selection.tracking import Selected
from curation.selection.traversal import Traversal

_SCATTER_WORK = 1e12
"""Candidates times dimension times centres up to which the start is by k-means++; above, it is a random draw."""


def kmeans(
    candidates: NDArray[np.float32],
    base: NDArray[np.float32],
    limit: int,
    threshold: np.float32 | None = None,
    *,
    seed: int,
) -> Traversal:
    """Pick up to `limit` candidates, each the nearest to the centre of a cluster; large clusters first.

    A candidate that is picked already, or too near to something selected, is passed over for the next nearest.

    Args:
        candidates: (n, d) float32, sorted by filename: the lower row wins ties.
        base: (m, d) float32.
        limit: picks at most.
        threshold: smallest squared distance of a pick.
        seed: of the start.
    """
    count = min(limit, len(candidates))
    choosing = Choosing(candidates, base, threshold)
    if count == 0:
        return choosing.traversal()
    centres = cluster_centres(candidates, base, count, seed)
    nearest, _ = nearest_rows(centres, candidates)
    for centre, row in zip(centres, nearest, strict=True):
        pick = int(row)
        if not choosing.is_free(pick):
            free = choosing.free()
            if not free.any():
                break
            pick = int(np.where(free, squared_distances(candidates, centre), np.inf).argmin())
        choosing.add(pick)
    return choosing.traversal()


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
