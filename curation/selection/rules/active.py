"""The rule `active`: like `coverage`, and what a model is uncertain of counts for more.

Uncertainty alone asks for the same thing many times over, and for outliers; coverage alone asks for what the model
knows. Weighting the sum of similarities by uncertainty keeps both back (as in K. Wei, R. Iyer and J. Bilmes,
Submodularity in data subset selection and active learning, ICML 2015, which filters by uncertainty first).
"""

import numpy as np
from numpy.typing import NDArray

from curation.selection.facility_location import most_similar
from curation.selection.rarity import rarity
from curation.selection.rule import Example, Rule
from curation.selection.traversal import Traversal

_LEAST = 2.0**-20
"""What a candidate counts of which the model is certain: where it is certain of all, rarity alone decides."""

POWER = 2
"""Of the uncertainty: `python -m benchmarks.select_quality --active` compares 1 and 4."""


def active(
    candidates: NDArray[np.float32],
    base: NDArray[np.float32],
    limit: int,
    threshold: np.float32 | None = None,
    *,
    rare: float,
    uncertainty: NDArray[np.float64],
    power: float = POWER,
) -> Traversal:
    """Pick up to `limit` candidates that are as similar as possible to all that a model is uncertain of.

    Args:
        candidates: (n, d) float32, sorted by filename: the lower row wins ties.
        base: (m, d) float32.
        limit: picks at most.
        threshold: smallest squared distance of a pick.
        rare: see `curation.selection.rules.coverage`.
        uncertainty: (n,) float64 from 0 to 1.
        power: a candidate counts as much as its uncertainty to this power.
    """
    return most_similar(
        candidates, base, limit, threshold, lambda: _weights(rarity(candidates, base, rare), uncertainty**power)
    )


def _weights(rare: NDArray[np.float64], uncertain: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the products, 1 on average."""
    weights = rare * np.maximum(uncertain, _LEAST)
    normalised: NDArray[np.float64] = weights / weights.mean()
    return normalised


RULE = Rule(
    active,
    sentence="together with the datapool, the picks are as similar as possible to the candidates of which a model is "
    "uncertain, and rare ones count for more",
    source="facility location weighted by uncertainty: K. Wei, R. Iyer and J. Bilmes, ICML 2015",
    options=("rare", "uncertainty"),
    advice="for labelling once a model predicts what is not labelled yet",
    example=Example((0, 4, 6, 12, 15, 90, 95, 100, 180, 184, 190), base=(95,), picks=(2, 8)),
)
