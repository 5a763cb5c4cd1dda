"""The method `barlow_twins`: equal numbers of two views go together, others not."""

from lightly.loss.barlow_twins_loss import BarlowTwinsLoss
from lightly.models.modules.heads import BarlowTwinsProjectionHead
from torch import nn

from curation.model.architecture import Architecture
from curation.model.training.method import OfPairs, TrainingMethod


class BarlowTwins(OfPairs):
    """Equal numbers of two views shall go together, others not (Zbontar 2021, https://arxiv.org/abs/2103.03230)."""

    def __init__(self, architecture: Architecture, learning_rate: float, temperature: float) -> None:
        super().__init__(architecture, learning_rate, temperature)
        self.criterion = BarlowTwinsLoss(gather_distributed=True)

    def new_head(self, features: int, dimension: int) -> nn.Module:
        """Return a head of three layers."""
        head: nn.Module = BarlowTwinsProjectionHead(features, features, dimension)
        return head


METHOD = TrainingMethod(
    BarlowTwins,
    sentence="equal numbers of the two views are to go together, and different numbers not",
    source="J. Zbontar et al. 2021, https://arxiv.org/abs/2103.03230",
    example=(0.15376, 17.275),
)
