"""Training a backbone by a self-supervised method, and fitting its embedding."""

from stages.model import torchvision_operators  # noqa: F401  (before all that imports torchvision)

# isort: split
import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytorch_lightning as pl
import torch
from lightning_fabric.plugins.environments.lightning import LightningEnvironment
from lightning_fabric.utilities.warnings import PossibleUserWarning
from torch.utils.data import DataLoader
from tqdm import tqdm

from stages.errors import CheckpointError
from stages.model.architecture import Architecture
from stages.model.augmentation import AugmentedProxies, EpochBatches, derived_seed, seeded
from stages.model.device import cuda_wanted
from stages.model.embedding import vectors
from stages.model.foreign import pretrained_weights
from stages.model.inference import InferenceNetwork
from stages.model.methods import METHODS, Method, network_weights
from stages.model.projection import evenly_spaced, principal_components
from stages.model.proxy_source import ProxySource

THREADS = 8
"""Threads of an operation on the CPU, whatever the machine has.

The gradient of a convolution's weights is summed in one part a thread, so another number of threads gives other last
digits, and after some steps visibly other weights. With a fixed number they do not depend on the number of cores
(tried with 1 and 2). On 2 cores, a step took about a tenth more time with 8 threads than with 4.
"""

_FEATURE_BATCH = 16


@dataclass(frozen=True)
class TrainingSettings:
    """How long and how to train; the names are those of `params.yaml`."""

    method: str
    epochs: int
    max_steps: int | None
    batch_size: int
    learning_rate: float
    temperature: float
    seed: int
    workers: int
    accelerator: str
    enabled: bool = True
    pretrained: bool = False


@dataclass(frozen=True)
class LossValue:
    """The loss of one optimiser step; steps and epochs count from 1."""

    step: int
    epoch: int
    loss: float


class ProgressBar(pl.Callback):
    """Shows step and loss on a terminal; quiet elsewhere."""

    def __init__(self, steps: int) -> None:
        self._bar = tqdm(total=steps, desc="train", unit="step", disable=None)

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: object, batch: object, batch_idx: int
    ) -> None:
        """Advance by one step."""
        if isinstance(pl_module, Method) and not self._bar.disable:
            self._bar.set_postfix(loss=f"{pl_module.losses[-1][1].item():.3f}", refresh=False)
        self._bar.update()

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Leave the finished bar on the terminal."""
        self._bar.close()


def initial_model(architecture: Architecture, settings: TrainingSettings) -> Method:
    """Build a model with random weights that depend on the seed alone, those of the trunk pretrained if asked for.

    Raises:
        ParamsError: there is no such network, it does not take images of that size, or its weights cannot be had.
    """
    with seeded(derived_seed(settings.seed, "weights")):
        model = METHODS[settings.method](architecture, settings.learning_rate, settings.temperature)
    if settings.pretrained:
        trunk = {f"backbone.0.{name}": value for name, value in pretrained_weights(architecture).items()}
        model.start_from({**network_weights(model), **trunk}, Path(architecture.backbone))
    return model.to(memory_format=torch.channels_last)


def train_model(
    model: Method,
    architecture: Architecture,
    source: ProxySource,
    members: Sequence[tuple[str, str]],
    settings: TrainingSettings,
) -> list[LossValue]:
    """Train a model in place on proxies.

    Neither the number of workers nor that of cores changes the resulting weights; another kind of processor or GPU, or
    another version of torch, may.

    Args:
        model: as `initial_model` or a checkpoint gives it.
        architecture: the model's.
        source: where the proxies are.
        members: shard and member of each of n samples, in the order of the samples' names.
        settings: how to train. The batch size shrinks to n where there are fewer.

    Returns:
        The loss of each step; empty where fewer than 2 samples leave nothing to compare, or training is not enabled.

    Raises:
        CheckpointError: the loss is not finite.
    """
    if len(members) < 2 or not settings.enabled:
        return []
    batches = EpochBatches(len(members), min(settings.batch_size, len(members)), settings.seed)
    loader = DataLoader(
        AugmentedProxies(source, members, architecture, settings.seed),
        batch_sampler=batches,
        num_workers=settings.workers,
        persistent_workers=settings.workers > 0,
    )
    steps = min(settings.epochs * len(batches), settings.max_steps or settings.epochs * len(batches))
    with _quiet_lightning(), _fixed_threads(), seeded(derived_seed(settings.seed, "training")):
        trainer = pl.Trainer(
            accelerator="cuda" if cuda_wanted(settings.accelerator) else "cpu",
            devices=1,
            max_steps=steps,
            deterministic=True,
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            use_distributed_sampler=False,
            plugins=LightningEnvironment(),  # one process, also inside a job of a cluster's scheduler
            callbacks=[ProgressBar(steps)],
        )
        model.losses.clear()
        model.steps = steps
        trainer.fit(model, loader)
    values = [LossValue(step, epoch + 1, float(loss)) for step, (epoch, loss) in enumerate(model.losses, start=1)]
    for value in values:
        if not abs(value.loss) < float("inf"):
            raise CheckpointError(
                f"training diverged: the loss of step {value.step} is {value.loss}. Lower train.learning_rate, then "
                "run it again"
            )
    return values


def fit_projection(
    model: Method, architecture: Architecture, source: ProxySource, members: Sequence[tuple[str, str]]
) -> float | None:
    """Set the projection from features to embedding to the principal components of the samples' features.

    Args:
        model: trained; its projection is replaced.
        architecture: the model's.
        source: where the proxies are.
        members: shard and member of each sample, in the order of the samples' names.

    Returns:
        The embedding's effective rank; None where there are too few samples or features, and the projection stays.
    """
    backbone = model.backbone.cpu()
    network = InferenceNetwork(backbone.trunk(), backbone.pooling(), "fp32", torch.device("cpu"))
    some = [members[index] for index in evenly_spaced(len(members))]
    parts = list(vectors(network, architecture, source, some, _FEATURE_BATCH, cuda=False))
    features = np.concatenate(parts) if parts else np.empty((0, backbone.feature_dim), np.float32)
    found = principal_components(features, architecture.embedding_dim)
    if found is None:
        return None
    projection = backbone.projection
    with torch.no_grad():
        projection.weight.copy_(torch.from_numpy(found.weight)[:, :, None, None])
        if projection.bias is not None:
            projection.bias.copy_(torch.from_numpy(found.bias))
    return found.effective_rank


@contextmanager
def _fixed_threads() -> Iterator[None]:
    """Set the number of threads for the block, and whether operations must be deterministic back after it."""
    threads = torch.get_num_threads()
    deterministic = torch.are_deterministic_algorithms_enabled()
    torch.set_num_threads(THREADS)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
        torch.use_deterministic_algorithms(deterministic)


@contextmanager
def _quiet_lightning() -> Iterator[None]:
    """Keep Lightning from announcing devices, tips, and advice about loaders and logging."""
    logger = logging.getLogger("pytorch_lightning")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", PossibleUserWarning)
            # Lightning 2.6 calls what torch 2.13 deprecates.
            warnings.filterwarnings("ignore", message=".*LeafSpec", category=FutureWarning)
            yield
    finally:
        logger.setLevel(level)
