"""The choice of a program for a selection by strategies; all of them return the same."""

import numpy as np
from numpy.typing import NDArray

from curation.selection.greedy import plain
from curation.selection.objectives import Combined, Objectives


def combined(
    candidates: NDArray[np.float32],
    base: NDArray[np.float32],
    limit: int,
    threshold: np.float32 | None,
    objectives: Objectives,
) -> Combined:
    """Pick up to `limit` candidates as `curation.selection.greedy.plain` defines it.

    Args:
        candidates: (n, d) float32, sorted by filename.
        base: (m, d) float32.
        limit: picks at most.
        threshold: smallest squared distance of a pick.
        objectives: what is to be large.
    """
    return plain.combined(candidates, base, limit, threshold, objectives)
