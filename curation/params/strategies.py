"""The schema of `select.strategies`: inputs, and what to do with each."""

from typing import Annotated, Literal, Self

from pydantic import Field, StrictStr, model_validator

from curation.params.section import DISTANCE, Count, Real, Section
from curation.params.strategy_inputs import (
    FEW_VALUES,
    WEAK_LABEL,
    EmbeddingsInput,
    Input,
    MetadataInput,
    NotEmpty,
    PredictionsInput,
)


class _Weighted(Section):
    """An objective, which counts to the power of `strength`."""

    strength: Real = Field(
        default=1.0,
        ge=-100,
        le=100,
        description="Power to which the objective is raised. Below 0, the opposite is wanted: 1 minus the objective "
        "counts, to the power of the number without its sign. Not 0.",
    )

    @model_validator(mode="after")
    def _counts(self) -> Self:
        if self.strength == 0:
            raise ValueError("strength: with 0 the strategy has no effect: leave it out, or give another number")
        return self


class Diversity(_Weighted):
    """Far from everything selected."""

    type: Literal["DIVERSITY"]
    min_distance: Real | None = Field(
        default=None,
        gt=0,
        le=2,
        description="Nothing whose embedding (with `task`: whose farthest object) is nearer than this to what is "
        f"selected is selected. Unit: {DISTANCE}.",
    )


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


class Balance(Section):
    """A distribution of classes, for the datapool together with what is selected."""

    type: Literal["BALANCE"]
    strength: Real = Field(default=1.0, gt=0, le=100, description="Power to which the objective is raised.")
    distribution: Literal["target", "uniform", "input"] = Field(
        default="target",
        description="target: the shares of `target`; uniform: the same share for each class of the candidates; input: "
        "the shares that the candidates have.",
    )
    target: dict[StrictStr, Annotated[Real, Field(ge=0)]] | None = Field(
        default=None, description="Mapping from class to share; the shares need not sum to 1."
    )

    @model_validator(mode="after")
    def _something_is_wanted(self) -> Self:
        if self.distribution != "target" and self.target is not None:
            raise ValueError(f"BALANCE with distribution: {self.distribution} takes no target: leave one of them out")
        if self.distribution == "target" and not any((self.target or {}).values()):
            raise ValueError(
                "BALANCE needs a target with at least one share above 0, or distribution: uniform or input"
            )
        return self


INPUTS = {
    "DIVERSITY": ("EMBEDDINGS",),
    "TYPICALITY": ("EMBEDDINGS",),
    "SIMILARITY": ("EMBEDDINGS",),
    "WEIGHTS": ("SCORES", "METADATA", "PREDICTIONS", "RANDOM"),
    "THRESHOLD": ("SCORES", "METADATA", "PREDICTIONS", "RANDOM"),
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
            self._metadata_fit(self.input)
        if isinstance(self.input, PredictionsInput):
            self._predictions_fit(self.input)
        return self

    def _metadata_fit(self, given: MetadataInput) -> None:
        """Refuse measured figures to BALANCE, and the weak label to all others."""
        is_balance = isinstance(self.strategy, Balance)
        if is_balance and not given.is_column and given.key not in FEW_VALUES:
            raise ValueError(
                f"BALANCE is over columns of select.metadata_file, or the metadata {', '.join(FEW_VALUES[:-1])} or "
                f"{FEW_VALUES[-1]}: the others are measured"
            )
        if not is_balance and given.key == WEAK_LABEL:
            raise ValueError(f"{self.strategy.type} needs metadata that are numbers, not {WEAK_LABEL}")

    def _predictions_fit(self, given: PredictionsInput) -> None:
        """Refuse what counts nothing, or counts it twice."""
        if isinstance(self.strategy, Balance):
            if given.categories is not None and self.strategy.target is not None:
                raise ValueError("PREDICTIONS: BALANCE with a target takes no categories: the target names them")
        elif given.count == "samples" and given.categories is None:
            raise ValueError(
                f"PREDICTIONS: {self.strategy.type} counts objects (count: objects), or says with categories which "
                "classes a sample should have"
            )

    @property
    def task(self) -> str | None:
        """The task whose predictions this strategy reads."""
        return getattr(self.input, "task", None)

    @property
    def object_task(self) -> str | None:
        """The task whose objects have the embeddings that it looks at; None for those of samples, and other inputs."""
        return self.input.task if isinstance(self.input, EmbeddingsInput) else None

    def with_file(self, path: str) -> Self:
        """Return the same strategy, knowing the file of its task. Embeddings of objects were made from it before."""
        if isinstance(self.input, EmbeddingsInput):
            return self
        return self.model_copy(update={"input": self.input.model_copy(update={"file": path})})

    @property
    def files(self) -> tuple[str, ...]:
        """Paths of the files that this strategy reads."""
        images = getattr(self.strategy, "images", None) or ()
        single = [getattr(self.input, name, None) for name in ("file", "labels")]
        given = [*single, getattr(self.strategy, "queries", None), *images]
        return tuple(path for path in given if path is not None)
