"""The method `vicreg`: views near, numbers that vary and are uncorrelated."""

from lightly.loss.vicreg_loss import VICRegLoss
from lightly.models.modules.heads import VICRegProjectionHead
from torch import nn

from curation.model.architecture import Architecture
from curation.model.training.method import OfPairs, TrainingMethod


class VICReg(OfPairs):
    """Views shall be near, numbers shall vary and be uncorrelated (Bardes 2022, https://arxiv.org/abs/2105.04906)."""

    def __init__(self, architecture: Architecture, learning_rate: float, temperature: float) -> None:
        super().__init__(architecture, learning_rate, temperature)
        self.criterion = VICRegLoss(gather_distributed=True)

    def new_head(self, features: int, dimension: int) -> nn.Module:
        """Return a head of three layers."""
        head: nn.Module = VICRegProjectionHead(features, features, dimension)
        return head


METHOD = TrainingMethod(
    VICReg,
    sentence="the two views of a sample are to be near, and the numbers are to vary and to be uncorrelated",
    source="A. Bardes et al. 2022, https://arxiv.org/abs/2105.04906",
    example=(16.583, 21.294),
)
