"""The picks of `curation.selection.greedy.plain` without its passes over all candidates.

What is known of a distance is an upper bound, since it only falls; so the value of a unit without its quotas is bounded
too, and a unit whose bound is below a level (`levels`) is left alone until the picks come down to it, as in greedy
k-center (`curation.selection.kcenter.fast`, whose search brings the distances up to date, in every space). A unit above
the level needs a distance only where that is not below what its other objectives leave to reach the level.

What has a factor of 0 comes last, by its row: the same search, with minus the row as the value.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray

from curation.selection.greedy.picking import LazySearch
from curation.selection.kcenter.fast import Tuning, threads
from curation.selection.objectives import Combined, Objectives


def combined(
    candidates: NDArray[np.float32],
    base: NDArray[np.float32],
    limit: int,
    threshold: np.float32 | None,
    objectives: Objectives,
    tuning: Tuning | None = None,
) -> Combined:
    """Select like `curation.selection.greedy.plain.combined`.

    Args:
        candidates: (n, d) float32, n at least 1.
        base: (m, d) float32.
        limit: picks at most.
        threshold: smallest squared distance of a pick.
        objectives: what is to be large; no distance with a negative strength.
        tuning: sizes.
    """
    with _searched(candidates, base, limit, threshold, objectives, tuning or Tuning()) as search:
        return Combined(search.traversal(), search.values(), objectives.places)


def picks_only(
    candidates: NDArray[np.float32],
    base: NDArray[np.float32],
    limit: int,
    threshold: np.float32 | None,
    objectives: Objectives,
    tuning: Tuning | None = None,
) -> NDArray[np.int64]:
    """Return the picks of `combined`, (k,) int64, without finding out which of them covers each candidate."""
    with _searched(candidates, base, limit, threshold, objectives, tuning or Tuning()) as search:
        return np.array(search.picks, np.int64)


@contextmanager
def _searched(
    candidates: NDArray[np.float32],
    base: NDArray[np.float32],
    limit: int,
    threshold: np.float32 | None,
    objectives: Objectives,
    tuning: Tuning,
) -> Iterator[LazySearch]:
    """Yield a search that has picked, while it has its threads."""
    with threads(tuning) as executor:
        search = LazySearch(candidates, base, min(limit, len(candidates)), threshold, objectives, tuning, executor)
        search.select()
        yield search
