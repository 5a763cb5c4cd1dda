"""The network that turns images into embeddings: a ResNet of lightly, as lightly's own command line builds it."""

from stages.model import torchvision_operators  # noqa: F401  (before all that imports torchvision)

# isort: split
import torch
from lightly.models.resnet import ResNetGenerator
from torch import Tensor, nn

from stages.model.architecture import Architecture


class Backbone(nn.Sequential):
    """Images in, embeddings out: (n, 3, input_size, input_size) float32 to (n, embedding_dim) float32.

    A batch norm on the colours, the ResNet without its last layer, a 1 x 1 convolution to `embedding_dim` channels and
    the average over all positions. The weights have the names and shapes that `lightly-ssl-train` gives them.
    """

    def __init__(self, architecture: Architecture) -> None:
        resnet = ResNetGenerator(architecture.backbone)
        resnet.conv1.stride = (architecture.stem_stride, architecture.stem_stride)
        *layers, head = resnet.children()
        super().__init__(
            nn.BatchNorm2d(3),
            *layers,
            nn.Conv2d(head.in_features, architecture.embedding_dim, 1),
            nn.AdaptiveAvgPool2d(1),
        )

    def forward(self, images: Tensor) -> Tensor:
        """Embed normalised images."""
        embeddings: Tensor = super().forward(images)  # type: ignore[no-untyped-call]
        return torch.flatten(embeddings, start_dim=1)
