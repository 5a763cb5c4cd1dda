"""The data that the report is made from."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from curation.tables.files import empty_frame
from curation.tables.selection import CONTRIBUTIONS

PROCESSED_COLUMNS = (
    "filename", "raw_path", "content_hash", "frame", "time_s", "luma_mean", "contrast", "sharpness", "uniform_rows",
    "label", "label_name",
)  # fmt: skip
SAMPLE_COLUMNS = ("filename", "is_new", "shard", "member")
CANDIDATE_COLUMNS = ("filename", "selected", "distance_to_base", "distance", "covered_by")
LEDGER_COLUMNS = ("path", "iteration")
"""Columns of the tables with a row for each sample or file, that the report needs: the others are not kept."""

Parameter = str | int | float | bool | tuple[str | int | float, ...] | None


@dataclass(frozen=True)
class ReportSettings:
    """The wishes of whoever reads the report; `params.yaml` says what each means."""

    title: str
    n_example_images: int
    n_thumbnails: int
    umap_neighbours: tuple[int, ...]
    explorer: Literal["small", "none"]
    dump_embeddings: bool
    labelling_cost_per_sample: float
    currency: str
    co2_kg_per_sample: float


@dataclass(frozen=True)
class SelectionSettings:
    """The parameters of the selection.

    Attributes:
        method: `select.method`, or `strategies` where `select.strategies` are set.
        sentence: what it picks.
        n_samples: see params.yaml, as the next.
        proportion_samples: likewise.
        min_distance: likewise.
    """

    method: str
    sentence: str
    n_samples: int | None
    proportion_samples: float | None
    min_distance: float | None


class LabelledSamples(NamedTuple):
    """Imported labels of a task.

    Attributes:
        samples: of the datapool, that have labels.
        classes: how many of these have each class, most first.
    """

    samples: int
    classes: Mapping[str, int]


@dataclass(frozen=True)
class FormerSpace:
    """The embeddings of the base, where this iteration's are of another model.

    Attributes:
        filenames: of n samples, sorted.
        embeddings: (n, d) float32 of unit length.
    """

    filenames: tuple[str, ...]
    embeddings: NDArray[np.float32]


@dataclass(frozen=True)
class ReportInputs:
    """All tables and arrays of one iteration, in memory.

    Attributes:
        files: columns of `curation.tables.samples.FILES`, one row a raw file.
        dropped: columns of `curation.tables.samples.DROPPED`.
        samples: `SAMPLE_COLUMNS` of `curation.tables.samples.SAMPLES`, or more.
        loss: step, epoch, loss; no rows where nothing was trained.
        selection: columns of `curation.tables.selection.SELECTION`, in order of selection.
        candidates: `CANDIDATE_COLUMNS` of `curation.tables.selection.CANDIDATES`, or more.
        budget_curve: columns of `curation.tables.selection.BUDGET_CURVE`.
        comparison: columns of `curation.tables.selection.COMPARISON`.
        processed: `PROCESSED_COLUMNS`, or more, of every sample with an embedding, of this and earlier iterations.
        embeddings: (n, d) float32 of unit length, for the rows of `processed`.
        base_samples: columns of `curation.tables.datapool.SAMPLES`, before the iteration.
        datapool_samples: the same after it.
        iterations: columns of `curation.tables.datapool.ITERATIONS`, after it.
        ledger: `LEDGER_COLUMNS` of `curation.tables.datapool.LEDGER`, or more, after it.
        base_datapools: DVC hashes of the datapools built on.
        fingerprint: SHA-256 of the inputs' fingerprint.
        checkpoint_sha256: of the checkpoint file.
        parameters: all of `params.yaml`, keys joined by dots.
        default_parameters: the same keys as the template has them.
        select: what was asked of the selection.
        settings: what was asked of the report.
        base_commits: the commit at which each of `base_datapools` was read, None where only its hash was known.
        embeddings_file: path of the file that gave the embeddings, None where a model made them.
        masked: filenames that this file masks.
        predictions: class of samples by filename; None where no predictions were given.
        labelled: the imported labels of the datapool's samples, by task.
        without_embedding: filenames of datapool samples whose raw files were gone when another model embedded them.
        united: samples of datapools that were united which resemble one of an earlier datapool: its name, the other's,
            and the distance, None for equal pixels.
        near_duplicates: what became of the others among these: keep or drop.
        taken_out: filenames of samples that this iteration took out for good.
        former: the base's embeddings, None where they are of the same model.
        contributions: columns of `curation.tables.selection.CONTRIBUTIONS`.
    """

    files: pd.DataFrame
    dropped: pd.DataFrame
    samples: pd.DataFrame
    loss: pd.DataFrame
    selection: pd.DataFrame
    candidates: pd.DataFrame
    budget_curve: pd.DataFrame
    comparison: pd.DataFrame
    processed: pd.DataFrame
    embeddings: NDArray[np.float32]
    base_samples: pd.DataFrame
    datapool_samples: pd.DataFrame
    iterations: pd.DataFrame
    ledger: pd.DataFrame
    base_datapools: tuple[str, ...]
    fingerprint: str
    checkpoint_sha256: str
    parameters: dict[str, Parameter]
    default_parameters: dict[str, Parameter]
    select: SelectionSettings
    settings: ReportSettings
    base_commits: tuple[str | None, ...] = ()
    embeddings_file: str | None = None
    masked: tuple[str, ...] = ()
    predictions: "pd.Series[str] | None" = None
    labelled: Mapping[str, LabelledSamples] = field(default_factory=dict)
    without_embedding: tuple[str, ...] = ()
    united: tuple[tuple[str, str, float | None], ...] = ()
    near_duplicates: str = "keep"
    taken_out: tuple[str, ...] = ()
    former: FormerSpace | None = None
    contributions: pd.DataFrame = field(default_factory=lambda: empty_frame(CONTRIBUTIONS))
