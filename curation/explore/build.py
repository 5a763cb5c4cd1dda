"""Makes the table of all samples of a revision."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from curation.embeddings.shards import shard_checkpoint
from curation.explore.places import plane_places, umap_places, umap_sizes
from curation.explore.samples import Predictions, known_samples
from curation.explore.schema import ITERATION_KEY, MAP_KEY, SELECTED, STATE, STATES, X, Y, table_schema, umap_columns
from curation.explore.thumbnails import Thumbnails, proxy_places
from curation.explore.writing import write_table
from curation.history.dvc_lock import output_hash
from curation.inspection.revision import Revision
from curation.reporting.compute.distances import subset

MAP_FILE = "map.csv"
"""In the report's `plots`: where samples lie on its maps."""


@dataclass(frozen=True)
class Outputs:
    """The stages' outputs that the table is made from."""

    candidates: Path
    dropped: Path
    samples: Path
    proxies: Path
    plots: Path


@dataclass(frozen=True)
class Built:
    """What is in a table that was written.

    Attributes:
        states: number of samples by state.
        pictures: samples with a picture.
        axes: columns of the map that is shown first.
    """

    states: dict[str, int]
    pictures: int
    axes: tuple[str, str]

    def sentence(self) -> str:
        """Say it in words."""
        counts = ", ".join(f"{self.states[state]} {state}" for state in STATES if self.states.get(state))
        kind = "principal components" if self.axes == (X, Y) else f"the report's UMAP ({self.axes[0].split('_')[1]})"
        return f"{sum(self.states.values())} samples ({counts or 'none'}), {self.pictures} with a picture, map: {kind}"


def build_table(
    path: Path,
    start: Revision,
    outputs: Outputs,
    predictions: Predictions | None,
    side: int,
    pictures: int | None,
    advance: Callable[[int, int], object] = lambda done, total: None,
) -> Built:
    """Write the table of a revision's samples.

    Args:
        path: the Parquet file.
        start: the revision.
        outputs: where the record holds what.
        predictions: reads what a model predicts; None for nothing.
        side: pixels of the longer side of pictures; 0 for none.
        pictures: samples that get one at most; None for all.
        advance: called with the rows written and how many there are.
    """
    samples = known_samples(start, outputs.candidates, outputs.dropped, predictions)
    names = samples["filename"].to_pylist()
    plane = plane_places(same_space(start), names)
    places = {X: plane[:, 0], Y: plane[:, 1]}
    report_map = recorded_map(start, outputs.plots)
    sizes = umap_sizes(report_map)
    places |= umap_places(report_map, names) if report_map else {}
    is_whole = all(not np.isnan(values[~np.isnan(plane[:, 0])]).any() for values in places.values())
    axes = axes_of(sizes, is_whole)
    last = int(start.iterations["iteration"].max()) if start.has_datapool and len(start.iterations) else 0
    schema = table_schema(sizes).with_metadata({ITERATION_KEY: str(last), MAP_KEY: " ".join(axes)})
    small = None
    if side:
        small = Thumbnails(wanted(proxy_places(start, outputs.samples, outputs.proxies), samples, pictures), side)
    count = write_table(
        path, samples, places, schema, small.of if small else None, lambda rows: advance(rows, len(samples))
    )
    states = dict(zip(*(part.to_pylist() for part in pc.value_counts(samples[STATE]).flatten()), strict=True))
    return Built(states, count, axes)


def same_space(start: Revision) -> list[Path]:
    """Return the shards whose embeddings can be compared: the datapool's, and later ones of the same checkpoint."""
    shards = list(start.embedding_shards) if start.has_datapool else []
    undecided = start.undecided_shards
    checkpoint = next((shard_checkpoint(shard) for shard in [*shards, *undecided]), None)
    return [*shards, *(shard for shard in undecided if shard_checkpoint(shard) == checkpoint)]


def recorded_map(start: Revision, plots: Path) -> Path | None:
    """Return the report's table of places on its maps, None where the cache holds none."""
    folder = output_hash(start.stages, plots)
    if folder is None or not start.cache.has(folder):
        return None
    found = start.cache.listing(folder).get(MAP_FILE)
    return start.cache.file(found) if found is not None and start.cache.has(found) else None


def axes_of(sizes: Sequence[int], is_whole: bool) -> tuple[str, str]:
    """Return the columns of the map that is shown first: a UMAP of the report where it shows every embedded sample.

    Args:
        sizes: numbers of neighbours of the report's UMAPs.
        is_whole: whether they show all samples that have an embedding.
    """
    return umap_columns(sizes[len(sizes) // 2]) if sizes and is_whole else (X, Y)


def wanted(places: pd.DataFrame, samples: pa.Table, limit: int | None) -> pd.DataFrame:
    """Return the places of the proxies that become pictures: selected samples first, then others, drawn by a seed.

    Args:
        places: what `proxy_places` returns.
        samples: all samples.
        limit: of pictures; None for none.
    """
    if limit is None:
        return places
    at_hand = np.asarray(samples["filename"].to_pandas().isin(places["filename"]))
    is_selected = np.asarray(pc.equal(samples[STATE], SELECTED))
    first, others = np.flatnonzero(at_hand & is_selected), np.flatnonzero(at_hand & ~is_selected)
    first = first[subset(len(first), limit)]
    rows = np.concatenate([first, others[subset(len(others), limit - len(first))]])
    return places[places["filename"].isin(samples["filename"].take(pa.array(rows)).to_pandas())]
