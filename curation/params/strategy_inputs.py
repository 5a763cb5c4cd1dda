"""The schema of what the entries of `select.strategies` look at: the key `input`."""

from typing import Annotated, Literal, Self, get_args

from pydantic import Field, StrictStr, StringConstraints, model_validator

from curation.params.section import Section

NotEmpty = Annotated[str, StringConstraints(strict=True, pattern=r"\S")]

MEASURED = (
    "luma_mean",
    "contrast",
    "sharpness",
    "uniform_rows",
    "red_mean",
    "green_mean",
    "blue_mean",
    "width",
    "height",
    "time_s",
)
"""Metadata of a sample that stage `clean` measures: numbers."""
WEAK_LABEL = "label_name"
"""The key of the weak label, a text."""
FEW_VALUES = (WEAK_LABEL, "width", "height")
"""Those among both that samples share, so that they can be balanced."""

Task = Annotated[str, StringConstraints(strict=True, pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")]
"""The name of a task, which may be a part of a file's name."""

Scorer = Literal[
    "uncertainty_least_confidence",
    "uncertainty_margin",
    "uncertainty_entropy",
    "object_frequency",
    "objectness_least_confidence",
]
"""Scores that are computed from predictions (`curation.labels.scorers`)."""


class EmbeddingsInput(Section):
    """The embeddings of the samples, or of the objects that a task predicts."""

    type: Literal["EMBEDDINGS"]
    task: Task | None = Field(
        default=None,
        description="A task of `select.predictions`: one embedding for each object in place of each sample.",
    )

    @property
    def words(self) -> str:
        """The input in short."""
        return "EMBEDDINGS" if self.task is None else f"EMBEDDINGS of objects of {self.task}"


class ScoresInput(Section):
    """Scores: a column of a table that has the column `filename`, too, or computed from predictions."""

    type: Literal["SCORES"]
    file: StrictStr | None = Field(
        default=None, description="Path of the table, CSV or Parquet, with a row for every candidate."
    )
    task: Task | None = Field(default=None, description="In place of `file`, a task of `select.predictions`.")
    score: StrictStr = Field(
        default="score", description=f"Name of the column; with `task` one of {', '.join(get_args(Scorer))}."
    )

    @model_validator(mode="after")
    def _source_is_clear(self) -> Self:
        _one_of(self.type, self.file, self.task)
        if self.task is not None and self.score not in get_args(Scorer):
            raise ValueError(f"score: of a task it is one of {', '.join(get_args(Scorer))}, not {self.score}")
        return self

    @property
    def words(self) -> str:
        """The input in short."""
        return f"SCORES {self.score} of {self.task or self.file}"


class MetadataInput(Section):
    """A measurement of the sample by stage `clean`, the name of its weak label, or a column of your own table."""

    type: Literal["METADATA"]
    key: NotEmpty = Field(
        description=f"{', '.join(MEASURED)}, {WEAK_LABEL}, or a column of `select.metadata_file`. BALANCE takes "
        f"{', '.join(FEW_VALUES)} and columns; the others take numbers."
    )

    @property
    def is_column(self) -> bool:
        """Whether it is in a table of the user's own."""
        return self.key not in (*MEASURED, WEAK_LABEL)

    @property
    def words(self) -> str:
        """The input in short."""
        return f"METADATA {self.key}"


class PredictionsInput(Section):
    """The classes that a model predicts: of the samples, or of the objects in them."""

    type: Literal["PREDICTIONS"]
    file: StrictStr | None = Field(
        default=None, description="Path of predictions, in any of the formats of docs/reference/label-formats.md."
    )
    task: Task | None = Field(default=None, description="In place of `file`, a task of `select.predictions`.")
    labels: StrictStr | None = Field(
        default=None,
        description="Path of labels that `curate import-labels` wrote: a sample that is labelled there counts by them, "
        "not by predictions. Without `file` and `task`, labels alone count.",
    )
    count: Literal["samples", "objects"] = Field(
        default="samples",
        description="samples: a sample counts once, by the class with the highest score; objects: each of its objects "
        "counts.",
    )
    categories: Annotated[tuple[NotEmpty, ...], Field(min_length=1)] | None = Field(
        default=None,
        description="Names of classes: WEIGHTS and THRESHOLD count these alone, and BALANCE balances these alone.",
    )

    @model_validator(mode="after")
    def _source_is_clear(self) -> Self:
        if self.labels is None or self.file is not None or self.task is not None:
            _one_of(self.type, self.file, self.task)
        return self

    @property
    def words(self) -> str:
        """The input in short."""
        wanted = f" ({', '.join(self.categories)})" if self.categories else ""
        return f"PREDICTIONS {self.count}{wanted} of {self.task or self.file or self.labels}"


class RandomInput(Section):
    """Random numbers from 0 to 1, from `select.seed`."""

    type: Literal["RANDOM"]

    @property
    def words(self) -> str:
        """The input in short."""
        return "RANDOM"


Input = Annotated[
    EmbeddingsInput | ScoresInput | MetadataInput | PredictionsInput | RandomInput, Field(discriminator="type")
]


def _one_of(name: str, *given: str | None) -> None:
    """Refuse none, and more than one, of what an input may come from."""
    if sum(each is not None for each in given) != 1:
        raise ValueError(f"{name} needs file or task, one of them")
