"""The overlap of datapools that are united, beyond names: equal pixels, and samples that are nearly the same."""

from typing import Literal, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from curation.datapool.store import Pair, embeddings_of
from curation.selection.distance import euclidean
from curation.selection.nearest import nearest_rows
from curation.selection.stopping import squared_threshold

Choice = Literal["keep", "drop"]


class NearRule(NamedTuple):
    """The rule for near duplicates across two datapools: when they are such, and which stay.

    Attributes:
        min_distance: they are nearer than this; None: there are none.
        choice: keep all, or drop those of the later datapool.
    """

    min_distance: float | None = None
    choice: Choice = "keep"


def exact_pairs(known: pd.DataFrame, later: pd.DataFrame) -> list[Pair]:
    """Return the samples of a later datapool that another name of an earlier one has the pixels of.

    Args:
        known: `filename` and `pixel_hash` of the earlier ones; an empty hash: nobody knows the pixels.
        later: of the later.
    """
    names = dict(zip(reversed(known["pixel_hash"].tolist()), reversed(known["filename"].tolist()), strict=True))
    unknown = later[~later["filename"].isin(known["filename"])]
    return [
        Pair(filename, names[pixels], None)
        for filename, pixels in zip(unknown["filename"], unknown["pixel_hash"], strict=True)
        if pixels and pixels in names
    ]


def near_pairs(
    known: pd.DataFrame,
    new: pd.DataFrame,
    embedded: tuple[pd.DataFrame, NDArray[np.float32]],
    min_distance: float | None,
) -> list[Pair]:
    """Return the new samples that are nearer to a known one than `min_distance`, each with the nearest.

    Args:
        known: `filename` of the earlier datapools' samples.
        new: of those that a later one adds.
        embedded: metadata of n samples and their embeddings, (n, d) float32; a sample without one is near to none.
        min_distance: None: none are near.
    """
    metadata, embeddings = embedded
    has_one = set(metadata["filename"])
    others, mine = (rows.loc[rows["filename"].isin(has_one), "filename"] for rows in (known, new))
    if min_distance is None or mine.empty or others.empty:
        return []
    index, squared = nearest_rows(
        embeddings_of(mine, metadata, embeddings), embeddings_of(others, metadata, embeddings)
    )
    limit, names = squared_threshold(min_distance), others.tolist()
    return [
        Pair(str(name), names[row], float(distance))
        for name, row, value, distance in zip(mine, index, squared, euclidean(squared), strict=True)
        if value < limit
    ]
