"""Maps: the embeddings of old, new and left samples in a plane.

Large sets are shown by a subset: all new samples are in it, as far as there is room, and the others are drawn with a
fixed seed.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from curation.reporting.compute.distances import SEED, Projection, principal_plane, subset
from curation.reporting.compute.sets import Sets
from curation.reporting.contents.embeddings import MapFigures

MAP_LIMIT = 20_000
UMAP_LIMIT = 5_000
"""Points of a UMAP at most: three layouts of so many take about seven seconds."""

NOT_SELECTED, OLD, NEW = "not selected", "old", "new"
GROUPS = (NOT_SELECTED, OLD, NEW)
"""The states of a sample, in the order of drawing: the last lie on top."""


@dataclass(frozen=True)
class MapPoints:
    """The points of the maps, drawn in this order: not selected, old, new.

    Attributes:
        table: filename, x, y (rounded to six decimals) in the plane of the principal components, group (of `GROUPS`);
            and, for each k of `umap_neighbours`, umap_k_x and umap_k_y (with the number for k), NaN for samples that
            the UMAPs leave out.
        plane: that plane, on which further samples can be placed.
        umap_neighbours: the sizes of neighbourhood that there is a UMAP of.
    """

    table: pd.DataFrame
    plane: Projection
    umap_neighbours: tuple[int, ...]

    @property
    def on_umap(self) -> NDArray[np.bool_]:
        """(n,) whether the UMAPs show a sample."""
        if not self.umap_neighbours:
            return np.zeros(len(self.table), dtype=bool)
        return self.table[umap_columns(self.umap_neighbours[0])[0]].notna().to_numpy()


def map_of(sets: Sets, umap_neighbours: Sequence[int]) -> tuple[MapFigures, MapPoints]:
    """Project old, new and left samples on a plane; of large sets a seeded subset with all new samples in it.

    Args:
        sets: the samples.
        umap_neighbours: for each UMAP, how many neighbours count as near.
    """
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
    laid_out = _with_room(table["group"].to_numpy() == NEW, UMAP_LIMIT)
    if umap_neighbours:
        # This imports numba.
        from curation.reporting.compute.umap import umap

        layouts = umap(embeddings[laid_out], points[laid_out], umap_neighbours, SEED)
        for size, layout in zip(umap_neighbours, layouts, strict=True):
            for axis, column in enumerate(umap_columns(size)):
                values = np.full(len(table), np.nan)
                values[laid_out] = layout[:, axis]
                table[column] = values
    figures = MapFigures(
        old=len(sets.old),
        new=len(selected),
        not_selected=len(left),
        shown=len(table),
        variance=plane.variance,
        umap_neighbours=tuple(umap_neighbours),
        umap_shown=len(laid_out) if umap_neighbours else 0,
    )
    return figures, MapPoints(table, plane, tuple(umap_neighbours))


def umap_columns(n_neighbours: int) -> tuple[str, str]:
    """Return the columns of a UMAP's coordinates."""
    return f"umap_{n_neighbours}_x", f"umap_{n_neighbours}_y"


def _with_room(is_new: NDArray[np.bool_], limit: int) -> NDArray[np.int64]:
    """Return the rows of a seeded subset, ascending: the new ones first, the others as far as there is room."""
    new, others = np.flatnonzero(is_new), np.flatnonzero(~is_new)
    new = new[subset(len(new), limit)]
    return np.sort(np.concatenate([new, others[subset(len(others), limit - len(new))]]))
