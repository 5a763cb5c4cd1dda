"""Methods of training with a second network that slowly follows the first."""

from collections.abc import Mapping
from pathlib import Path

import torch
from lightly.models.utils import deactivate_requires_grad, update_momentum
from lightly.utils.scheduler import cosine_schedule
from torch import Tensor

from curation.model.architecture import Architecture
from curation.model.networks.backbone import Backbone
from curation.model.training.method import Method

_MOMENTUM = 0.996
"""Share of its own weights that the following network keeps at the first step; it rises to 1."""


class WithFollower(Method):
    """A method with a second network, the mean of what the first has been, which gives the vectors to come near to."""

    def __init__(self, architecture: Architecture, learning_rate: float, temperature: float) -> None:
        super().__init__(architecture, learning_rate, temperature)
        self.follower_backbone = Backbone(architecture)
        self.follower_head = self.new_head(self.backbone.feature_dim, architecture.projection_dim)
        for module in (self.follower_backbone, self.follower_head):
            deactivate_requires_grad(module)
        self._begin_together()

    def start_from(self, weights: Mapping[str, Tensor], path: Path) -> None:
        """Take over the weights of a checkpoint, also in the following network."""
        super().start_from(weights, path)
        self._begin_together()

    def on_train_batch_start(self, batch: object, batch_idx: int) -> None:
        """Let the second network follow the first, once a step."""
        if batch_idx % self.schedule.accumulated:
            return
        steps = self.schedule.steps
        share = cosine_schedule(min(self.global_step, steps - 1), steps, _MOMENTUM, 1.0)
        update_momentum(self.backbone, self.follower_backbone, m=share)
        update_momentum(self.projection_head, self.follower_head, m=share)

    @torch.no_grad()
    def follow(self, views: Tensor) -> Tensor:
        """Return what the following network makes of images: (n, projection_dim), without gradient."""
        vectors: Tensor = self.follower_head(self.follower_backbone.features(views))
        return vectors.float()

    def _begin_together(self) -> None:
        self.follower_backbone.load_state_dict(self.backbone.state_dict())
        self.follower_head.load_state_dict(self.projection_head.state_dict())
