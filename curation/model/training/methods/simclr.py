"""The method `simclr`: views of one sample near to each other, those of others not."""

from lightly.loss.ntx_ent_loss import NTXentLoss
from lightly.models.modules.heads import SimCLRProjectionHead
from torch import nn

from curation.model.architecture import Architecture
from curation.model.training.method import OfPairs, TrainingMethod


class SimCLR(OfPairs):
    """Two views of a sample shall be nearer than views of others (Chen 2020, https://arxiv.org/abs/2002.05709)."""

    def __init__(self, architecture: Architecture, learning_rate: float, temperature: float) -> None:
        super().__init__(architecture, learning_rate, temperature)
        self.criterion = NTXentLoss(temperature, gather_distributed=True)

    def new_head(self, features: int, dimension: int) -> nn.Module:
        """Return a head of two layers."""
        head: nn.Module = SimCLRProjectionHead(features, features, dimension, batch_norm=False)
        return head


METHOD = TrainingMethod(
    SimCLR,
    sentence="the two views of a sample are to be nearer to each other than to the views of others",
    source="T. Chen et al. 2020, https://arxiv.org/abs/2002.05709",
    example=(2.5044, 2.7324),
    parameters=("temperature",),
)
