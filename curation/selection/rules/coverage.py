"""The rule `coverage`: every candidate has something selected that is like it, and rare ones count for more.

`curation.selection.facility_location` says how.
"""

import numpy as np
from numpy.typing import NDArray

from curation.selection.facility_location import DENSE_UP_TO, most_similar
from curation.selection.rarity import rarity
from curation.selection.rule import Example, Rule
from curation.selection.traversal import Traversal


def coverage(
    candidates: NDArray[np.float32],
    base: NDArray[np.float32],
    limit: int,
    threshold: np.float32 | None = None,
    *,
    rare: float,
    dense_up_to: int = DENSE_UP_TO,
) -> Traversal:
    """Pick up to `limit` candidates that together are as similar to all candidates as possible, given the base.

    Args:
        candidates: (n, d) float32, sorted by filename: the lower row wins ties.
        base: (m, d) float32.
        limit: picks at most.
        threshold: smallest squared distance of a pick.
        rare: a candidate counts as much as the density where it lies to the power of -`rare`; 0 = all alike.
        dense_up_to: candidates up to which all pairs are compared.
    """
    return most_similar(
        candidates, base, limit, threshold, lambda: rarity(candidates, base, rare), dense_up_to=dense_up_to
    )


RULE = Rule(
    coverage,
    sentence="together with the datapool, the picks are as similar as possible to all candidates, and rare candidates "
    "count for more",
    source="facility location: G. L. Nemhauser, L. A. Wolsey and M. L. Fisher, Mathematical Programming 14, 1978",
    options=("rare",),
    advice="usually the best choice for labelling",
    example=Example((0, 4, 6, 12, 15, 90, 95, 100, 180, 184, 190), base=(95,), picks=(2, 9)),
)
