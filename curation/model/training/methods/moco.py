"""The method `moco`: as SimCLR, compared with many vectors of earlier batches."""

from lightly.loss.ntx_ent_loss import NTXentLoss
from lightly.models.modules.heads import MoCoProjectionHead
from torch import Tensor, nn

from curation.model.architecture import Architecture
from curation.model.training.follower import WithFollower
from curation.model.training.method import TrainingMethod, in_32_bits

_QUEUE = 4096
"""Vectors of earlier batches to compare with."""


class MoCo(WithFollower):
    """As SimCLR, with many vectors of earlier batches as the others (He 2020, https://arxiv.org/abs/1911.05722).

    With the head of its second version (https://arxiv.org/abs/2003.04297).
    """

    def __init__(self, architecture: Architecture, learning_rate: float, temperature: float) -> None:
        super().__init__(architecture, learning_rate, temperature)
        queue = (_QUEUE, architecture.projection_dim)
        self.criterion = NTXentLoss(temperature, memory_bank_size=queue, gather_distributed=True)

    def new_head(self, features: int, dimension: int) -> nn.Module:
        """Return a head of two layers."""
        head: nn.Module = MoCoProjectionHead(features, features, dimension)
        return head

    def compare(self, first: Tensor, second: Tensor) -> Tensor:
        """Return the NT-Xent loss of the first views against the follower's second ones."""
        return in_32_bits(self.criterion, self.project(first), self.follow(second))


METHOD = TrainingMethod(
    MoCo,
    sentence="as simclr, where the others are 4,096 vectors of earlier batches by a slowly following network",
    source="K. He et al. 2020, https://arxiv.org/abs/1911.05722, with the head of https://arxiv.org/abs/2003.04297",
    example=(6.4406, 6.6895),
    parameters=("temperature",),
)
