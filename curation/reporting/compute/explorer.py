"""The explorer's data of every sample: its place on the maps, its fate, and the quality of its picture."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from curation.reporting.compute.distances import SEED, nearest_neighbours, subset
from curation.reporting.compute.maps import GROUPS, NEW, NOT_SELECTED, OLD, MapPoints, umap_columns
from curation.reporting.compute.sets import Sets, make_sets
from curation.reporting.compute.sources import source_names
from curation.reporting.inputs import ReportInputs
from curation.tables.membership import is_among, rows_of

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


def explorer_samples(inputs: ReportInputs, points: MapPoints, sets: Sets | None = None) -> ExplorerSamples:
    """Gather what the explorer shows.

    Args:
        inputs: the iteration.
        points: the maps of the report.
        sets: of its samples, where they have been made.
    """
    sets = sets or make_sets(inputs)
    parts = [_new(inputs), _old(inputs), _candidates(inputs, sets), _earlier(inputs, sets)]
    on_umap = points.table.loc[points.on_umap, "filename"]
    groups = np.repeat([GROUPS.index(part.group) for part in parts], [len(part.filenames) for part in parts])
    chosen = _described(parts, _chosen(groups, np.concatenate([is_among(part.filenames, on_umap) for part in parts])))
    rows = rows_of(chosen["filename"], inputs.processed["filename"])
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
    return ExplorerSamples(table, len(groups), places)


def _chosen(groups: NDArray[np.int64], preferred: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return the rows that are shown: all if they fit.

    Args:
        groups: (n,) of each sample, as its place in `GROUPS`.
        preferred: (n,) whether a sample goes before others of its group: those on the smaller maps.
    """
    rows = {group: np.flatnonzero(groups == place) for place, group in enumerate(GROUPS)}
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


@dataclass(frozen=True)
class _Part:
    """Samples of one group.

    Attributes:
        group: one of `maps.GROUPS`.
        filenames: of n samples.
        describe: finds out iteration, rank, distance and partner of some of them, given their rows, (m,); these may
            cost a search, so that only samples that are shown are described.
    """

    group: str
    filenames: "pd.Series[str]"
    describe: Callable[[NDArray[np.int64]], Mapping[str, object]]


def _described(parts: Sequence[_Part], rows: NDArray[np.int64]) -> pd.DataFrame:
    """Put together what is known of samples.

    Args:
        parts: of all samples, one after the other.
        rows: of the samples that are shown, counted through all parts, ascending.
    """
    tables, start = [], 0
    for part in parts:
        first, end = np.searchsorted(rows, [start, start + len(part.filenames)])
        shown = rows[first:end] - start
        names = part.filenames.iloc[shown].reset_index(drop=True)
        table = pd.DataFrame({"filename": names, "group": part.group, **part.describe(shown)}, index=range(len(shown)))
        tables.append(table.astype({"iteration": int, "rank": int, "distance": float}))
        start += len(part.filenames)
    return pd.concat(tables, ignore_index=True)


def _new(inputs: ReportInputs) -> _Part:
    """Return the selection of this iteration, by rank."""
    selection = inputs.selection
    iteration = int(inputs.iterations["iteration"].max()) if len(inputs.iterations) else 0

    def describe(rows: NDArray[np.int64]) -> Mapping[str, object]:
        return {"iteration": iteration, **_picks(selection.iloc[rows])}

    return _Part(NEW, selection["filename"], describe)


def _old(inputs: ReportInputs) -> _Part:
    """Return the datapool before this iteration, sorted by filename."""
    old = inputs.base_samples.sort_values("filename")

    def describe(rows: NDArray[np.int64]) -> Mapping[str, object]:
        return {"iteration": old["iteration"].to_numpy()[rows], **_picks(old.iloc[rows])}

    return _Part(OLD, old["filename"], describe)


def _picks(samples: pd.DataFrame) -> dict[str, object]:
    """Return what is known of picks: rank, distance when picked, and the nearest sample selected before."""
    return {
        "rank": samples["rank"].to_numpy(),
        "distance": samples["distance"].to_numpy(),
        "partner": samples["nearest"].to_numpy(),
    }


def _candidates(inputs: ReportInputs, sets: Sets) -> _Part:
    """Return the candidates of this iteration that were not selected, each with the sample that covers it."""
    left = np.flatnonzero(~sets.is_selected)

    def describe(rows: NDArray[np.int64]) -> Mapping[str, object]:
        samples = sets.candidates.iloc[left[rows]]
        return {
            "iteration": _iterations(samples["raw_path"], inputs).to_numpy(),
            "rank": -1,
            "distance": samples["distance"].to_numpy(),
            "partner": samples["covered_by"].to_numpy(),
        }

    return _Part(NOT_SELECTED, sets.candidates["filename"].iloc[left], describe)


def _earlier(inputs: ReportInputs, sets: Sets) -> _Part:
    """Return what earlier iterations did not select and this one did not consider, with the nearest selected sample."""
    names = inputs.processed["filename"]
    left = np.flatnonzero(~is_among(names, sets.old["filename"]) & ~is_among(names, sets.candidates["filename"]))

    def describe(rows: NDArray[np.int64]) -> Mapping[str, object]:
        selected = sets.candidates["filename"][sets.is_selected]
        pool_names = np.array([*sets.old["filename"], *selected, NO_NAME], dtype=object)
        found = nearest_neighbours(inputs.embeddings[left[rows]], sets.new_embeddings)
        return {
            "iteration": _iterations(inputs.processed["raw_path"].iloc[left[rows]], inputs).to_numpy(),
            "rank": -1,
            "distance": found.distances,
            "partner": pool_names[found.rows],
        }

    return _Part(NOT_SELECTED, names.iloc[left], describe)


def _iterations(raw_paths: "pd.Series[str]", inputs: ReportInputs) -> "pd.Series[int]":
    """Return the iteration that first processed each raw file; 0 where the ledger does not know it."""
    ledger = inputs.ledger[is_among(inputs.ledger["path"], raw_paths)]
    return raw_paths.map(ledger.groupby("path")["iteration"].min()).fillna(0).astype(int)


def thumbnail_order(samples: ExplorerSamples, at_hand: "pd.Series[str]") -> list[str]:
    """Return the samples that get a picture, most wanted first.

    New samples come first, by rank; then the samples that these and the others refer to, so that a pair can be
    compared; then the rest, drawn with a fixed seed where not all may fit.

    Args:
        samples: those on the page.
        at_hand: filenames whose picture is available.
    """
    table = samples.table[is_among(samples.table["filename"], at_hand)]
    is_new = table["group"] == NEW
    referred = is_among(table["filename"], samples.table["partner"])
    rest = table.loc[~is_new & ~referred, "filename"].to_numpy(dtype=object)
    order = np.random.default_rng(SEED).permutation(len(rest))
    return [*table.loc[is_new, "filename"], *table.loc[~is_new & referred, "filename"], *rest[order]]
