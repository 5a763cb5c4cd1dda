"""Samples that a file of given embeddings marks as selected: they join the datapool before what is selected here."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from curation.selection.distance import euclidean
from curation.selection.embedded import Embedded
from curation.selection.nearest import nearest_rows
from curation.selection.outcome import Choice
from curation.tables.selection import CANDIDATES, SELECTION


def chosen_before(chosen: Sequence[str], accepted: Sequence[str], embeddings: Embedded) -> pd.DataFrame:
    """Describe the samples that a file of given embeddings marks as selected: they join the datapool first.

    Args:
        chosen: filenames, sorted.
        accepted: filenames in the datapool.
        embeddings: of all processed samples.

    Returns:
        filename, and the nearest sample of the datapool with the distance to it: NaN and "" on an empty one.
    """
    base_nearest, squared = nearest_rows(embeddings.by_name(chosen), embeddings.by_name(accepted))
    accepted_names = np.array([*accepted, ""], dtype=object)
    return pd.DataFrame(
        {"filename": list(chosen), "distance": euclidean(squared), "nearest": accepted_names[base_nearest]}
    )


def with_chosen(choice: Choice, chosen: pd.DataFrame) -> Choice:
    """Put the samples that were chosen before in front of the selection, and among the candidates.

    Args:
        choice: what was selected; what was chosen before counts as base in its distances.
        chosen: see `chosen_before`; at least one row.
    """
    selection, candidates = choice.selection, choice.candidates
    first = chosen.assign(rank=range(len(chosen)))[SELECTION.names]
    later = selection.assign(rank=selection["rank"] + len(chosen))
    rows = chosen.rename(columns={"distance": "distance_to_base", "nearest": "nearest_in_base"}).assign(
        selected=True, distance=0.0, covered_by=chosen["filename"]
    )[CANDIDATES.names]
    both = pd.concat([rows, candidates]) if len(candidates) else rows
    return choice._replace(
        selection=pd.concat([first, later], ignore_index=True) if len(later) else first,
        candidates=both.sort_values("filename", ignore_index=True),
        contributions=choice.contributions.assign(rank=choice.contributions["rank"] + len(chosen)),
    )
