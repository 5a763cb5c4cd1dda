"""Saving and loading the weights of a model as a checkpoint file."""

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from curation.core.atomic import write_bytes
from curation.core.errors import CheckpointError
from curation.model.architecture import Architecture
from curation.model.checkpoint import FORMAT, read_file, seal, unseal, unusable


def save_checkpoint(
    path: Path, architecture: Architecture, weights: Mapping[str, Tensor], origin: str | None = None
) -> None:
    """Write a checkpoint in one step; equal weights give equal bytes.

    Args:
        path: the file.
        architecture: of the network.
        weights: its `state_dict`, on any device.
        origin: SHA-256 of the file that the weights began with, None where there was none.

    Raises:
        CheckpointError: a weight is not finite.
    """
    plain = {name: value.detach().to("cpu", memory_format=torch.contiguous_format) for name, value in weights.items()}
    for name, value in plain.items():
        if not bool(torch.isfinite(value).all()):
            raise CheckpointError(
                f"training diverged: the weights {name} are not finite. Lower train.learning_rate, then run it again"
            )
    buffer = io.BytesIO()
    torch.save(
        # A clone of its own storage: torch.save writes whole storages, also where a tensor is a part of one.
        {
            "format": FORMAT,
            "architecture": architecture.to_plain(),
            "state_dict": {key: plain[key].clone() for key in plain},
        },
        buffer,
    )
    write_bytes(path, seal(buffer.getvalue(), architecture, origin))


def load_checkpoint(path: Path) -> tuple[Architecture, dict[str, Tensor]]:
    """Read a checkpoint on the CPU, after its digest was found right.

    Raises:
        CheckpointError: the file is missing, damaged, or was not written by this pipeline.
    """
    content = read_file(path)
    architecture = unseal(content, path)
    loaded: dict[str, Any] = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    weights: dict[str, Tensor] = loaded["state_dict"]
    if loaded["architecture"] != architecture.to_plain():
        raise unusable(path)
    return architecture, weights


def load_weights(module: torch.nn.Module, weights: Mapping[str, Tensor], path: Path) -> None:
    """Put weights into a module that has exactly their names and shapes.

    Args:
        module: built from the checkpoint's architecture.
        weights: the checkpoint's.
        path: where they come from, for the message.

    Raises:
        CheckpointError: the names or shapes do not fit.
    """
    try:
        module.load_state_dict(weights)
    except RuntimeError as error:
        raise CheckpointError(
            f"{path}: the weights do not fit the architecture recorded beside them ({str(error).splitlines()[0]}). "
            "Restore the file with `dvc checkout`, or train anew with train.retrain: true"
        ) from None
