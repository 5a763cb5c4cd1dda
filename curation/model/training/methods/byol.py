"""The method `byol`: a view tells what a following network makes of the other."""

from lightly.loss.negative_cosine_similarity import NegativeCosineSimilarity
from lightly.models.modules.heads import BYOLPredictionHead, BYOLProjectionHead
from torch import Tensor, nn

from curation.model.architecture import Architecture
from curation.model.training.follower import WithFollower
from curation.model.training.method import TrainingMethod, in_32_bits


class BYOL(WithFollower):
    """A view shall tell what the follower makes of the other (Grill 2020, https://arxiv.org/abs/2006.07733)."""

    def __init__(self, architecture: Architecture, learning_rate: float, temperature: float) -> None:
        super().__init__(architecture, learning_rate, temperature)
        dimension = architecture.projection_dim
        self.prediction_head = BYOLPredictionHead(dimension, self.backbone.feature_dim, dimension)
        self.criterion = NegativeCosineSimilarity()

    def new_head(self, features: int, dimension: int) -> nn.Module:
        """Return a head of two layers."""
        head: nn.Module = BYOLProjectionHead(features, features, dimension)
        return head

    def compare(self, first: Tensor, second: Tensor) -> Tensor:
        """Return the mean of both directions' negative cosine similarity."""
        one = in_32_bits(self.criterion, self.prediction_head(self.project(first)).float(), self.follow(second))
        other = in_32_bits(self.criterion, self.prediction_head(self.project(second)).float(), self.follow(first))
        return 0.5 * (one + other)


METHOD = TrainingMethod(
    BYOL,
    sentence="a view is to tell what a slowly following network makes of the other view",
    source="J.-B. Grill et al. 2020, https://arxiv.org/abs/2006.07733",
    example=(0.08323, -0.02846),
)
