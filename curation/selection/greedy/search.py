"""The choice of a program for a selection by strategies; both return the same, and the expected time decides."""

import numpy as np
from numpy.typing import NDArray

from curation.selection.greedy import plain
from curation.selection.objectives import Combined, Objectives

_PLAIN_UP_TO = 5e9
"""Steps that the plain program is used for: two or three seconds of it.

The lazy one needs some ten seconds once, to be compiled, where its compiled form is not on disk yet.
"""

_STEPS_A_UNIT, _STEPS_A_CLASS = 300.0, 60.0
"""Steps of the plain program for a unit, and for a class of it, a pick, where a value of a vector is one step."""


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
    given = (candidates, base, limit, threshold, objectives)
    if _steps(candidates, limit, objectives) <= _PLAIN_UP_TO or not _only_falls(objectives):
        return plain.combined(*given)
    from curation.selection.greedy import lazy  # imports numba, which takes longer than a small selection

    return lazy.combined(*given)


def _steps(candidates: NDArray[np.float32], limit: int, objectives: Objectives) -> float:
    """Return the steps that the plain program would need, about."""
    n, dimension = candidates.shape
    n_classes = sum(len(quota.target) for quota in objectives.quotas)
    spaces = {id(one.space): one.space for one in objectives.diverse if one.space is not None}
    of_units = n * (dimension + _STEPS_A_UNIT + _STEPS_A_CLASS * n_classes)
    of_items = sum(len(space.items) * (space.items.shape[1] + _STEPS_A_UNIT) for space in spaces.values())
    return float((of_units + of_items) * min(limit, n))


def _only_falls(objectives: Objectives) -> bool:
    """Tell whether values only fall but for quotas: a unit comes nearer to the selected, and that must not be good."""
    return all(one.strength > 0 for one in objectives.diverse)
