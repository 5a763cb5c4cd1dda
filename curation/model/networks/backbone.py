"""The network that turns images into embeddings: a ResNet of lightly, or a network of another library."""

from lightly.models.resnet import ResNetGenerator
from torch import Tensor, nn

from curation.model.architecture import Architecture
from curation.model.networks.foreign import ForeignTrunk

_STEM_LAYERS = 3
"""Layers before the first block: batch norm of the colours, convolution, batch norm."""

FOREIGN_PROJECTION = "1"
"""Place of the projection in a `Backbone` whose trunk is a network of another library."""


class Backbone(nn.Sequential):
    """Images in, embeddings out: (n, 3, input_size, input_size) float32 to (n, embedding_dim) float32.

    A trunk, a 1 x 1 convolution to `embedding_dim` channels and the average over all positions. The trunk is a batch
    norm on the colours and lightly's ResNet without its last layer, with the names and shapes of weights that
    `lightly-ssl-train` gives them, or a network of another library without its classifier.
    """

    def __init__(self, architecture: Architecture) -> None:
        layers: list[nn.Module]
        if architecture.is_foreign:
            trunk = ForeignTrunk(architecture)
            layers, features = [trunk], trunk.feature_dim
        else:
            resnet = ResNetGenerator(*architecture.resnet)
            resnet.conv1.stride = (architecture.stem_stride, architecture.stem_stride)
            *blocks, head = resnet.children()
            layers, features = [nn.BatchNorm2d(3), *blocks], head.in_features
        super().__init__(*layers, nn.Conv2d(features, architecture.embedding_dim, 1), nn.AdaptiveAvgPool2d(1))
        self._stem_pool = architecture.stem_pool and not architecture.is_foreign

    def forward(self, images: Tensor) -> Tensor:
        """Embed normalised images."""
        embeddings: Tensor = self.head()(self.trunk()(images))
        return embeddings

    def features(self, images: Tensor) -> Tensor:
        """Return what the projection to the embedding takes: (n, feature_dim)."""
        features: Tensor = self.pooling()(self.trunk()(images))
        return features

    def trunk(self) -> nn.Module:
        """Return the layers from images to a map of features."""
        layers = list(self.children())[:-2]
        if self._stem_pool:
            layers.insert(_STEM_LAYERS, nn.MaxPool2d(3, stride=2, padding=1))
        return nn.Sequential(*layers)

    def trunk_for_inference(self) -> nn.Module:
        """Return layers that compute what `trunk` does in inference, as `InferenceNetwork` best takes them."""
        first = next(self.children())
        return nn.Sequential(first.for_inference()) if isinstance(first, ForeignTrunk) else self.trunk()

    def pooling(self) -> nn.Module:
        """Return the layers from a map of features to one vector of features."""
        return nn.Sequential(list(self.children())[-1], nn.Flatten())

    def head(self) -> nn.Module:
        """Return the layers from a map of features to an embedding.

        The average comes before the 1 x 1 convolution: the result is the same, since both are linear, and costs less.
        """
        projection, average = list(self.children())[-2:]
        return nn.Sequential(average, projection, nn.Flatten())

    @property
    def projection(self) -> nn.Conv2d:
        """The 1 x 1 convolution from features to embedding."""
        projection = list(self.children())[-2]
        assert isinstance(projection, nn.Conv2d)
        return projection

    @property
    def feature_dim(self) -> int:
        """Number of features."""
        return self.projection.in_channels
