"""The k-means rule: the sample nearest to the middle of each cluster, where the base has its clusters already.

The samples of the base are centres that do not move: what is nearest to them draws no centre, so the new clusters lie
where the base is not.
"""

import numpy as np
from numpy.typing import NDArray

from curation.selection.choosing import Choosing
from curation.selection.clustering import cluster_centres
from curation.selection.distance import squared_distances
from curation.selection.nearest import nearest_rows
from curation.selection.rule import Example, Rule
from curation.selection.traversal import Traversal


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


RULE = Rule(
    kmeans,
    sentence="each pick is the candidate nearest to the middle of a cluster, where the samples of the datapool have "
    "clusters of their own",
    source="S. P. Lloyd, IEEE Transactions on Information Theory 28, 1982",
    options=("seed",),
    example=Example((0, 4, 6, 12, 15, 90, 95, 100, 180, 184, 190), base=(95,), picks=(2, 9)),
)
