"""The shape of a model, from which it is rebuilt with its weights. Imports nothing heavy."""

from dataclasses import asdict, dataclass, fields
from typing import Any, Self

from curation.model.networks import packaged

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
GIVEN_EMBEDDINGS = "embeddings_file"
"""Stands in place of a backbone where another program made the embeddings."""
FULL_RESOLUTION_BELOW = 64
"""Inputs of at least so many pixels are reduced to a quarter of their side before the first block."""


@dataclass(frozen=True)
class Architecture:
    """A network and the images it takes."""

    backbone: str  # as train.backbone: of `lightly.models.ResNetGenerator`, of a package of weights, LIBRARY/name
    embedding_dim: int
    projection_dim: int
    input_size: int  # pixels: images are scaled to a square of this side
    stem_stride: int  # stride of the first convolution
    stem_pool: bool  # whether a maximum over 3 x 3 positions with stride 2 follows it
    mean: tuple[float, float, float]  # subtracted from red, green, blue in 0 to 1
    std: tuple[float, float, float]  # then divided by

    @classmethod
    def of(cls, backbone: str, embedding_dim: int, projection_dim: int, input_size: int) -> Self:
        """Describe the network that the parameters ask for.

        lightly's ResNet is made for images of 32 pixels: its first convolution keeps their resolution, and 4 x 4
        positions are left before the average. Larger images pass that convolution with stride 2 and a maximum with
        stride 2, as in the ResNet for ImageNet; the weights have the same shapes, the network costs a sixteenth.
        """
        sizes = (backbone, embedding_dim, projection_dim, input_size)
        if backbone in packaged.PACKAGED:
            return cls(*sizes, 1, False, packaged.MEAN, packaged.STD)
        large = input_size >= FULL_RESOLUTION_BELOW and "/" not in backbone
        return cls(*sizes, 2 if large else 1, large, IMAGENET_MEAN, IMAGENET_STD)

    @classmethod
    def of_given_embeddings(cls, dimension: int) -> Self:
        """Describe embeddings that another program made: there is no network, and no image is looked at."""
        return cls(GIVEN_EMBEDDINGS, dimension, 0, 0, 0, False, (0.0, 0.0, 0.0), (1.0, 1.0, 1.0))

    @property
    def is_foreign(self) -> bool:
        """Whether the network is one of torchvision, timm or open_clip, and not of lightly."""
        return "/" in self.backbone or self.backbone in packaged.PACKAGED

    @property
    def is_clip(self) -> bool:
        """Whether the network is the image tower of one of open_clip, which may have a text tower beside it."""
        return self.backbone.startswith("open_clip/")

    @property
    def resnet(self) -> tuple[str, float]:
        """Name and width of lightly's ResNet: `resnet-18x0.5` has half as many channels as `resnet-18`."""
        name, _, width = self.backbone.partition("x")
        return name, float(width or 1)

    def to_plain(self) -> dict[str, Any]:
        """Return plain values, as JSON has them."""
        return {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(self).items()}

    @classmethod
    def from_plain(cls, content: dict[str, Any]) -> Self:
        """Rebuild it from plain values.

        Raises:
            TypeError: a value is missing, unknown or of another type.
        """
        plain: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list) else value for key, value in content.items()
        }
        architecture = cls(**plain)
        for field in fields(cls):
            value = getattr(architecture, field.name)
            if field.type not in (str, int, bool) and len(value) != 3:
                raise TypeError(f"{field.name}: three numbers expected")
            if field.type in (str, int, bool) and type(value) is not field.type:
                raise TypeError(f"{field.name}: {field.type} expected")
        return architecture

    def differences(self, other: Self, keys: tuple[str, ...]) -> list[str]:
        """Say which of `keys` differ, as `key A against B`."""
        pairs = [(key, getattr(self, key), getattr(other, key)) for key in keys]
        return [f"{key} {mine} against {theirs}" for key, mine, theirs in pairs if mine != theirs]
