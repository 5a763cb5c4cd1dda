"""The schema of `select.strategies`: inputs, and what to do with each."""

from typing import Annotated, Literal, Self, get_args

from pydantic import Field, StrictStr, StringConstraints, model_validator

from curation.params.section import Count, Real, Section

NotEmpty = Annotated[str, StringConstraints(strict=True, pattern=r"\S")]

Number = Literal[
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
]
"""Metadata of a sample that are numbers."""


Task = Annotated[str, StringConstraints(strict=True, pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")]
"""The name of a task, which may be a part of a file's name."""


class EmbeddingsInput(Section):
    """The embeddings of the samples, or of the objects that a task predicts."""

    type: Literal["EMBEDDINGS"]
    task: Task | None = Field(
        default=None,
        description="A task of `select.predictions`: one embedding for each object in place of each sample.",
    )


Scorer = Literal[
    "uncertainty_least_confidence",
    "uncertainty_margin",
    "uncertainty_entropy",
    "object_frequency",
    "objectness_least_confidence",
]
"""Scores that are computed from predictions (`curation.labels.scorers`)."""


def _one_of(name: str, *given: str | None) -> None:
    """Refuse none, and more than one, of what an input may come from."""
    if sum(each is not None for each in given) != 1:
        raise ValueError(f"{name} needs file or task, one of them")


class ScoresInput(Section):
    """Scores: a column of a CSV file that has the column `filename`, too, or computed from predictions."""

    type: Literal["SCORES"]
    file: StrictStr | None = Field(default=None, description="Path of the file, with a row for every candidate.")
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


class MetadataInput(Section):
    """A measurement of the sample by stage `clean`, or the name of its weak label."""

    type: Literal["METADATA"]
    key: Number | Literal["label_name"] = Field(
        description="Which measurement. BALANCE takes label_name, width or height; the others take all but label_name."
    )


class PredictionsInput(Section):
    """The class with the highest score among a sample's predictions."""

    type: Literal["PREDICTIONS"]
    file: StrictStr | None = Field(
        default=None, description="Path of predictions, in any of the formats of docs/reference/label-formats.md."
    )
    task: Task | None = Field(default=None, description="In place of `file`, a task of `select.predictions`.")

    @model_validator(mode="after")
    def _source_is_clear(self) -> Self:
        _one_of(self.type, self.file, self.task)
        return self


class RandomInput(Section):
    """Random numbers from 0 to 1, from `select.seed`."""

    type: Literal["RANDOM"]


Input = Annotated[
    EmbeddingsInput | ScoresInput | MetadataInput | PredictionsInput | RandomInput, Field(discriminator="type")
]


class _Weighted(Section):
    """An objective, which counts to the power of `strength`."""

    strength: Real = Field(default=1.0, gt=0, le=100, description="Power to which the objective is raised.")


class Diversity(_Weighted):
    """Far from everything selected."""

    type: Literal["DIVERSITY"]


class Typicality(_Weighted):
    """Near to its neighbours."""

    type: Literal["TYPICALITY"]


class Similarity(_Weighted):
    """Near to the nearest of some queries: give one of `queries`, `images`, `text` and `datapool_iteration`."""

    type: Literal["SIMILARITY"]
    queries: StrictStr | None = Field(
        default=None, description="Path of a file with the names of samples, one filename per line."
    )
    images: Annotated[tuple[NotEmpty, ...], Field(min_length=1)] | None = Field(
        default=None, description="Paths of image files, which need not be samples."
    )
    text: NotEmpty | None = Field(default=None, description="Text, for models with a text tower (open_clip).")
    datapool_iteration: Count | None = Field(
        default=None, description="Number of an iteration: the samples that it added to the datapool."
    )

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if sum(source is not None for source in (self.queries, self.images, self.text, self.datapool_iteration)) != 1:
            raise ValueError(
                "SIMILARITY needs one of queries (a file), images (a list of files), text and datapool_iteration (a "
                "number)"
            )
        return self


class Weights(_Weighted):
    """High values."""

    type: Literal["WEIGHTS"]


class Threshold(Section):
    """Only candidates whose value is on one side of a number; the others cannot be selected."""

    type: Literal["THRESHOLD"]
    threshold: Real = Field(description="Number to compare the value with.")
    operator: Literal["SMALLER", "SMALLER_EQUAL", "BIGGER", "BIGGER_EQUAL"] = Field(
        description="What a value must be, compared with the threshold, for the sample to stay a candidate."
    )


class Balance(_Weighted):
    """A distribution of classes, for the datapool together with what is selected."""

    type: Literal["BALANCE"]
    target: dict[StrictStr, Annotated[Real, Field(ge=0)]] = Field(
        description="Mapping from class to share; the shares need not sum to 1."
    )

    @model_validator(mode="after")
    def _something_is_wanted(self) -> Self:
        if not any(self.target.values()):
            raise ValueError("BALANCE needs a target with at least one share above 0")
        return self


INPUTS = {
    "DIVERSITY": ("EMBEDDINGS",),
    "TYPICALITY": ("EMBEDDINGS",),
    "SIMILARITY": ("EMBEDDINGS",),
    "WEIGHTS": ("SCORES", "METADATA", "RANDOM"),
    "THRESHOLD": ("SCORES", "METADATA"),
    "BALANCE": ("METADATA", "PREDICTIONS"),
}
"""Types of input that each type of strategy takes."""


class StrategyParams(Section):
    """One of the strategies that are combined."""

    input: Input = Field(description="What to look at.")
    strategy: Annotated[
        Diversity | Typicality | Similarity | Weights | Threshold | Balance, Field(discriminator="type")
    ] = Field(description="What to do with it.")

    @model_validator(mode="after")
    def _input_fits(self) -> Self:
        allowed = INPUTS[self.strategy.type]
        if self.input.type not in allowed:
            raise ValueError(f"{self.strategy.type} needs input {' or '.join(allowed)}, not {self.input.type}")
        if isinstance(self.input, MetadataInput):
            if isinstance(self.strategy, Balance) and self.input.key not in {"label_name", "width", "height"}:
                raise ValueError("BALANCE is over the metadata label_name, width or height: the others are measured")
            if not isinstance(self.strategy, Balance) and self.input.key == "label_name":
                raise ValueError(f"{self.strategy.type} needs metadata that are numbers, not label_name")
        return self

    @property
    def task(self) -> str | None:
        """The task whose predictions this strategy reads."""
        return getattr(self.input, "task", None)

    def with_file(self, path: str) -> Self:
        """Return the same strategy, knowing the file of its task; the embeddings of objects were made from it before."""
        if isinstance(self.input, EmbeddingsInput):
            return self
        return self.model_copy(update={"input": self.input.model_copy(update={"file": path})})

    @property
    def files(self) -> tuple[str, ...]:
        """Paths of the files that this strategy reads."""
        images = getattr(self.strategy, "images", None) or ()
        given = [getattr(self.input, "file", None), getattr(self.strategy, "queries", None), *images]
        return tuple(path for path in given if path is not None)
