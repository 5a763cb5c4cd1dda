"""The random rule: a seeded draw without replacement, the baseline that every other rule has to beat."""

import numpy as np
from numpy.typing import NDArray

from curation.selection.choosing import Choosing
from curation.selection.rule import Example, Rule
from curation.selection.traversal import Traversal


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
    choosing = Choosing(candidates, base, threshold)
    for row in np.random.default_rng(seed).permutation(len(candidates)):
        if len(choosing) == limit:
            break
        if choosing.is_free(int(row)):
            choosing.add(int(row))
    return choosing.traversal()


RULE = Rule(
    random,
    sentence="the picks are drawn by chance",
    source="",
    options=("seed",),
    advice="what every other rule has to beat",
    example=Example(tuple(range(9)), base=(), picks=(7, 0, 1, 4)),
)
