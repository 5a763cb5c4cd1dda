"""Training a backbone by a self-supervised method, and fitting its embedding."""

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytorch_lightning as pl
import torch
from lightning_fabric.plugins.environments.lightning import LightningEnvironment
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader

from curation.core.errors import CheckpointError, ParamsError
from curation.model.architecture import Architecture
from curation.model.device import cuda_wanted, device_count
from curation.model.embedding import vectors
from curation.model.inference import InferenceNetwork
from curation.model.networks.clip import TEXT_TOWER
from curation.model.networks.foreign import pretrained_weights, weights_of_file
from curation.model.networks.lightly_checkpoint import lightly_trunk
from curation.model.networks.weight_files import read_tensors
from curation.model.projection import evenly_spaced, principal_components
from curation.model.proxy_source import ProxySource
from curation.model.training.augmentation import AugmentedProxies, EpochBatches, derived_seed, seeded
from curation.model.training.callbacks import Limits, LossValue, ProgressBar, fix_threads, quiet_lightning
from curation.model.training.method import Method, Schedule, network_weights
from curation.model.training.methods.registry import METHODS
from curation.model.training.resumption import KeptEpochs, SealedCheckpoints, training_key
from curation.model.training.spawning import SpawnedDevices

_FEATURE_BATCH = 16

_PRECISIONS: Mapping[str, Literal["32-true", "bf16-mixed", "16-mixed"]] = {
    "fp32": "32-true",
    "bf16": "bf16-mixed",
    "fp16": "16-mixed",
}
"""Lightning's names."""


@dataclass(frozen=True)
class TrainingSettings:
    """The settings of a training, by the names and with the values of `params.yaml`."""

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
    accumulate_batches: int = 1
    precision: str = "fp32"
    devices: int | str = 1
    weights: str | None = None


def initial_model(architecture: Architecture, settings: TrainingSettings) -> Method:
    """Build a model with random weights that depend on the seed alone, those of the trunk pretrained if asked for.

    Raises:
        CheckpointError: the file of weights cannot be used for this network.
        ParamsError: there is no such network, it does not take images of that size, or its weights cannot be loaded.
    """
    with seeded(derived_seed(settings.seed, "weights")):
        model = METHODS[settings.method].model(architecture, settings.learning_rate, settings.temperature)
    if settings.pretrained or settings.weights is not None:
        trunk = given_weights(architecture, settings.weights)
        own = network_weights(model)
        place = "backbone.0." if architecture.is_foreign else "backbone."
        named = {name if name.startswith(TEXT_TOWER) else f"{place}{name}": trunk[name] for name in trunk}
        model.start_from({**own, **named}, Path(settings.weights or architecture.backbone))
    return model.to(memory_format=torch.channels_last)


def given_weights(architecture: Architecture, path: str | None) -> Mapping[str, Tensor]:
    """Return the weights that a trunk begins with: from a file, or where there is none, those of its library.

    Those of a text tower, which begin with `TEXT_TOWER`, stand beside them.
    """
    if path is None:
        return pretrained_weights(architecture)
    tensors = read_tensors(Path(path), "train.weights")
    if architecture.is_foreign:
        return weights_of_file(architecture, tensors, Path(path))
    return lightly_trunk(architecture, tensors, Path(path))


def train_model(
    model: Method,
    architecture: Architecture,
    source: ProxySource,
    members: Sequence[tuple[str, str]],
    settings: TrainingSettings,
    kept: Path | None = None,
) -> list[LossValue]:
    """Train a model in place on proxies. It forgets its text tower, which belongs to the features as they were.

    Neither the number of workers nor that of cores changes the resulting weights; another kind of processor or GPU, or
    another version of torch, may.

    Args:
        model: as `initial_model` or a checkpoint gives it.
        architecture: the model's.
        source: where the proxies are.
        members: shard and member of each of n samples, in the order of the samples' names.
        settings: how to train. The batch size shrinks to n where there are fewer, and to a multiple of the devices.
        kept: file that keeps the state after an epoch, to resume the very same training if this one is interrupted;
            the caller removes it when its own work is done. None: keep nothing.

    Returns:
        The loss of each step; empty where fewer than 2 samples leave nothing to compare, or training is not enabled.

    Raises:
        CheckpointError: the loss is not finite.
        ParamsError: there are not so many devices, or they cannot compute in this precision.
    """
    if len(members) < 2 or not settings.enabled:
        return []
    model.text_tower = {}
    if settings.precision == "fp16" and not cuda_wanted(settings.accelerator):
        raise ParamsError("train.precision: fp16 needs a GPU: set bf16 or fp32")
    size = min(settings.batch_size, len(members))
    devices = min(device_count(settings.devices, settings.accelerator), size // 2)
    batches = EpochBatches(len(members), size // devices * devices, settings.seed)
    loader = _loader(AugmentedProxies(source, members, architecture, settings.seed), batches, settings.workers)
    every = settings.epochs * math.ceil(len(batches) / settings.accumulate_batches)
    steps = min(every, settings.max_steps or every)
    model.begin(Schedule(len(batches), settings.accumulate_batches, steps, settings.seed))
    store = SealedCheckpoints(training_key(model, architecture, settings, source, members) if kept is not None else b"")
    resumed = kept if kept is not None and store.can_resume(kept) else None
    callbacks = [ProgressBar(steps), Limits(steps), *([KeptEpochs(kept, steps, batches)] if kept is not None else [])]
    with quiet_lightning(), _fixed_threads(), seeded(derived_seed(settings.seed, "training")):
        trainer = _trainer(settings, architecture, model.schedule.epochs, devices, store, callbacks)
        if devices > 1:
            model.curve.share_memory_()  # type: ignore[no-untyped-call]  # other processes write into it
        trainer.fit(model, loader, ckpt_path=resumed, weights_only=True)
    return _finite(loss_values(model.curve.numpy(), model.schedule))


def _loader(images: AugmentedProxies, batches: EpochBatches, workers: int) -> DataLoader[Any]:
    """Return what gives the batches, made by so many processes."""
    return DataLoader(images, batch_sampler=batches, num_workers=workers, persistent_workers=workers > 0)


def _trainer(
    settings: TrainingSettings,
    architecture: Architecture,
    epochs: int,
    devices: int,
    store: SealedCheckpoints,
    callbacks: list[pl.Callback],
) -> pl.Trainer:
    """Return Lightning's trainer: equal inputs give equal weights, and nothing is written but by `store`.

    Args:
        settings: how to train.
        architecture: the model's.
        epochs: to train. With a number of steps, Lightning would resume in the middle of an epoch.
        devices: how many.
        store: keeps the state.
        callbacks: called on the way.
    """
    cuda = cuda_wanted(settings.accelerator)
    return pl.Trainer(
        accelerator="cuda" if cuda else "cpu",
        devices=devices,
        strategy=SpawnedDevices(architecture) if devices > 1 else "auto",
        sync_batchnorm=devices > 1 and cuda,
        precision=_PRECISIONS[settings.precision],
        accumulate_grad_batches=settings.accumulate_batches,
        max_epochs=epochs,
        deterministic=True,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        use_distributed_sampler=False,
        # One machine, also inside a job of a cluster's scheduler.
        plugins=[LightningEnvironment(), store],
        callbacks=callbacks,
    )


def _finite(values: list[LossValue]) -> list[LossValue]:
    """Return the losses as they are.

    Raises:
        CheckpointError: one is not finite.
    """
    for value in values:
        if not abs(value.loss) < float("inf"):
            raise CheckpointError(
                f"training diverged: the loss of step {value.step} is {value.loss}. Lower train.learning_rate, then "
                "run it again"
            )
    return values


def loss_values(curve: NDArray[np.float32], schedule: Schedule) -> list[LossValue]:
    """Return the loss of each step: the mean of its batches.

    Args:
        curve: (epochs, batches), the loss of each batch.
        schedule: how batches became steps.
    """
    values = []
    for step in range(schedule.steps):
        epoch, number = divmod(step, schedule.steps_in_epoch)
        batches = curve[epoch, number * schedule.accumulated : (number + 1) * schedule.accumulated]
        values.append(LossValue(step + 1, epoch + 1, float(batches.mean())))
    return values


def fit_projection(
    model: Method, architecture: Architecture, source: ProxySource, members: Sequence[tuple[str, str]]
) -> float | None:
    """Set the projection from features to embedding to the principal components of the samples' features.

    Without samples, or with fewer features than the embedding has values, the projection stays as it is.

    Args:
        model: trained; its projection is replaced.
        architecture: the model's.
        source: where the proxies are.
        members: shard and member of each sample, in the order of the samples' names.

    Returns:
        The embedding's effective rank; None where there are too few samples or features to tell.
    """
    backbone = model.backbone.cpu()
    network = InferenceNetwork(backbone.trunk_for_inference(), backbone.pooling(), "fp32", torch.device("cpu"))
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
    fix_threads()
    try:
        yield
    finally:
        torch.set_num_threads(threads)
        torch.use_deterministic_algorithms(deterministic)
