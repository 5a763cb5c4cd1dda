"""The explorer's data of every sample: its place on the maps, its fate, and the quality of its picture."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from curation.reporting.compute.distances import SEED, nearest_neighbours, subset
from curation.reporting.compute.maps import GROUPS, NEW, NOT_SELECTED, OLD, MapPoints, umap_columns
from curation.reporting.compute.sets import Sets, make_sets
from curation.reporting.compute.sources import source_names
from curation.reporting.inputs import ReportInputs

EXPLORER_LIMIT = 50_000
"""Samples on the page at most. All new ones come first; old ones take up to half of the room that is left."""

NO_NAME = ""

_COLUMNS = ["filename", "raw_path", "frame", "time_s", "label_name"]


@dataclass(frozen=True)
class Scale:
    """A real-valued column by which the points of the explorer can be coloured.

    Attributes:
        column: of the table of samples.
        title: what it is.
        note: unit, range or how it is measured.
    """

    column: str
    title: str
    note: str


SCALES = (
    Scale("distance", "Distance", "of a selected sample when it was picked, of any other to the one that covers it"),
    Scale("luma_mean", "Brightness", "mean luma, 0 to 255"),
    Scale("contrast", "Contrast", "standard deviation of luma"),
    Scale("sharpness", "Sharpness", "variance of the Laplacian"),
    Scale("uniform_rows", "Uniform rows", "share of rows of one colour"),
    Scale("time_s", "Time in the video", "seconds"),
)


@dataclass(frozen=True)
class ExplorerSamples:
    """The samples that the explorer shows.

    Attributes:
        table: filename, raw_path, frame, time_s, label_name, source, group (one of `maps.GROUPS`), iteration
            (in which the sample was selected, or its raw file processed), rank (-1 if not selected), distance (when
            picked, or to the selected sample that covers it; NaN if there is none), partner (the nearest sample
            selected before, or the one that covers it; empty if there is none), and the columns of `SCALES`; new
            samples first by rank, then old ones, then those not selected, each sorted by filename.
        total: samples that there are.
        places: coordinates by title of the map, each (n, 2) float32, NaN for samples that the map does not show.
    """

    table: pd.DataFrame
    total: int
    places: Mapping[str, NDArray[np.float32]]


def explorer_samples(inputs: ReportInputs, points: MapPoints) -> ExplorerSamples:
    """Gather what the explorer shows.

    Args:
        inputs: the iteration.
        points: the maps of the report.
    """
    sets = make_sets(inputs)
    everything = pd.concat([_new(inputs), _old(inputs), _candidates(inputs, sets), _earlier(inputs, sets)])
    on_umap = points.table.loc[points.on_umap, "filename"]
    rows = _chosen(everything["group"].to_numpy(), everything["filename"].isin(on_umap).to_numpy())
    chosen = everything.iloc[rows].reset_index(drop=True)
    rows = pd.Index(inputs.processed["filename"]).get_indexer(chosen["filename"])
    processed = inputs.processed.iloc[rows].reset_index(drop=True)
    scales = [scale.column for scale in SCALES if scale.column not in ("distance", "time_s")]
    table = pd.concat([chosen, processed[[*_COLUMNS[1:], *scales]]], axis=1)
    table["source"] = source_names(table["raw_path"], table["time_s"].notna())
    places = {"PCA": points.plane.place(inputs.embeddings[rows]).astype(np.float32)}
    on_map = pd.Index(points.table["filename"]).get_indexer(chosen["filename"])
    for size in points.umap_neighbours:
        layout = np.full((len(points.table) + 1, 2), np.nan, np.float32)  # the last row is for what is on no map
        layout[:-1] = points.table[[*umap_columns(size)]]
        places[f"UMAP, {size} neighbours"] = layout[on_map]
    return ExplorerSamples(table, len(everything), places)


def _chosen(groups: NDArray[np.object_], preferred: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return the rows that are shown: all if they fit.

    Args:
        groups: (n,) of each sample.
        preferred: (n,) whether a sample goes before others of its group: those on the smaller maps.
    """
    rows = {group: np.flatnonzero(groups == group) for group in GROUPS}
    new = rows[NEW][:EXPLORER_LIMIT]
    room = EXPLORER_LIMIT - len(new)
    of_old = min(len(rows[OLD]), max(room // 2, room - len(rows[NOT_SELECTED])))
    old = _drawn(rows[OLD], preferred, of_old)
    left = _drawn(rows[NOT_SELECTED], preferred, room - of_old)
    return np.concatenate([new, old, left])


def _drawn(rows: NDArray[np.int64], preferred: NDArray[np.bool_], limit: int) -> NDArray[np.int64]:
    """Draw rows with a fixed seed, the preferred ones first; they stay in order."""
    first, others = rows[preferred[rows]], rows[~preferred[rows]]
    first = first[subset(len(first), limit)]
    return np.sort(np.concatenate([first, others[subset(len(others), limit - len(first))]]))


def _new(inputs: ReportInputs) -> pd.DataFrame:
    """Return the selection of this iteration, by rank."""
    selection = inputs.selection
    iteration = int(inputs.iterations["iteration"].max()) if len(inputs.iterations) else 0
    return _described(
        selection["filename"], NEW, iteration, selection["rank"], selection["distance"], selection["nearest"]
    )


def _old(inputs: ReportInputs) -> pd.DataFrame:
    """Return the datapool before this iteration, sorted by filename."""
    old = inputs.base_samples.sort_values("filename")
    return _described(old["filename"], OLD, old["iteration"], old["rank"], old["distance"], old["nearest"])


def _candidates(inputs: ReportInputs, sets: Sets) -> pd.DataFrame:
    """Return the candidates of this iteration that were not selected, each with the sample that covers it."""
    left = sets.candidates[~sets.is_selected]
    return _described(
        left["filename"], NOT_SELECTED, _iterations(left["raw_path"], inputs), -1, left["distance"], left["covered_by"]
    )


def _earlier(inputs: ReportInputs, sets: Sets) -> pd.DataFrame:
    """Return what earlier iterations did not select and this one did not consider, with the nearest selected sample."""
    shown = pd.concat([sets.old["filename"], sets.candidates["filename"]])
    rows = np.flatnonzero(~inputs.processed["filename"].isin(shown).to_numpy())
    left = inputs.processed.iloc[rows]
    pool_names = np.array(
        [*sets.old["filename"], *sets.candidates["filename"][sets.is_selected], NO_NAME], dtype=object
    )
    found = nearest_neighbours(inputs.embeddings[rows], sets.new_embeddings)
    return _described(
        left["filename"], NOT_SELECTED, _iterations(left["raw_path"], inputs), -1, found.distances,
        pool_names[found.rows],
    )  # fmt: skip


def _described(
    filenames: "pd.Series[str]", group: str, iteration: object, rank: object, distance: object, partner: object
) -> pd.DataFrame:
    """Put together what is known of samples of one group."""
    columns = {
        "filename": filenames, "group": group, "iteration": iteration, "rank": rank, "distance": distance,
        "partner": partner,
    }  # fmt: skip
    return pd.DataFrame(
        {name: values.to_numpy() if isinstance(values, pd.Series) else values for name, values in columns.items()},
        index=range(len(filenames)),
    ).astype({"iteration": int, "rank": int, "distance": float})


def _iterations(raw_paths: "pd.Series[str]", inputs: ReportInputs) -> "pd.Series[int]":
    """Return the iteration that first processed each raw file; 0 where the ledger does not know it."""
    return raw_paths.map(inputs.ledger.groupby("path")["iteration"].min()).fillna(0).astype(int)


def thumbnail_order(samples: ExplorerSamples, at_hand: Collection[str]) -> list[str]:
    """Return the samples that get a picture, most wanted first.

    New samples come first, by rank; then the samples that these and the others refer to, so that a pair can be
    compared; then the rest, drawn with a fixed seed where not all may fit.

    Args:
        samples: those on the page.
        at_hand: filenames whose picture is available.
    """
    table = samples.table[samples.table["filename"].isin(set(at_hand))]
    is_new = table["group"] == NEW
    referred = table["filename"].isin(set(samples.table["partner"]))
    rest = table.loc[~is_new & ~referred, "filename"].to_numpy(dtype=object)
    order = np.random.default_rng(SEED).permutation(len(rest))
    return [*table.loc[is_new, "filename"], *table.loc[~is_new & referred, "filename"], *rest[order]]
