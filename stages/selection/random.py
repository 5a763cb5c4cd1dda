"""The random rule: a seeded draw without replacement, the baseline that every other rule has to beat."""

import numpy as np
from numpy.typing import NDArray

from stages.selection.covering import follow
from stages.selection.tracking import Selected
from stages.selection.traversal import Traversal


def random(
    candidates: NDArray[np.float32],
    base: NDArray[np.float32],
    limit: int,
    threshold: np.float32 | None = None,
    *,
    seed: int,
) -> Traversal:
    """Pick up to `limit` candidates at random, all with the same probability.

    With a threshold, a candidate that is too near to something selected is passed over.

    Args:
        candidates: (n, d) float32, sorted by filename.
        base: (m, d) float32.
        limit: picks at most.
        threshold: smallest squared distance of a pick.
        seed: another one gives other picks.
    """
    order = np.random.default_rng(seed).permutation(len(candidates))
    if threshold is None or threshold == 0:
        return follow(candidates, base, order[:limit])[0]
    selected = Selected(candidates, base)
    count = 0
    for row in order:
        if count == limit:
            break
        if selected.squared[row] >= threshold:
            selected.add(int(row))
            count += 1
    return selected.traversal()
