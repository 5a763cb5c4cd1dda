"""Going on with a training that was interrupted, so that it ends in the same bytes as one that was not.

After an epoch Lightning's whole state goes into a file beside the stage's outputs: weights, optimiser, learning rate,
progress. The file begins with the SHA-256 of everything that determines the training and of the state itself. So a
file of another training, or a damaged one, counts as none, and it may be deleted at any time. Random numbers need no
state, since those of an epoch depend on the seed and the epoch alone.
"""

import hashlib
import io
import json
import os
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import lightly
import pytorch_lightning as pl
import timm
import torch
import torchvision
from lightning_fabric.plugins.io.torch_io import TorchCheckpointIO

from curation.core.atomic import write_bytes
from curation.model.architecture import Architecture
from curation.model.device import cuda_wanted
from curation.model.proxy_source import ProxySource
from curation.model.training.augmentation import EpochBatches

if TYPE_CHECKING:
    from curation.model.training.fit import TrainingSettings
    from curation.model.training.method import Method

SECONDS_TO_LOSE = 60.0
"""An epoch is kept where at least so much work would be lost without: keeping a state takes time and space itself."""

_DIGEST_BYTES = hashlib.sha256().digest_size


class SealedCheckpoints(TorchCheckpointIO):
    """Writes Lightning's states in one step, with a digest before them; never unpickles one."""

    def __init__(self, key: bytes) -> None:
        """Take what determines the training, in any bytes."""
        super().__init__()
        self._key = key

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: str | os.PathLike[str], storage_options: Any | None = None
    ) -> None:
        """Write a state; Lightning calls this in the process of the first device."""
        buffer = io.BytesIO()
        torch.save(checkpoint, buffer)
        write_bytes(Path(path), self._digest(buffer.getbuffer()) + buffer.getvalue())

    def load_checkpoint(
        self, path: str | os.PathLike[str], map_location: Any | None = None, weights_only: bool | None = None
    ) -> dict[str, Any]:
        """Read a state; Lightning calls this."""
        content = io.BytesIO(Path(path).read_bytes()[_DIGEST_BYTES:])
        state: dict[str, Any] = torch.load(content, map_location=map_location or "cpu", weights_only=True)
        return state

    def can_resume(self, path: Path) -> bool:
        """Return whether a file holds a state of this very training, undamaged."""
        try:
            content = memoryview(path.read_bytes())
        except OSError:
            return False
        return bytes(content[:_DIGEST_BYTES]) == self._digest(content[_DIGEST_BYTES:])

    def _digest(self, state: memoryview) -> bytes:
        digest = hashlib.sha256(hashlib.sha256(self._key).digest())
        digest.update(state)
        return digest.digest()


class KeptEpochs(pl.Callback):
    """Keeps the state of a training after an epoch, other than the last one."""

    def __init__(self, path: Path, steps: int, batches: EpochBatches) -> None:
        self._path = path
        self._steps = steps
        self._batches = batches
        self._seconds = SECONDS_TO_LOSE
        self._since = time.monotonic()

    def on_load_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Choose the epoch to go on with, before Lightning does: loaders with workers prepare batches ahead."""
        self._batches.set_epoch(checkpoint["epoch"] + 1)

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Keep it if much would be lost; all devices do as the first one decides."""
        due = time.monotonic() - self._since >= self._seconds and trainer.global_step < self._steps
        if trainer.strategy.broadcast(due):
            trainer.save_checkpoint(self._path)
            self._since = time.monotonic()


def training_key(
    model: "Method",
    architecture: Architecture,
    settings: "TrainingSettings",
    source: ProxySource,
    members: Sequence[tuple[str, str]],
) -> bytes:
    """Return bytes that differ wherever a bit of the trained weights may.

    Args:
        model: as it starts.
        architecture: the model's.
        settings: all but the number of workers count.
        source: where the proxies are.
        members: shard and member of each sample, in the order of the training.
    """
    digest = hashlib.sha256()
    for name, value in model.state_dict().items():  # whatever else a model holds follows from the settings
        digest.update(f"{name} {tuple(value.shape)} {value.dtype}".encode())
        digest.update(value.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy())
    for shard, member in members:
        digest.update(hashlib.sha256(source.jpeg(shard, member)).digest())
    for file in sorted(Path(__file__).parent.parent.rglob("*.py")):
        digest.update(hashlib.sha256(file.read_bytes()).digest())
    cuda = cuda_wanted(settings.accelerator)
    content = {
        "architecture": architecture.to_plain(),
        "settings": {key: value for key, value in asdict(settings).items() if key != "workers"},
        "devices": torch.cuda.device_count() if cuda else 0,
        "processor": torch.cuda.get_device_name() if cuda else torch.backends.cpu.get_cpu_capability(),
        "libraries": [str(library.__version__) for library in (torch, torchvision, timm, lightly, pl)],
        "start": digest.hexdigest(),
    }
    return json.dumps(content, sort_keys=True).encode()
