"""Maps: the embeddings of old, new and left samples in a plane.

Large sets are shown by a subset: all new samples are in it, the others are drawn with a fixed seed.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from stages.reporting import schema
from stages.reporting.distances import Projection, principal_plane, subset
from stages.reporting.sets import Sets

MAP_LIMIT = 20_000
NOT_SELECTED, OLD, NEW = "not selected", "old", "new"
GROUPS = (NOT_SELECTED, OLD, NEW)
"""What became of a sample, in the order of drawing: the last lie on top."""


@dataclass(frozen=True)
class MapPoints:
    """The points of the maps, drawn in this order: not selected, old, new.

    Attributes:
        table: filename, x, y (rounded to six decimals) in the plane of the principal components, group (of `GROUPS`).
        plane: that plane, on which further samples can be placed.
    """

    table: pd.DataFrame
    plane: Projection


def map_of(sets: Sets) -> tuple[schema.MapFigures, MapPoints]:
    """Project old, new and left samples on a plane; of large sets a seeded subset with all new samples in it."""
    selected = np.flatnonzero(sets.is_selected)
    left = np.flatnonzero(~sets.is_selected)
    new = selected[subset(len(selected), MAP_LIMIT)]
    room = MAP_LIMIT - len(new)
    others = len(sets.old) + len(left)
    chosen = subset(others, room)
    old, left_shown = chosen[chosen < len(sets.old)], left[chosen[chosen >= len(sets.old)] - len(sets.old)]
    embeddings = np.concatenate(
        [sets.candidate_embeddings[left_shown], sets.old_embeddings[old], sets.candidate_embeddings[new]]
    )
    plane = principal_plane(embeddings)
    points = plane.place(embeddings)
    names = sets.candidates["filename"]
    table = pd.DataFrame(
        {
            "filename": [*names.iloc[left_shown], *sets.old["filename"].iloc[old], *names.iloc[new]],
            "x": points[:, 0],
            "y": points[:, 1],
            "group": [NOT_SELECTED] * len(left_shown) + [OLD] * len(old) + [NEW] * len(new),
        }
    )
    figures = schema.MapFigures(
        old=len(sets.old), new=len(selected), not_selected=len(left), shown=len(table), variance=plane.variance
    )
    return figures, MapPoints(table, plane)
