"""The method `dino`: views fall into the classes that a following network sees."""

import warnings

from lightly.loss.dino_loss import DINOLoss
from lightly.models.modules.heads import DINOProjectionHead
from torch import Tensor, nn

from curation.model.architecture import Architecture
from curation.model.training.follower import WithFollower
from curation.model.training.method import TrainingMethod, in_32_bits


class DINO(WithFollower):
    """Views shall fall into the classes that the follower sees (Caron 2021, https://arxiv.org/abs/2104.14294).

    With two large views of each sample, and none of the paper's additional small ones.
    """

    def __init__(self, architecture: Architecture, learning_rate: float, temperature: float) -> None:
        super().__init__(architecture, learning_rate, temperature)
        self.criterion = DINOLoss(architecture.projection_dim)

    def new_head(self, features: int, dimension: int) -> nn.Module:
        """Return a head of three layers and one of `dimension` classes, which learns from the second epoch on."""
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".*weight_norm", category=FutureWarning)  # lightly 1.5 uses it
            head: nn.Module = DINOProjectionHead(features, features, features // 4, dimension, freeze_last_layer=1)
        return head

    def compare(self, first: Tensor, second: Tensor) -> Tensor:
        """Return the cross-entropy between the classes of the two networks."""
        views = (first, second)
        return in_32_bits(self.criterion, [*map(self.follow, views)], [*map(self.project, views)])

    def on_after_backward(self) -> None:
        """Keep the last layer as it is in the first epoch."""
        head = self.projection_head
        assert isinstance(head, DINOProjectionHead)
        head.cancel_last_layer_gradients(self.current_epoch)


METHOD = TrainingMethod(
    DINO,
    sentence="the two views of a sample are to fall into the classes that a slowly following network sees",
    source="M. Caron et al. 2021, https://arxiv.org/abs/2104.14294, with two large views and no small ones",
    example=(2.1448, 2.3492),
)
