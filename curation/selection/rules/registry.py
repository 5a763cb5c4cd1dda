"""All rules by name. They take the same arguments and return the same, whatever they choose by.

Common to all: candidates and base are sorted by filename, so the order of files has no influence, and the lower
filename wins ties. A rule returns exactly as many distinct candidates as asked for (all, if there are no more), unless
a smallest distance ends it before: then every candidate left is nearer than that to something selected. What covers
each candidate is computed alike for every rule.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from curation.params.select import Method
from curation.selection.rules.coreset import coreset
from curation.selection.rules.coverage import coverage
from curation.selection.rules.diversity_typicality import diversity_typicality
from curation.selection.rules.kmeans import kmeans
from curation.selection.rules.random import random
from curation.selection.rules.uniform_time import uniform_time
from curation.selection.traversal import Traversal


@dataclass(frozen=True)
class Options:
    """What only some rules need.

    Attributes:
        seed: of `random`, `uniform_time` and `kmeans`.
        rare: how much more rare candidates count (`coverage`).
        raw_paths: n raw files that the candidates come from (`uniform_time`).
        times: (n,) float64 seconds from the start of the video, NaN for images (`uniform_time`).
    """

    seed: int
    rare: float
    raw_paths: Sequence[str]
    times: NDArray[np.float64]


def choose(
    method: Method,
    candidates: NDArray[np.float32],
    base: NDArray[np.float32],
    limit: int,
    threshold: np.float32 | None,
    options: Options,
) -> Traversal:
    """Choose by a rule.

    Args:
        method: name of the rule.
        candidates: (n, d) float32, sorted by filename.
        base: (m, d) float32, selected before, sorted by filename.
        limit: picks at most.
        threshold: smallest squared distance of a pick to everything selected.
        options: what only some rules need.
    """
    given = (candidates, base, limit, threshold)
    match method:
        case "coreset":
            return coreset(*given)
        case "coverage":
            return coverage(*given, rare=options.rare)
        case "diversity_typicality":
            return diversity_typicality(*given)
        case "kmeans":
            return kmeans(*given, seed=options.seed)
        case "random":
            return random(*given, seed=options.seed)
        case "uniform_time":
            return uniform_time(*given, seed=options.seed, raw_paths=options.raw_paths, times=options.times)
