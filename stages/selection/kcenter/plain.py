"""Greedy k-center, one pass over the candidates a pick.

Farthest-first traversal: T. F. Gonzalez, Clustering to minimize the maximum intercluster distance, Theoretical
Computer Science 38 (1985). Its coverage radius is at most twice the smallest possible one for the number of picks.
"""

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from stages.selection.distance import product_slack, squared_distances, squared_norms
from stages.selection.kcenter.traversal import Traversal
from stages.selection.nearest import nearest_rows

_PICKED = np.float32(-1)


def farthest_first(
    candidates: NDArray[np.float32], base: NDArray[np.float32], limit: int, threshold: np.float32
) -> Traversal:
    """Select again and again the candidate that is farthest from everything selected, the lowest row on ties.

    Args:
        candidates: (n, d) float32.
        base: (m, d) float32, selected before; may be empty: then the first pick is candidate 0.
        limit: picks at most.
        threshold: the smallest squared distance at which a candidate is still picked.
    """
    base_nearest, base_squared = nearest_rows(candidates, base, "distances to the base")
    squared, nearest = base_squared.copy(), base_nearest.copy()
    norms = squared_norms(candidates)
    slack = product_slack(candidates.shape[1], float(norms.max(initial=0)))
    picks: list[int] = []
    pick_squared: list[np.float32] = []
    pick_nearest: list[int] = []
    for rank in tqdm(range(min(limit, len(candidates))), desc="select", disable=None, leave=False):
        pick = int(squared.argmax())
        if squared[pick] < threshold:
            break
        picks.append(pick)
        pick_squared.append(squared[pick])
        pick_nearest.append(int(nearest[pick]))
        squared[pick], nearest[pick] = _PICKED, len(base) + rank
        rows = _possibly_nearer(candidates, norms, pick, squared + slack)
        exact = squared_distances(candidates[rows], candidates[pick])
        nearer = exact < squared[rows]
        squared[rows[nearer]], nearest[rows[nearer]] = exact[nearer], len(base) + rank
    squared[squared == _PICKED] = 0
    return Traversal(
        np.array(picks, np.int64),
        np.array(pick_squared, np.float32),
        np.array(pick_nearest, np.int64),
        base_squared,
        base_nearest,
        squared,
        nearest,
    )


def _possibly_nearer(
    candidates: NDArray[np.float32], norms: NDArray[np.float32], pick: int, limits: NDArray[np.float32]
) -> NDArray[np.int64]:
    """Return the candidates whose squared distance to a pick can be below their limit.

    `|x|^2 + |c|^2 - 2 x.c` needs one matrix-vector product in float32. Its error is allowed for in the limits.

    Args:
        candidates: (n, d).
        norms: (n,) squared norms.
        pick: row of the pick.
        limits: (n,) squared distances.
    """
    bound = candidates @ candidates[pick]
    bound *= np.float32(-2)
    bound += norms
    bound += norms[pick]
    return np.flatnonzero(bound < limits)
