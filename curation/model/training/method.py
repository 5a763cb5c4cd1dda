"""What all methods of self-supervised training have in common, and what a method says of itself.

A method compares two views of the same samples. All train the same backbone on the same views with the same optimiser;
heads and losses are lightly's. What they add to the backbone is left out of the embedding.
"""

import math
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from lightly.models.utils import deactivate_requires_grad
from pytorch_lightning.utilities.types import OptimizerLRSchedulerConfig
from torch import Tensor, nn
from torch.optim.lr_scheduler import LambdaLR

from curation.model.architecture import Architecture
from curation.model.networks.backbone import Backbone
from curation.model.networks.clip import TEXT_TOWER
from curation.model.training.augmentation import Views, derived_seed
from curation.model.weights import load_weights

WARM_UP = 0.1
"""Share of the steps in which the learning rate rises to its value; then it falls to 0 along a half cosine wave."""

_BACKBONE = "backbone."
_HEAD = "projection_head."


@dataclass(frozen=True)
class Schedule:
    """The plan by which the batches of a training become steps of the optimiser.

    Attributes:
        batches: in an epoch.
        accumulated: batches whose gradients make one step; the last step of an epoch may have fewer.
        steps: of the whole training.
        seed: `train.seed`.
    """

    batches: int
    accumulated: int
    steps: int
    seed: int

    @property
    def steps_in_epoch(self) -> int:
        """Number of steps in a whole epoch."""
        return math.ceil(self.batches / self.accumulated)

    @property
    def epochs(self) -> int:
        """Number of epochs, the last of which may end before all its batches."""
        return math.ceil(self.steps / self.steps_in_epoch)


class Method(pl.LightningModule):
    """Backbone and projection head, and a loss of what they make of two views.

    The projection head takes the backbone's features, the vectors before the embedding.
    """

    def __init__(self, architecture: Architecture, learning_rate: float, temperature: float) -> None:
        """Build it with random weights; `temperature` is that of the NT-Xent loss, where a method has one."""
        super().__init__()
        self.backbone = Backbone(architecture)
        self.projection_head = self.new_head(self.backbone.feature_dim, architecture.projection_dim)
        deactivate_requires_grad(self.backbone.projection)  # no part of the training: `fit_projection` computes it
        self.learning_rate = learning_rate
        self.text_tower: Mapping[str, Tensor] = {}
        """Weights of the text tower that belongs to the backbone, if it has one. They are kept, and never trained."""
        self.begin(Schedule(batches=1, accumulated=1, steps=1, seed=0))

    def begin(self, schedule: Schedule) -> None:
        """Take what the training will be, and forget the losses of one before.

        Args:
            schedule: of the training that follows.
        """
        self.schedule = schedule
        self.curve = torch.full((schedule.epochs, schedule.batches), math.nan)
        """(epochs, batches) float32: the loss of each batch, on the CPU; the last epoch's are there when it ends."""
        self.recent: list[Tensor] = []

    @abstractmethod
    def new_head(self, features: int, dimension: int) -> nn.Module:
        """Return a projection head with random weights: (n, features) to (n, dimension)."""

    @abstractmethod
    def compare(self, first: Tensor, second: Tensor) -> Tensor:
        """Return the loss of a batch.

        Args:
            first: first view of each sample, (n, 3, input_size, input_size) float32.
            second: second view of each, likewise.
        """

    def project(self, views: Tensor) -> Tensor:
        """Return what the projection head makes of images: (n, projection_dim)."""
        vectors: Tensor = self.projection_head(self.backbone.features(views))
        return vectors.float()

    def training_step(self, views: Views, batch_index: int) -> Tensor:
        """Return the loss of a batch; Lightning calls this."""
        loss = self.compare(*(_channels_last(view) for view in views))
        self.recent.append(loss.detach())
        return loss

    def on_train_epoch_start(self) -> None:
        """Let dropout and its like depend on the seed and the epoch alone, also where a training is resumed."""
        torch.manual_seed(derived_seed(self.schedule.seed, "epoch", self.current_epoch))

    def on_train_epoch_end(self) -> None:
        """Note the losses of the epoch."""
        self._note_losses()

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep what a training is resumed from, besides the weights: losses, and MoCo's vectors of earlier batches."""
        self._note_losses()
        named = self.state_dict()
        checkpoint["curve"] = self.curve
        checkpoint["buffers"] = {name: value for name, value in self.named_buffers() if name not in named}

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Put back what `on_save_checkpoint` kept."""
        self.curve.copy_(checkpoint["curve"])
        for name, value in self.named_buffers():
            if name in checkpoint["buffers"]:
                value.copy_(checkpoint["buffers"][name])

    def _note_losses(self) -> None:
        """Move the losses of this epoch's batches to the curve: the mean over all devices."""
        if self.recent:
            mean = self.trainer.strategy.reduce(torch.stack(self.recent), reduce_op="mean")
            assert isinstance(mean, Tensor)
            self.curve[self.current_epoch, : len(self.recent)] = mean.cpu()
            self.recent.clear()

    def configure_optimizers(self) -> OptimizerLRSchedulerConfig:
        """Return the optimiser, and how the learning rate rises and falls over `steps` steps."""
        trained = [parameter for parameter in self.parameters() if parameter.requires_grad]
        optimiser = torch.optim.Adam(trained, lr=self.learning_rate)
        schedule = LambdaLR(optimiser, lambda step: learning_rate_factor(step, self.schedule.steps))
        return {"optimizer": optimiser, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def start_from(self, weights: Mapping[str, Tensor], path: Path) -> None:
        """Take over the weights of a checkpoint: backbone, text tower, and the projection head if it is alike.

        Args:
            weights: of a network with the same backbone, trained by any method.
            path: where they come from, for the message.

        Raises:
            CheckpointError: the backbone's names or shapes do not fit.
        """
        load_weights(self.backbone, _part(weights, _BACKBONE), path)
        self.text_tower = _part(weights, TEXT_TOWER)
        head, own = _part(weights, _HEAD), self.projection_head.state_dict()
        if {name: value.shape for name, value in head.items()} == {name: value.shape for name, value in own.items()}:
            load_weights(self.projection_head, head, path)


class OfPairs(Method):
    """A method that compares what one network makes of both views."""

    criterion: nn.Module

    def compare(self, first: Tensor, second: Tensor) -> Tensor:
        """Return the loss of the projected views."""
        return in_32_bits(self.criterion, self.project(first), self.project(second))


@dataclass(frozen=True)
class TrainingMethod:
    """A method of training, `train.method`.

    Attributes:
        model: is trained.
        sentence: what it aims at, in a clause, for the docs.
        source: where it is described.
        parameters: which keys of the section `train` it reads besides those that all methods do.
        example: the losses of a batch, on a network that has learnt nothing, where the two views of each sample are
            equal, and where they are of different samples. The tests check them.
    """

    model: type[Method]
    sentence: str
    source: str
    example: tuple[float, float]
    parameters: tuple[str, ...] = ()


def network_weights(model: Method) -> Mapping[str, Tensor]:
    """Return the weights of backbone and projection head, and of the text tower if there is one."""
    network = {name: value for name, value in model.state_dict().items() if name.startswith((_BACKBONE, _HEAD))}
    return network | {f"{TEXT_TOWER}{name}": value for name, value in model.text_tower.items()}


def without_head(weights: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
    """Return what `network_weights` does but the projection head: an untrained one is of no use."""
    return {name: value for name, value in weights.items() if not name.startswith(_HEAD)}


def learning_rate_factor(step: int, steps: int) -> float:
    """Return the share of the learning rate that a step uses: it rises in a line, then falls along a cosine wave.

    Args:
        step: from 0.
        steps: of the whole training.
    """
    rising = math.ceil(WARM_UP * steps)
    if step < rising:
        return (step + 1) / rising
    return 0.5 * (1 + math.cos(math.pi * (step + 1 - rising) / (steps + 1 - rising)))


def _part(weights: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in weights.items() if name.startswith(prefix)}


def in_32_bits(criterion: nn.Module, *vectors: Tensor | list[Tensor]) -> Tensor:
    """Return a loss of vectors, computed in 32 bits also where the networks compute in 16.

    Args:
        criterion: the loss.
        vectors: float32.
    """
    (device,) = {each.device.type for part in vectors for each in (part if isinstance(part, list) else [part])}
    with torch.autocast(device, enabled=False):
        loss: Tensor = criterion(*vectors)
    return loss


def _channels_last(images: Tensor) -> Tensor:
    """Lay images out as the fastest convolutions of the CPU and of GPUs with half precision want them."""
    return images.contiguous(memory_format=torch.channels_last)
