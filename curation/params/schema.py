"""What `params.yaml` may hold: all sections, the rules between them, and the list of all parameters."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Self

from pydantic import Field, model_validator
from pydantic.fields import FieldInfo

from curation.params.base import BaseParams
from curation.params.clean import CleanParams
from curation.params.embed import EmbedParams
from curation.params.execution import ExecutionParams
from curation.params.ingest import IngestParams
from curation.params.merge_datapool import MergeDatapoolParams
from curation.params.report import ReportParams
from curation.params.section import About, Section
from curation.params.select import SelectParams
from curation.params.strategies import Similarity
from curation.params.train import TrainParams


class Params(Section):
    """The whole of `params.yaml`. A key that it lacks has its default."""

    ingest: IngestParams = Field(default_factory=IngestParams)
    base: BaseParams = Field(default_factory=BaseParams)
    clean: CleanParams = Field(default_factory=CleanParams)
    train: TrainParams = Field(default_factory=TrainParams)
    embed: EmbedParams = Field(default_factory=EmbedParams)
    select: SelectParams = Field(default_factory=SelectParams)
    merge_datapool: MergeDatapoolParams = Field(default_factory=MergeDatapoolParams)
    report: ReportParams = Field(default_factory=ReportParams)
    execution: ExecutionParams = Field(default_factory=ExecutionParams)

    @model_validator(mode="after")
    def _no_model_beside_given_embeddings(self) -> Self:
        given = {"checkpoint": self.train.checkpoint, "weights": self.train.weights}
        needless = next((key for key, value in given.items() if value), None)
        if self.embed.embeddings_file is not None and needless is not None:
            raise ValueError(
                f"embed.embeddings_file needs no model, but train.{needless} names one: set one of them to null"
            )
        return self

    @model_validator(mode="after")
    def _objects_have_a_model(self) -> Self:
        if self.embed.embeddings_file is not None and self.select.object_tasks:
            raise ValueError(
                f"select.strategies: the objects of {self.select.object_tasks[0]} need a model to embed them, and "
                "embed.embeddings_file gives embeddings of whole pictures: leave `task` out, or set "
                "embed.embeddings_file to null"
            )
        return self

    @model_validator(mode="after")
    def _queries_suit_the_model(self) -> Self:
        similarities = [item.strategy for item in self.select.strategies if isinstance(item.strategy, Similarity)]
        if self.embed.embeddings_file is not None and any(query.images or query.text for query in similarities):
            raise ValueError(
                "select.strategies: images and text need a model to embed them, and embed.embeddings_file gives the "
                "embeddings: name samples in a file (queries), or set embed.embeddings_file to null"
            )
        if any(query.text for query in similarities) and not self.train.backbone.startswith("open_clip/"):
            raise ValueError(
                f"select.strategies: text needs a model with a text tower, and train.backbone: {self.train.backbone} "
                "has none: give images in place of text, or set train.backbone: open_clip/ViT-B-32 (with "
                "train.retrain: true where there is a datapool, which embeds everything again)"
            )
        return self


SECTIONS: dict[str, type[Section]] = {
    name: field.annotation
    for name, field in Params.model_fields.items()
    if isinstance(field.annotation, type) and issubclass(field.annotation, Section)
}
"""The sections by name, in the order of `params.yaml`."""


@dataclass(frozen=True)
class Parameter:
    """A parameter as its field declares it.

    Attributes:
        section: that it stands in.
        name: within the section.
        description: what it does, without type, unit and range.
        default: as `params.yaml` writes it: lists, not tuples.
        about: what else there is to say.
    """

    section: str
    name: str
    description: str
    default: Any
    about: About

    @property
    def key(self) -> str:
        """Section and name, joined by a dot."""
        return f"{self.section}.{self.name}"

    @property
    def read_by(self) -> tuple[str, ...]:
        """The stages whose outputs depend on it, besides `report`."""
        return self.about.read_by or (self.section,)


def _declared() -> Iterator[Parameter]:
    for section, model in SECTIONS.items():
        for name, field in model.model_fields.items():
            yield Parameter(section, name, field.description or "", _default(field), _about(field))


def _about(field: FieldInfo) -> About:
    return field.json_schema_extra if isinstance(field.json_schema_extra, About) else About()


def _default(field: FieldInfo) -> Any:
    return list(field.default) if isinstance(field.default, tuple) else field.default


PARAMETERS = tuple(_declared())
"""All parameters, in the order of `params.yaml`."""

EXECUTION_KEYS = frozenset(parameter.key for parameter in PARAMETERS if parameter.about.is_execution)
"""Parameters that say how fast something runs and never what comes out: any machine may set them as it likes."""


def parameters_of(stage: str) -> tuple[Parameter, ...]:
    """Return the parameters that a stage reads, in the order of `params.yaml`; of `report` those of its section."""
    return tuple(parameter for parameter in PARAMETERS if stage in parameter.read_by)
