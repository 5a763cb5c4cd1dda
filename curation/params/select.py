"""Section `select`: which samples are chosen, and how many."""

from typing import Self

from pydantic import Field, StrictBool, StrictStr, model_validator

from curation.params.registered import RuleName, Sentences
from curation.params.section import DISTANCE, FILE, About, Count, Real, Section, Seed
from curation.params.strategies import Diversity, StrategyParams
from curation.params.strategy_inputs import MEASURED, WEAK_LABEL, MetadataInput, Scorer, Task

_TO_BASE = ("resolve_base", "base", "select")
_GIVEN = ("resolve_base", "select")
"""The fingerprint of the inputs has the content of files that the section names."""


class SelectParams(Section):
    """The selection rule, when it stops, and what may be selected."""

    method: RuleName = Field(
        default="coreset",
        description="Selection rule. docs/reference/rules.md says more.",
        json_schema_extra=About(form="the name of a rule", values=Sentences("curation.selection.rules", "RULE")),
    )
    strategies: tuple[StrategyParams, ...] = Field(
        default=(),
        description=(
            "Strategies to combine in place of `method`, in block style (one key per line), see docs/strategies.md."
        ),
        json_schema_extra=About(form="a list of strategies; [] is none", read_by=_TO_BASE),
    )
    rare: Real = Field(
        default=0.5,
        ge=0,
        le=2,
        description=(
            "For coverage and active only: how much more rare candidates count. Their weight is the density around "
            "them to the power of minus this number."
        ),
    )
    task: Task | None = Field(
        default=None,
        description="For active only: the task of `predictions` whose model is uncertain.",
        json_schema_extra=About(null="none"),
    )
    score: Scorer = Field(
        default="uncertainty_margin",
        description=(
            "For active only: the measure of uncertainty, see docs/guides/labels.md. Where objects have a score alone, "
            "take objectness_least_confidence."
        ),
    )
    seed: Seed = Field(default=1, description="Seed of the rules that draw at random.")
    n_samples: Count | None = Field(
        default=50,
        description="New samples to select. Not together with `proportion_samples`.",
        json_schema_extra=About(unit="samples", null="no such limit"),
    )
    proportion_samples: Real | None = Field(
        default=None,
        gt=0,
        le=1,
        description=(
            "Share of the new candidates to select, rounded to whole samples: a half upwards, and at least 1. Not "
            "together with `n_samples`."
        ),
        json_schema_extra=About(null="no such limit"),
    )
    min_distance: Real | None = Field(
        default=None,
        gt=0,
        le=2,
        description="Nothing nearer than this to a selected sample is selected; where nothing else is left, it ends.",
        json_schema_extra=About(unit=DISTANCE, null="no such limit", read_by=("base", "select")),
    )
    selected_sequence_length: Count = Field(
        default=1,
        description=(
            "Above 1, runs of this many consecutive frames of a video are selected as a whole, by their mean "
            "embedding, and images are left out. `n_samples` and `proportion_samples` still count frames."
        ),
        json_schema_extra=About(unit="frames"),
    )
    process_all: StrictBool = Field(
        default=False,
        description=("Whether samples that earlier iterations processed but did not select are candidates again."),
        json_schema_extra=About(read_by=("resolve_base", "clean", "select")),
    )
    review_file: StrictStr | None = Field(
        default=None,
        description="Review that `python -m curate review` made: the samples that it drops are not selected.",
        json_schema_extra=About(form=FILE, null="none", read_by=_GIVEN),
    )
    predictions: dict[Task, StrictStr] = Field(
        default={},
        description=(
            "Predictions that strategies name as a task: their file, folder or zip archive, in any of the formats of "
            "docs/reference/label-formats.md."
        ),
        json_schema_extra=About(form="a mapping from tasks to paths; {} is none", read_by=_TO_BASE),
    )
    predictions_file: StrictStr | None = Field(
        default=None,
        description=(
            "Predictions, in any of the formats of docs/reference/label-formats.md: the report counts the classes of "
            "candidates and selection. docs/strategies.md says how to select by predictions and scores."
        ),
        json_schema_extra=About(form=FILE, null="none", read_by=_GIVEN),
    )
    metadata_file: StrictStr | None = Field(
        default=None,
        description=(
            "Table of your own, CSV or Parquet, whose columns the input METADATA may name. Its column filename names "
            "samples, raw files or folders; docs/strategies.md says more."
        ),
        json_schema_extra=About(form=FILE, null="none", read_by=_GIVEN),
    )
    metadata_tolerance_s: Real | None = Field(
        default=1,
        ge=0,
        description=(
            "For a `metadata_file` with the column time_s: a frame takes the row of its video that is nearest in time, "
            "if it is not farther away than this."
        ),
        json_schema_extra=About(unit="seconds", null="no such limit"),
    )
    holdout_file: StrictStr | None = Field(
        default=None,
        description=(
            "Samples to hold out, such as a test set: one filename per line, or a CSV file of embeddings as lightly "
            "writes it. They are never selected; it is an error if the datapool holds one."
        ),
        json_schema_extra=About(form=FILE, null="none", read_by=_GIVEN),
    )
    holdout_distance: Real | None = Field(
        default=None,
        gt=0,
        le=2,
        description=(
            "Samples nearer than this to a held-out one are never selected either, and the datapool must hold none."
        ),
        json_schema_extra=About(unit=DISTANCE, null="only the held-out samples themselves"),
    )

    @property
    def given_files(self) -> list[str]:
        """The files that the parameters name."""
        single = (self.review_file, self.predictions_file, self.metadata_file, self.holdout_file)
        named = [*(path for item in self.strategies for path in item.files), *self.predictions.values()]
        return [*named, *(path for path in single if path is not None)]

    @property
    def located(self) -> tuple[StrategyParams, ...]:
        """The strategies, those of a task with its file."""
        return tuple(
            item if item.task is None else item.with_file(self.predictions[item.task]) for item in self.strategies
        )

    @property
    def object_tasks(self) -> tuple[str, ...]:
        """The tasks whose objects have embeddings of their own, sorted."""
        return tuple(sorted({item.object_task for item in self.strategies if item.object_task is not None}))

    @property
    def object_predictions(self) -> dict[str, str]:
        """The predictions of these tasks, by task."""
        return {task: self.predictions[task] for task in self.object_tasks}

    @model_validator(mode="after")
    def _tasks_are_known(self) -> Self:
        named = ", ".join(self.predictions) or "none"
        unknown = sorted({item.task for item in self.strategies if item.task is not None} - self.predictions.keys())
        if unknown:
            raise ValueError(f"strategies: there is no task {unknown[0]} in select.predictions (there: {named})")
        if self.method == "active" and not self.strategies and self.task is None:
            raise ValueError(f"task: method active needs one of select.predictions (there: {named})")
        if self.task is not None and self.task not in self.predictions:
            raise ValueError(f"task: there is no task {self.task} in select.predictions (there: {named})")
        return self

    @model_validator(mode="after")
    def _metadata_are_known(self) -> Self:
        inputs = (item.input for item in self.strategies)
        columns = [one.key for one in inputs if isinstance(one, MetadataInput) and one.is_column]
        if columns and self.metadata_file is None:
            raise ValueError(
                f"strategies: there are no metadata {columns[0]!r}: stage clean measures {', '.join(MEASURED)}, "
                f"{WEAK_LABEL} is the weak label, and others are columns of a table of your own (metadata_file)"
            )
        return self

    @model_validator(mode="after")
    def _stopping_conditions(self) -> Self:
        if self.n_samples is not None and self.proportion_samples is not None:
            raise ValueError("n_samples and proportion_samples contradict each other: set one of them to null")
        kept_apart = [item.strategy.min_distance for item in self.strategies if isinstance(item.strategy, Diversity)]
        distances = [self.min_distance, *kept_apart]
        if self.n_samples is None and self.proportion_samples is None and not any(distances):
            raise ValueError("nothing ends the selection: set n_samples, proportion_samples or min_distance")
        if self.n_samples is not None and self.n_samples < self.selected_sequence_length:
            raise ValueError(
                f"n_samples: {self.n_samples} is less than one sequence of selected_sequence_length: "
                f"{self.selected_sequence_length}; set it higher, since it counts frames"
            )
        return self

    @model_validator(mode="after")
    def _distance_from_something(self) -> Self:
        if self.holdout_distance is not None and self.holdout_file is None:
            raise ValueError("holdout_distance: there is nothing to keep away from: set holdout_file, too")
        return self
