"""How much each strategy speaks for each pick."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from curation.params.strategies import StrategyParams, Threshold
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


def picked_last(contributions: pd.DataFrame, strategies: Sequence[StrategyParams]) -> str:
    """Say how many picks came by filename alone, since a factor of their product is 0; "" if none did.

    Args:
        contributions: columns `curation.tables.selection.CONTRIBUTIONS`.
        strategies: all of them.
    """
    against = {
        place: (0 if one.strategy.strength > 0 else 1)
        for place, one in enumerate(strategies, 1)
        if not isinstance(one.strategy, Threshold)
    }
    last = contributions[contributions["value"] == contributions["strategy"].map(against)]
    if last.empty:
        return ""
    reasons = []
    for place in sorted(set(last["strategy"].tolist())):
        rows = last[last["strategy"] == place]
        opposite = "the opposite of " if against[place] else ""
        reasons.append(f"{opposite}{rows['type'].iloc[0]} ({rows['input'].iloc[0]}) for {len(rows)}")
    return (
        f"; {last['filename'].nunique()} of the selected ones have an objective of 0, so that only their filenames "
        f"decided: {', '.join(reasons)}"
    )
