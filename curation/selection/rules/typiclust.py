"""The rule `typiclust`: the most typical sample of each part of the data that has nothing selected yet.

G. Hacohen, A. Dekel and D. Weinshall, Active learning on a budget: opposite strategies suit high and low budgets, ICML
2022. Base and candidates are clustered by k-means into as many clusters as there are to be selected samples, at most
500 as in the authors' program. The clusters with the fewest selected samples come first, and among those the largest.
Their program leaves out clusters of five samples or fewer; here they come after the larger ones, since a rule has to
give as many samples as asked for.
"""

from collections.abc import Iterator
from heapq import heapify, heappop, heappush

import numpy as np
from numpy.typing import NDArray

from curation.selection.cells import cells
from curation.selection.choosing import Choosing
from curation.selection.clustering import cluster_centres
from curation.selection.rule import Example, Rule
from curation.selection.traversal import Traversal
from curation.selection.typicality import typicality

MOST_CLUSTERS = 500


def typiclust(
    candidates: NDArray[np.float32],
    base: NDArray[np.float32],
    limit: int,
    threshold: np.float32 | None = None,
    *,
    seed: int,
) -> Traversal:
    """Pick up to `limit` candidates, each the most typical one of a cluster that has the fewest selected samples.

    A candidate that is too near to something selected is passed over for the next most typical of its cluster.

    Args:
        candidates: (n, d) float32, sorted by filename: the lower row wins ties.
        base: (m, d) float32.
        limit: picks at most.
        threshold: smallest squared distance of a pick.
        seed: of the start of the clusters.
    """
    count = min(limit, len(candidates))
    choosing = Choosing(candidates, base, threshold)
    clusters = clustered(candidates, base, count, seed) if count else {}
    waiting = [(int((rows >= len(candidates)).sum()), -len(rows), first) for first, rows in clusters.items()]
    heapify(waiting)
    ordered = {first: by_typicality(candidates, base, rows) for first, rows in clusters.items()}
    while waiting and len(choosing) < count:
        selected, size, first = heappop(waiting)
        pick = next(filter(choosing.is_free, ordered[first]), None)
        if pick is not None:  # what is not free will never be again: a cluster without free candidates is done
            choosing.add(pick)
            heappush(waiting, (selected + 1, size, first))
    return choosing.traversal()


def clustered(
    candidates: NDArray[np.float32], base: NDArray[np.float32], count: int, seed: int
) -> dict[int, NDArray[np.int64]]:
    """Return the clusters of candidates and base by their first row: all rows of each, those of the base from n on.

    Args:
        candidates: (n, d) float32, n at least 1.
        base: (m, d) float32.
        count: how many candidates are to be selected.
        seed: of the start.
    """
    points = np.concatenate([candidates, base]) if len(base) else candidates
    wanted = min(len(base) + count, MOST_CLUSTERS)
    centres = cluster_centres(points, points[:0], wanted, seed)
    found = cells(points, np.full(len(points), np.inf, np.float32), centres)
    return {int(rows[0]): rows for rows in found if len(rows)}


def by_typicality(candidates: NDArray[np.float32], base: NDArray[np.float32], rows: NDArray[np.int64]) -> Iterator[int]:
    """Yield the candidates of a cluster, the most typical within it first.

    Args:
        candidates: (n, d) float32.
        base: (m, d) float32.
        rows: of the cluster in ascending order, those of the base from n on.
    """
    own = rows[rows < len(candidates)]
    typical = typicality(candidates[own], base[rows[len(own) :] - len(candidates)])
    yield from own[np.argsort(-typical, kind="stable")].tolist()


RULE = Rule(
    typiclust,
    sentence="each pick is the most typical candidate of a cluster that has the fewest selected samples, the datapool "
    "included, the largest such cluster first",
    source="TypiClust: G. Hacohen, A. Dekel and D. Weinshall, ICML 2022",
    options=("seed",),
    advice="for a first few samples to label",
    example=Example((0, 4, 6, 12, 15, 90, 95, 100, 180, 184, 190), base=(93,), picks=(2, 9)),
)
