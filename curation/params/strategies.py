"""What `select.strategies` may hold: what to look at, and what to do with it."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StrictStr, StringConstraints, model_validator

Real = Annotated[float, Field(allow_inf_nan=False)]
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


class _Mapping(BaseModel):
    """Unknown keys are errors, values never change after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class EmbeddingsInput(_Mapping):
    """The embeddings of the samples."""

    type: Literal["EMBEDDINGS"]


class ScoresInput(_Mapping):
    """A column of a CSV file with `filename` and any number of scores."""

    type: Literal["SCORES"]
    file: StrictStr
    score: StrictStr = "score"


class MetadataInput(_Mapping):
    """A figure of the sample as stage `clean` measured it, or the name of its weak label."""

    type: Literal["METADATA"]
    key: Number | Literal["label_name"]


class PredictionsInput(_Mapping):
    """The class with the highest score in a CSV file with `filename,class,score`, one row a prediction."""

    type: Literal["PREDICTIONS"]
    file: StrictStr


class RandomInput(_Mapping):
    """Random numbers from 0 to 1, from `select.seed`."""

    type: Literal["RANDOM"]


Input = Annotated[
    EmbeddingsInput | ScoresInput | MetadataInput | PredictionsInput | RandomInput, Field(discriminator="type")
]


class _Weighted(_Mapping):
    """An objective: what it says counts to the power of `strength`."""

    strength: Real = Field(default=1.0, gt=0, le=100)


class Diversity(_Weighted):
    """Far from everything selected."""

    type: Literal["DIVERSITY"]


class Typicality(_Weighted):
    """Near to its neighbours."""

    type: Literal["TYPICALITY"]


class Similarity(_Weighted):
    """Near to one of some queries.

    They are samples, those of a file with a filename a line or those of an iteration of the datapool; image files; or a
    text.
    """

    type: Literal["SIMILARITY"]
    queries: StrictStr | None = None
    images: Annotated[tuple[NotEmpty, ...], Field(min_length=1)] | None = None
    text: NotEmpty | None = None
    datapool_iteration: Annotated[int, Field(strict=True, ge=1)] | None = None

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


class Threshold(_Mapping):
    """Only samples whose value is on one side of a number."""

    type: Literal["THRESHOLD"]
    threshold: Real
    operator: Literal["SMALLER", "SMALLER_EQUAL", "BIGGER", "BIGGER_EQUAL"]


class Balance(_Weighted):
    """A distribution over classes, aimed at for the datapool with what is selected; shares need not sum to 1."""

    type: Literal["BALANCE"]
    target: dict[StrictStr, Annotated[Real, Field(ge=0)]]

    @model_validator(mode="after")
    def _something_is_wanted(self) -> Self:
        if not any(self.target.values()):
            raise ValueError("BALANCE needs a target with at least one share above 0")
        return self


_INPUTS = {
    "DIVERSITY": ("EMBEDDINGS",),
    "TYPICALITY": ("EMBEDDINGS",),
    "SIMILARITY": ("EMBEDDINGS",),
    "WEIGHTS": ("SCORES", "METADATA", "RANDOM"),
    "THRESHOLD": ("SCORES", "METADATA"),
    "BALANCE": ("METADATA", "PREDICTIONS"),
}


class StrategyParams(_Mapping):
    """One of the strategies that are combined."""

    input: Input
    strategy: Annotated[
        Diversity | Typicality | Similarity | Weights | Threshold | Balance, Field(discriminator="type")
    ]

    @model_validator(mode="after")
    def _input_fits(self) -> Self:
        allowed = _INPUTS[self.strategy.type]
        if self.input.type not in allowed:
            raise ValueError(f"{self.strategy.type} needs input {' or '.join(allowed)}, not {self.input.type}")
        if isinstance(self.input, MetadataInput):
            if isinstance(self.strategy, Balance) and self.input.key not in {"label_name", "width", "height"}:
                raise ValueError("BALANCE is over the metadata label_name, width or height: the others are measured")
            if not isinstance(self.strategy, Balance) and self.input.key == "label_name":
                raise ValueError(f"{self.strategy.type} needs metadata that are numbers, not label_name")
        return self

    @property
    def files(self) -> tuple[str, ...]:
        """Paths of the files that this strategy reads."""
        images = getattr(self.strategy, "images", None) or ()
        given = [getattr(self.input, "file", None), getattr(self.strategy, "queries", None), *images]
        return tuple(path for path in given if path is not None)
