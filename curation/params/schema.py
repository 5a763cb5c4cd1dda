"""What `params.yaml` may hold. Meaning, unit and range of each key stand beside it in `params.yaml`."""

from typing import Annotated, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StrictBool,
    StrictStr,
    StringConstraints,
    field_validator,
    model_validator,
)

from curation.params.registered import RuleName, TrainingMethodName
from curation.params.strategies import Similarity, StrategyParams

Count = Annotated[int, Field(strict=True, ge=1)]
Extension = Annotated[str, StringConstraints(strict=True, pattern=r"^[a-z0-9]+$")]
BACKBONE = (
    r"^(efficientnet-lite[0-2]|resnet-(9|18|34|50|101|152)(x[0-9]{1,2}(\.[0-9]{1,6})?)?"
    r"|torchvision/[a-z0-9_]+|timm/[A-Za-z0-9_.-]+|open_clip/[A-Za-z0-9_.-]+(@[A-Za-z0-9_.-]+)?)$"
)
"""Networks whose weights come in a package, of lightly, or of torchvision, timm or open_clip, whose lists tell which
there are."""

Real = Annotated[float, Field(allow_inf_nan=False)]

EXECUTION_KEYS = frozenset({"clean.workers", "train.workers"})
"""Parameters that say how fast something runs and never what comes out: any machine may set them as it likes."""


class Section(BaseModel):
    """One section of `params.yaml`: unknown keys are errors, values never change after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class IngestParams(Section):
    """What counts as an image or a video, which files matter, and which frames of a video."""

    image_extensions: tuple[Extension, ...]
    video_extensions: tuple[Extension, ...]
    relevant_filenames_file: Annotated[str, StringConstraints(strict=True, min_length=1)]
    fps: Real | None = Field(gt=0)
    max_frames_per_video: Count | None

    @model_validator(mode="after")
    def _no_overlap(self) -> Self:
        both = sorted(set(self.image_extensions) & set(self.video_extensions))
        if both:
            raise ValueError(f"{', '.join(both)} stands under both image_extensions and video_extensions")
        return self


class BaseParams(Section):
    """The datapool to build on."""

    datapool: StrictStr | list[StrictStr]
    near_duplicates: Literal["keep", "drop"]
    round: Count
    removed_file: Annotated[str, StringConstraints(strict=True, min_length=1)]


class CleanParams(Section):
    """Decoding, and what is dropped."""

    corruption_threshold: Real = Field(ge=0, le=1)
    decode_memory_mb: Annotated[int, Field(strict=True, ge=256)] | None
    decode_timeout_s: Real = Field(gt=0)
    max_pixels: Count
    jpeg_draft: StrictBool
    proxy_size: int = Field(strict=True, ge=32, le=1024)
    min_luma: Real | None = Field(ge=0, le=255)
    max_luma: Real | None = Field(ge=0, le=255)
    min_contrast: Real | None = Field(ge=0, le=128)
    min_sharpness: Real | None = Field(ge=0)
    max_uniform_rows: Real | None = Field(ge=0, le=1)
    near_duplicate_bits: Annotated[int, Field(strict=True, ge=0, le=32)] | None
    workers: Count | None


class TrainParams(Section):
    """The self-supervised model."""

    method: TrainingMethodName
    backbone: Annotated[str, StringConstraints(strict=True, pattern=BACKBONE)]
    pretrained: StrictBool
    weights: StrictStr | None
    embedding_dim: int = Field(strict=True, ge=2, le=4096)
    projection_dim: int = Field(strict=True, ge=2, le=4096)
    input_size: int = Field(strict=True, ge=32, le=512)
    enabled: StrictBool
    epochs: Count
    max_steps: Count | None
    batch_size: int = Field(strict=True, ge=2)
    accumulate_batches: Count
    learning_rate: Real = Field(gt=0, le=1)
    temperature: Real = Field(gt=0)
    seed: int = Field(strict=True, ge=0, lt=2**32)
    workers: int = Field(strict=True, ge=0)
    accelerator: Literal["auto", "cpu", "gpu"]
    devices: Count | Literal["auto"]
    precision: Literal["fp32", "bf16", "fp16"]
    checkpoint: StrictStr | None
    retrain: StrictBool
    migrate_missing: Literal["refuse", "drop_embeddings"]

    @model_validator(mode="after")
    def _one_source_of_weights(self) -> Self:
        if self.retrain and self.checkpoint is not None:
            raise ValueError("checkpoint takes given weights and retrain trains new ones: set one of them only")
        if self.weights is not None and self.checkpoint is not None:
            raise ValueError("weights and checkpoint both say what to begin with: set one of them only")
        is_named = self.weights is not None or self.checkpoint is not None
        if self.pretrained and not is_named and self.backbone.startswith("resnet-"):
            raise ValueError(
                f"pretrained: there are no weights for {self.backbone}: set pretrained: false and enabled: true to "
                "train it from nothing, or backbone: efficientnet-lite0 or torchvision/resnet18"
            )
        if not self.enabled and not self.pretrained and not is_named and not self.retrain:
            raise ValueError("enabled: false needs weights from elsewhere: set pretrained, weights or checkpoint")
        return self

    @field_validator("backbone")
    @classmethod
    def _whole_channels(cls, backbone: str) -> str:
        width = backbone.partition("x")[2] if "/" not in backbone else ""
        if width and (float(width) == 0 or 64 * float(width) % 1):
            raise ValueError(f"{backbone}: 64 times the width, the channels of the first layer, must be a whole number")
        return backbone


class EmbedParams(Section):
    """Embedding."""

    embeddings_file: StrictStr | None
    batch_size: Count
    precision: Literal["fp32", "bf16"]


class SelectParams(Section):
    """Which samples are chosen, and how many."""

    method: RuleName
    strategies: tuple[StrategyParams, ...]
    rare: Real = Field(ge=0, le=2)
    seed: int = Field(strict=True, ge=0, lt=2**32)
    n_samples: Count | None
    proportion_samples: Real | None = Field(gt=0, le=1)
    min_distance: Real | None = Field(gt=0, le=2)
    selected_sequence_length: Count
    process_all: StrictBool
    review_file: StrictStr | None
    predictions_file: StrictStr | None
    holdout_file: StrictStr | None
    holdout_distance: Real | None = Field(gt=0, le=2)

    @property
    def given_files(self) -> list[str]:
        """The files that the parameters name."""
        single = [path for path in (self.review_file, self.predictions_file, self.holdout_file) if path is not None]
        return [*(path for item in self.strategies for path in item.files), *single]

    @model_validator(mode="after")
    def _stopping_conditions(self) -> Self:
        if self.n_samples is not None and self.proportion_samples is not None:
            raise ValueError("n_samples and proportion_samples contradict each other: set one of them to null")
        if self.n_samples is None and self.proportion_samples is None and self.min_distance is None:
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


class ReportParams(Section):
    """What the report shows and assumes."""

    title: StrictStr
    n_example_images: int = Field(strict=True, ge=0, le=200, multiple_of=2)
    n_thumbnails: int = Field(strict=True, ge=0, le=500)
    umap_neighbours: tuple[Annotated[int, Field(strict=True, ge=2, le=200)], ...] = Field(max_length=6)
    dump_embeddings: StrictBool
    labelling_cost_per_sample: Real = Field(ge=0)
    currency: Annotated[str, StringConstraints(strict=True, min_length=1, max_length=8)]
    co2_kg_per_sample: Real = Field(ge=0)

    @field_validator("umap_neighbours")
    @classmethod
    def _each_once(cls, sizes: tuple[int, ...]) -> tuple[int, ...]:
        if len(set(sizes)) < len(sizes):
            raise ValueError("each size may stand there once")
        return sizes


class Params(Section):
    """The whole of `params.yaml`."""

    ingest: IngestParams
    base: BaseParams
    clean: CleanParams
    train: TrainParams
    embed: EmbedParams
    select: SelectParams
    report: ReportParams

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
