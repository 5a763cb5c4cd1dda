"""How uncertain a model is of what may be chosen, for the rules that ask."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from curation.params.select import SelectParams
from curation.selection.described import Described
from curation.selection.numbers import of_every, task_scores
from curation.selection.rules.registry import RULES


def uncertainty_of(
    params: SelectParams, names: Sequence[str], members: NDArray[np.int64], described: Described
) -> NDArray[np.float64]:
    """Return the uncertainty of each unit, (u,) float64 from 0 to 1: the mean over its samples.

    Args:
        params: the rule, the task and the measure.
        names: n filenames of candidates.
        members: (u, length) int64 candidates of each unit.
        described: what is known of all samples with an embedding.

    Returns:
        Nothing, (0,), where the rule does not ask for it.

    Raises:
        ParamsError: the predictions cannot be read, or a candidate has none.
    """
    if params.strategies or params.task is None or "uncertainty" not in RULES[params.method].options:
        return np.empty(0)
    path = params.predictions[params.task]
    scores = task_scores(path, params.score, names, described)
    found: NDArray[np.float64] = of_every(scores, names, f"select.task: {path} has nothing of")[members].mean(axis=1)
    return found
