"""The rule `diversity_typicality`: far from everything selected, and in a dense place.

Pure k-center picks outliers first; the typicality of a sample (`curation.selection.typicality`) keeps them back.
"""

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from curation.selection.rule import Example, Rule
from curation.selection.tracking import Selected
from curation.selection.traversal import Traversal
from curation.selection.typicality import typicality


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


RULE = Rule(
    diversity_typicality,
    sentence="each pick is a candidate far from everything selected before, the datapool included, and near to many "
    "others",
    source="typicality: G. Hacohen, A. Dekel and D. Weinshall, ICML 2022",
    example=Example((0, 120, 122, 124), base=(), picks=(2, 0)),
)
