"""The network that turns images into embeddings: a ResNet of lightly, as lightly's own command line builds it."""

from stages.model import torchvision_operators  # noqa: F401  (before all that imports torchvision)

# isort: split
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
        trunk, head = self.parts()
        embeddings: Tensor = head(trunk(images))
        return embeddings

    def parts(self) -> tuple[nn.Module, nn.Module]:
        """Return the convolutions, which give a map of features, and what makes an embedding of such a map.

        The average comes before the 1 x 1 convolution: the result is the same, since both are linear, and costs less.
        """
        *layers, projection, average = self.children()
        return nn.Sequential(*layers), nn.Sequential(average, projection, nn.Flatten())
