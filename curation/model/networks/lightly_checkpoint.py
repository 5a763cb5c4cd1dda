"""Checkpoints that lightly wrote: `lightly-ssl-train`, and Lightning modules with lightly's ResNet.

The command trains `Sequential(batch norm of the colours, layers of ResNetGenerator without the last, 1 x 1 convolution
to the embedding, average)`, and `lightly-embed` takes what comes out of it for the embedding. That is `Backbone` with
the first convolution at full resolution, so its weights are taken as they are. A backbone as lightly's examples build
it, `Sequential(layers without the last, average)`, has neither the batch norm nor the convolution: here both stand
there and change nothing, and the embedding is the features.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from curation.core.errors import CheckpointError
from curation.model.architecture import Architecture
from curation.model.networks.backbone import Backbone

_NETWORKS: Mapping[tuple[tuple[int, ...], bool], str] = {
    ((1, 1, 1, 1), False): "resnet-9",
    ((2, 2, 2, 2), False): "resnet-18",
    ((3, 4, 6, 3), False): "resnet-34",
    ((3, 4, 6, 3), True): "resnet-50",
    ((3, 4, 23, 3), True): "resnet-101",
    ((3, 8, 36, 3), True): "resnet-152",
}
"""By the number of blocks in each layer, and whether a block has three convolutions."""

_CHANNELS = 64
"""Of the first convolution of a network of width 1."""

_COLOURS, _FIRST, _LAYERS, _PROJECTION = "0", "1", ("3", "4", "5", "6"), "7"
"""Places in `Backbone`."""


def converted(
    tensors: Mapping[str, Tensor], wanted: Architecture, path: Path
) -> tuple[Architecture, dict[str, Tensor]]:
    """Return architecture and weights, as a checkpoint of this pipeline has them, of a checkpoint of lightly.

    Args:
        tensors: of the file.
        wanted: gives what such a file does not say: `projection_dim`, and `input_size`, which may be any.
        path: the file, for messages.

    Raises:
        CheckpointError: it is not such a checkpoint.
    """
    weights = _backbone(tensors, path)
    counts = tuple(len({name.split(".")[1] for name in weights if name.startswith(f"{layer}.")}) for layer in _LAYERS)
    network = _NETWORKS.get((counts, f"{_LAYERS[0]}.0.conv3.weight" in weights))
    if network is None:
        raise _not_of_lightly(path)
    width = len(weights[f"{_FIRST}.weight"]) / _CHANNELS
    architecture = replace(
        wanted,
        backbone=network if width == 1 else f"{network}x{width:.6f}".rstrip("0").rstrip("."),
        embedding_dim=len(weights[f"{_PROJECTION}.weight"]),
        stem_stride=1,
        stem_pool=False,
    )
    try:
        Backbone(architecture).load_state_dict(weights)
    except RuntimeError:  # names or shapes differ
        raise _not_of_lightly(path) from None
    return architecture, {f"backbone.{name}": value for name, value in weights.items()}


def lightly_trunk(architecture: Architecture, tensors: Mapping[str, Tensor], path: Path) -> dict[str, Tensor]:
    """Return the weights of a trunk of lightly's ResNet, by the names that `Backbone` gives them.

    Args:
        architecture: of the network.
        tensors: of the file.
        path: the file, for messages.

    Raises:
        CheckpointError: it is not a checkpoint of lightly, or is one of another network.
    """
    found, weights = converted(tensors, architecture, path)
    differing = architecture.differences(found, ("backbone",))
    if differing:
        raise CheckpointError(f"train.weights: {path} does not fit train.{differing[0]} in the file")
    names = {name: name.removeprefix("backbone.") for name in weights}
    return {names[name]: value for name, value in weights.items() if names[name].partition(".")[0] != _PROJECTION}


def _backbone(tensors: Mapping[str, Tensor], path: Path) -> dict[str, Tensor]:
    """Return the weights of a backbone by the places in `Backbone`; layers that it lacks change nothing."""
    plain = {re.sub(r"^(module\.|model\.)*(features\.|backbone\.)?", r"\2", name): tensors[name] for name in tensors}
    plain = {re.sub(r"^features\.", "backbone.", name): value for name, value in plain.items()}
    inner = {name.removeprefix("backbone."): plain[name] for name in plain if name.startswith("backbone.")} or plain
    first = inner.get("0.weight")
    if first is None or first.dim() not in (1, 4):
        raise _not_of_lightly(path)
    if first.dim() == 4:  # the colours are not normalised by the network
        inner = {re.sub(r"^\d+", lambda place: str(int(place[0]) + 1), name): value for name, value in inner.items()}
        norm = torch.nn.BatchNorm2d(3)
        norm.weight.data.fill_((1 + norm.eps) ** 0.5)  # what it divides by with a variance of 1
        inner |= {f"{_COLOURS}.{name}": value for name, value in norm.state_dict().items()}
    last = inner.get(f"{_LAYERS[-1]}.0.shortcut.0.weight")
    if f"{_FIRST}.weight" not in inner or last is None:
        raise _not_of_lightly(path)
    if f"{_PROJECTION}.weight" not in inner:
        inner[f"{_PROJECTION}.weight"] = torch.eye(len(last))[:, :, None, None]
        inner[f"{_PROJECTION}.bias"] = torch.zeros(len(last))
    return inner


def _not_of_lightly(path: Path) -> CheckpointError:
    return CheckpointError(
        f"{path} is neither a checkpoint of this pipeline nor one of lightly with a network of "
        "lightly.models.ResNetGenerator. The weights of another network are for train.weights, with the train.backbone "
        "that they fit, such as torchvision/resnet18 or timm/resnet18"
    )
