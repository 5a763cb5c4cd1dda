"""How much each strategy speaks for each pick."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from curation.params.strategies import StrategyParams
from curation.selection.objectives import Combined


def contributions_of(
    product: Combined, strategies: Sequence[StrategyParams], names: Sequence[str], members: NDArray[np.int64]
) -> pd.DataFrame:
    """Return the value of each objective at each pick, columns `curation.tables.selection.CONTRIBUTIONS`.

    Args:
        product: the picks, and the values.
        strategies: all of them.
        names: of the candidates.
        members: (u, length) candidates of each unit.
    """
    picked = members[product.traversal.picks].ravel()
    places, length = product.places, members.shape[1]
    return pd.DataFrame(
        {
            "filename": np.repeat(np.array(names, dtype=object)[picked], len(places)),
            "rank": np.repeat(np.arange(len(picked)), len(places)),
            "strategy": np.tile(np.array(places, dtype=np.int64) + 1, len(picked)),
            "input": [strategies[place].input.words for place in places] * len(picked),
            "type": [strategies[place].strategy.type for place in places] * len(picked),
            "value": np.repeat(product.values, length, axis=0).ravel(),
        }
    )
