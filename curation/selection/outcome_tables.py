"""The tables of a selection: the chosen samples in order, and what became of every candidate."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from curation.selection.distance import euclidean
from curation.selection.nearest import nearest_rows
from curation.selection.sequences import Units
from curation.selection.traversal import Traversal


@dataclass(frozen=True)
class Sides:
    """What is compared.

    Attributes:
        names: n filenames of candidates, sorted.
        embeddings: (n, d) float32.
        base_names: m filenames selected before, sorted.
        base_embeddings: (m, d) float32.
    """

    names: "pd.Series[str]"
    embeddings: NDArray[np.float32]
    base_names: Sequence[str]
    base_embeddings: NDArray[np.float32]


def tables_of(
    sides: Sides, units: Units, found: Traversal, unit_embeddings: NDArray[np.float32]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the chosen samples (columns `SELECTION`), and what became of every candidate (`CANDIDATES`).

    Args:
        sides: candidates and base.
        units: what could be chosen.
        found: the choice among them.
        unit_embeddings: (u, d) float32.
    """
    stands_for = _names_of_numbers(sides.names, sides.base_names, units.members[found.picks])
    inside = _inside(units, found, stands_for)
    others = (sides.embeddings[units.outside], sides.base_embeddings, unit_embeddings[found.picks])
    outside = _outside(units, *others, stands_for)
    candidates = _candidates(sides.names, inside, outside, units.members[found.picks])
    return _selection(sides.names, units, found, stands_for), candidates


def _names_of_numbers(
    names: "pd.Series[str]", base_names: Sequence[str], picked: NDArray[np.int64]
) -> NDArray[np.object_]:
    """Return the filename that stands for each selected unit at each place of a sequence.

    Args:
        names: of the candidates.
        base_names: m filenames.
        picked: (k, length) candidates of each pick.

    Returns:
        (m + k + 1, length): rows as a `Traversal` numbers what is selected; the last one, for none, holds "".
    """
    length = picked.shape[1]
    return np.concatenate(
        [
            np.repeat(np.array(base_names, dtype=object)[:, None], length, axis=1),
            names.iloc[picked.ravel()].to_numpy(object).reshape(picked.shape),
            np.full((1, length), "", dtype=object),
        ]
    )


def _selection(
    names: "pd.Series[str]", units: Units, found: Traversal, stands_for: NDArray[np.object_]
) -> pd.DataFrame:
    """Return the chosen samples in order, columns `SELECTION`."""
    picked = units.members[found.picks]
    return pd.DataFrame(
        {
            "filename": names.iloc[picked.ravel()].to_numpy(object),
            "rank": np.arange(picked.size),
            "distance": np.repeat(euclidean(found.pick_squared), picked.shape[1]),
            "nearest": stands_for[found.pick_nearest].ravel(),
        }
    )


def _inside(units: Units, found: Traversal, stands_for: NDArray[np.object_]) -> pd.DataFrame:
    """Return what became of the candidates that could be chosen, by their row."""
    length = units.members.shape[1]
    places = np.tile(np.arange(length), len(units.members))
    return pd.DataFrame(
        {
            "row": units.members.ravel(),
            "distance_to_base": np.repeat(euclidean(found.base_squared), length),
            "nearest_in_base": stands_for[np.repeat(found.base_nearest, length), places],
            "distance": np.repeat(euclidean(found.squared), length),
            "covered_by": stands_for[np.repeat(found.nearest, length), places],
        }
    )


def _outside(
    units: Units,
    embeddings: NDArray[np.float32],
    base: NDArray[np.float32],
    chosen: NDArray[np.float32],
    stands_for: NDArray[np.object_],
) -> pd.DataFrame:
    """Return what became of the candidates that could not be chosen, by their row.

    Args:
        units: what could.
        embeddings: (o, d) float32 of the others.
        base: (m, d) float32.
        chosen: (k, d) float32 of the picks.
        stands_for: see `_names_of_numbers`.
    """
    base_nearest, base_squared = nearest_rows(embeddings, base)
    chosen_nearest, chosen_squared = nearest_rows(embeddings, chosen)
    is_nearer = chosen_squared < base_squared
    squared = np.where(is_nearer, chosen_squared, base_squared)
    nearest = np.where(is_nearer, chosen_nearest + len(base), base_nearest)
    return pd.DataFrame(
        {
            "row": units.outside,
            "distance_to_base": euclidean(base_squared),
            "nearest_in_base": stands_for[base_nearest, 0],
            "distance": euclidean(squared),
            "covered_by": stands_for[nearest, 0],
        }
    )


def _candidates(
    names: "pd.Series[str]", inside: pd.DataFrame, outside: pd.DataFrame, picked: NDArray[np.int64]
) -> pd.DataFrame:
    """Return what became of every candidate, columns `CANDIDATES`."""
    candidates = pd.concat([inside, outside]) if len(outside) else inside
    if not candidates["row"].is_monotonic_increasing:
        candidates = candidates.sort_values("row", ignore_index=True)
    candidates.insert(0, "filename", names.set_axis(candidates.index))
    candidates.insert(1, "selected", np.isin(candidates.pop("row"), picked))
    return candidates
