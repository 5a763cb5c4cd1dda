"""The report's figures of the videos, folders and classes that samples come from."""

from typing import Literal

from pydantic import Field

from curation.reporting.contents.figures import Count, Figures, Real


class Source(Figures):
    """A video, or the images of one folder."""

    name: str
    kind: Literal["video", "images"]
    files: Count
    seen: Count = Field(description="samples that this iteration decoded or should have")
    corrupt: Count
    duplicate: Count
    dropped: Count = Field(description="for these and all other reasons")
    candidates: Count
    selected: Count
    selected_before: Count = Field(description="samples of it in the base")
    positions: tuple[Real, ...] = Field(description="of selected frames in the video, 0 to 1")
    positions_before: tuple[Real, ...] = Field(description="of frames in the base")


class LabelCounts(Figures):
    """The number of samples that have a label."""

    name: str
    candidates: Count
    selected: Count
    datapool: Count = Field(description="samples in the datapool after this iteration")


class Label(LabelCounts):
    """A weak label: a top-level folder of the raw data."""

    label: int


class PredictedClass(LabelCounts):
    """A class that `select.predictions_file` gives as the most likely one; or that of samples without a prediction."""


class LabelledClass(Figures):
    """A class of imported labels."""

    name: str
    samples: Count = Field(description="of the datapool, that have it")


class LabelledTask(Figures):
    """A task with labels that `curate import-labels` has brought back."""

    task: str
    samples: Count = Field(description="of the datapool, that have labels, which may be none of any class")
    classes: tuple[LabelledClass, ...] = Field(description="most samples first")


class Sources(Figures):
    """The sources of the samples."""

    rows: tuple[Source, ...] = Field(description="most selected first")
    omitted: Count = Field(description="further sources that are not listed")
    omitted_candidates: Count
    omitted_selected: Count
    labels: tuple[Label, ...]
    predictions: tuple[PredictedClass, ...] = Field(description="most candidates first; empty without predictions")
    labelled: tuple[LabelledTask, ...] = Field(description="imported labels as the iteration began; empty without any")
