"""How uncertain a model is of what may be chosen, for the rules that ask."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from curation.core.errors import ParamsError
from curation.params.select import SelectParams
from curation.selection.given import read_scores_of_task
from curation.selection.rules.registry import RULES


def uncertainty_of(
    params: SelectParams, names: Sequence[str], members: NDArray[np.int64], processed: pd.DataFrame
) -> NDArray[np.float64]:
    """Return the uncertainty of each unit, (u,) float64 from 0 to 1: the mean over its samples.

    Args:
        params: the rule, the task and the measure.
        names: n filenames of candidates.
        members: (u, length) int64 candidates of each unit.
        processed: metadata of all samples with an embedding.

    Returns:
        Nothing, (0,), where the rule does not ask for it.

    Raises:
        ParamsError: the predictions cannot be read, or a candidate has none.
    """
    if params.strategies or params.task is None or "uncertainty" not in RULES[params.method].options:
        return np.empty(0)
    path = params.predictions[params.task]
    known, is_of_objects = read_scores_of_task(path, params.score, set(processed["filename"]))
    scores = known.reindex(pd.Index(names))
    missing = scores.index[scores.isna()]
    # Tools write nothing of a picture in which they found no object.
    if len(missing) and not (is_of_objects and len(missing) < len(names)):
        raise ParamsError(
            f"select.task: {path} has nothing of {len(missing)} of {len(names)} candidates, {missing[0]!r} for one"
        )
    found: NDArray[np.float64] = scores.fillna(0.0).to_numpy(np.float64)[members].mean(axis=1)
    return found
