"""Greedy k-center, one pass over the candidates a pick.

Farthest-first traversal: T. F. Gonzalez, Clustering to minimize the maximum intercluster distance, Theoretical
Computer Science 38 (1985). Its coverage radius is at most twice the smallest possible one for the number of picks.
"""

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from curation.selection.tracking import Selected
from curation.selection.traversal import Traversal


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
    selected = Selected(candidates, base)
    for _ in tqdm(range(min(limit, len(candidates))), desc="select", disable=None, leave=False):
        pick = int(selected.squared.argmax())
        if selected.squared[pick] < threshold:
            break
        selected.add(pick)
    return selected.traversal()
