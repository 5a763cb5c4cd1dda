"""Files of weights that other programs wrote: read without unpickling anything, and compared name by name."""

import pickle
import re
import zipfile
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import Tensor

from curation.core.errors import CheckpointError

_CONTAINERS = ("state_dict", "model", "teacher", "model_state_dict")
"""Under which programs keep the weights, where they keep other things too: Lightning, timm and DINO, for instance."""

_PREFIXES = ("module.", "_orig_mod.", "model.", "backbone.", "0.network.")
"""Prefixes that wrappers give a name: data in parallel, torch.compile, Lightning modules, lightly's, this pipeline."""

_MOST_NAMED = 5


def read_tensors(path: Path, parameter: str) -> dict[str, Tensor]:
    """Read the weights of a file on the CPU.

    Args:
        path: `.safetensors`, or what `torch.save` writes.
        parameter: of `params.yaml`, which names the file, for messages.

    Returns:
        By name; numbers of other precisions become float32.

    Raises:
        CheckpointError: there is no such file; it is damaged, holds no weights, or objects that would be unpickled.
    """
    if kind := _known_kind(path):
        raise CheckpointError(f"{parameter}: {path} {kind}")
    try:
        if path.suffix == ".safetensors":
            content: Any = safetensors.torch.load_file(path)
        else:
            content = torch.load(path, map_location="cpu", weights_only=True)
    except (FileNotFoundError, IsADirectoryError):
        raise CheckpointError(f"{parameter}: there is no file {path}; give its path, or null") from None
    except pickle.UnpicklingError as error:
        raise CheckpointError(
            f"{parameter}: {path} is damaged, or holds objects besides tensors and plain values, which are not "
            f"unpickled, since that could run any program ({_short(error)}). If you trust it, keep its weights alone: "
            "python -c \"import sys, torch; w = torch.load(sys.argv[1], map_location='cpu', weights_only=False); "
            "torch.save({'state_dict': w['state_dict']}, sys.argv[2])\" OLD NEW"
        ) from None
    except Exception as error:  # each format and version has its own errors for what it cannot read
        raise CheckpointError(f"{parameter}: {path} is damaged or not a file of weights ({_short(error)})") from None
    for name in _CONTAINERS:
        if isinstance(content, Mapping) and isinstance(content.get(name), Mapping):
            content = content[name]
    tensors = {str(name): value for name, value in content.items()} if isinstance(content, Mapping) else {}
    tensors = {name: value for name, value in tensors.items() if isinstance(value, Tensor)}
    if not tensors:
        raise CheckpointError(f"{parameter}: {path} holds no weights by name, as a state_dict does")
    return {name: value.float() if value.is_floating_point() else value for name, value in tensors.items()}


def _known_kind(path: Path) -> str | None:
    """Say what a zip archive is that torch would not read, or only with a warning, and what to do; None for others."""
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.namelist()
    except Exception:  # no zip archive, none that is whole, or no such file
        return None
    if any(entry.endswith("/constants.pkl") for entry in entries):
        return (
            "is a TorchScript archive, as OpenAI distributes CLIP: a program, of which nothing is run here. If you "
            'trust it, take its weights out of it: python -c "import sys, torch; torch.save(torch.jit.load('
            "sys.argv[1], map_location='cpu').state_dict(), sys.argv[2])\" OLD NEW.pth"
        )
    if any(entry.endswith(".npy") for entry in entries):
        return (
            "holds arrays of numpy, as big_vision writes them (.npz), which are not read: give the .safetensors that "
            "timm, open_clip or transformers have of the same network"
        )
    return None


def without_prefixes(tensors: Mapping[str, Tensor], own: Collection[str]) -> dict[str, Tensor]:
    """Take off what wrappers put before names, one after the other; what lacks the prefix is not part of the network.

    Args:
        tensors: of a file.
        own: names of the network, which a prefix may be part of.
    """
    found = dict(tensors)
    stripped = True
    while stripped:
        stripped = False
        for prefix in _PREFIXES:
            if any(name.startswith(prefix) for name in found) and not any(name.startswith(prefix) for name in own):
                found = {name.removeprefix(prefix): found[name] for name in found if name.startswith(prefix)}
                stripped = True
    return found


def in_sequence(tensors: Mapping[str, Tensor], children: Sequence[str], own: Collection[str]) -> dict[str, Tensor]:
    """Name the layers of a `Sequential(*network.children())` as the network does.

    Args:
        tensors: of a file.
        children: names of the network's layers, in order.
        own: names of the network's weights; where one begins with a number, nothing is changed.
    """
    if any(name[0].isdigit() for name in own) or not all(re.match(r"\d+\.", name) for name in tensors):
        return dict(tensors)
    places = {name: int(name.partition(".")[0]) for name in tensors}
    if max(places.values()) >= len(children):
        return dict(tensors)
    return {f"{children[places[name]]}.{name.partition('.')[2]}": value for name, value in tensors.items()}


def require_fit(
    tensors: Mapping[str, Tensor], own: Mapping[str, Tensor], heads: Collection[str], backbone: str, path: Path
) -> dict[str, Tensor]:
    """Return the weights of a network, after names and shapes were found right.

    Args:
        tensors: of a file.
        own: of the network.
        heads: layers that the file may have and the network has not: classifiers.
        backbone: name of the network, for the message.
        path: the file, for the message.

    Raises:
        CheckpointError: names or shapes differ.
    """
    # torch had no such counters before version 0.4.1, and nothing but a training without a momentum uses them.
    counters = {name: value for name, value in own.items() if name.endswith("num_batches_tracked")}
    missing = sorted(set(own) - set(tensors) - set(counters))
    unknown = sorted(name for name in set(tensors) - set(own) if name.partition(".")[0] not in heads)
    shapes = [
        f"{name} {tuple(tensors[name].shape)} against {tuple(value.shape)}"
        for name, value in own.items()
        if name in tensors and tensors[name].shape != value.shape
    ]
    said = [
        f"{what} {_some(names)}"
        for what, names in (("it lacks", missing), ("it has unknown weights", unknown), ("shapes differ:", shapes))
        if names
    ]
    if said:
        raise CheckpointError(
            f"train.weights: {path} does not fit train.backbone: {backbone}: {'; '.join(said)}. Give the file for this "
            "network, or the network that the file is for"
        )
    return counters | {name: tensors[name] for name in own if name in tensors}


def _some(names: Sequence[str]) -> str:
    more = len(names) - _MOST_NAMED
    return ", ".join(names[:_MOST_NAMED]) + (f" and {more} more" if more > 0 else "")


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:160] or type(error).__name__
