"""Networks of torchvision, timm and open_clip as trunks of a backbone, with random or pretrained weights.

Pretrained weights are in an installed package (`curation.model.networks.packaged`), or come over the network once,
from where the library keeps them; torchvision compares their hash. The checkpoint holds them from then on, so a
datapool does not depend on them to be there.
"""

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import timm
import torch
import torchvision
from torch import Tensor, nn

from curation.core.errors import CurationError, ParamsError
from curation.model.architecture import Architecture
from curation.model.networks import clip
from curation.model.networks.efficientnet_lite import timm_names
from curation.model.networks.layouts import as_timm_has_them
from curation.model.networks.packaged import PACKAGED, weights_file
from curation.model.networks.plain_layers import in_plain_layers
from curation.model.networks.weight_files import in_sequence, read_tensors, require_fit, without_prefixes

_CLASSIFIERS = ("fc", "classifier", "heads", "head")
"""The names of the last layers of torchvision's networks, which tell the classes apart."""

_UNFIT = frozenset({"googlenet", "inception_v3"})
"""Networks of torchvision that return several results in training."""


class ForeignTrunk(nn.Module):
    """A network without its classifier: (n, 3, input_size, input_size) to (n, features, height, width), all float32.

    Those of a package give a map of features, which `Backbone` averages as their own last layer does, but in 32 bits
    whatever the precision; the others give one position.
    """

    def __init__(self, architecture: Architecture) -> None:
        """Build it with random weights.

        Raises:
            ParamsError: the library has no network of that name, or it does not take images of that size.
        """
        super().__init__()
        self._side = architecture.input_size
        self._gives_maps = architecture.backbone in PACKAGED
        try:
            self.network = _network(architecture)
            with torch.no_grad():
                self.network.eval()
                self.feature_dim = int(self(torch.zeros(1, 3, self._side, self._side)).shape[1])
        except ParamsError:
            raise
        except Exception as error:  # whatever foreign code raises
            raise _does_not_take(architecture, error) from None
        self.network.train()

    def forward(self, images: Tensor) -> Tensor:
        """Return the features of normalised images."""
        if self._gives_maps:
            return self.network.forward_features(images)  # type: ignore[no-any-return, operator]
        return self.network(images).flatten(1)[:, :, None, None]  # type: ignore[no-any-return]

    def for_inference(self) -> nn.Module:
        """Return what computes the same, of layers that `InferenceNetwork`, which copies it, can make faster."""
        return in_plain_layers(self, self._side)


def with_own_normalisation(architecture: Architecture) -> Architecture:
    """Return an architecture with the mean and the deviation of colours that its network was made for."""
    library, _, name = architecture.backbone.partition("/")
    if architecture.is_clip:
        mean, std = clip.normalisation(architecture.backbone)
        return replace(architecture, mean=mean, std=std)
    if library != "timm":
        return architecture
    _require_timm_name(name)
    config = timm.get_pretrained_cfg(name)
    if config is None:
        return architecture
    return replace(architecture, mean=_three(config.mean), std=_three(config.std))


def pretrained_weights(architecture: Architecture) -> Mapping[str, Tensor]:
    """Fetch the weights of a trunk, or find them in the library's cache.

    Returns:
        By the names that `ForeignTrunk` gives them; beside them, those of a text tower.

    Raises:
        ParamsError: there are none for this network and this size of images, or they cannot be fetched.
    """
    library, _, name = architecture.backbone.partition("/")
    if architecture.backbone in PACKAGED:
        path = weights_file(architecture.backbone)
        return weights_of_file(architecture, read_tensors(path, "train.pretrained"), path)
    try:
        if architecture.is_clip:
            return weights_of_file(architecture, clip.fetched_weights(architecture), Path(architecture.backbone))
        weights = _timm_weights(architecture) if library == "timm" else _torchvision_weights(name)
    except CurationError:
        raise
    except Exception as error:  # no network, no such file, no space: each library has its own errors
        cache = f"{torch.hub.get_dir()}/checkpoints" if library == "torchvision" else "the Hugging Face cache (HF_HOME)"
        reason = " ".join(str(error).split()) or type(error).__name__
        raise ParamsError(
            f"train.pretrained: the weights of {architecture.backbone} cannot be fetched ({reason[:200]}). Bring a "
            "file with them and name it in train.weights (docs/guides/models.md says where to get it); or run it "
            f"once where there is a network, and copy {cache}"
        ) from None
    own = _network(architecture).state_dict()
    fitting = {name: value for name, value in weights.items() if name in own and own[name].shape == value.shape}
    if set(own) - set(fitting):
        raise ParamsError(
            f"train.pretrained: the weights of {architecture.backbone} are not for images of train.input_size: "
            f"{architecture.input_size}; 224 is the usual size"
        )
    return {f"network.{name}": value for name, value in fitting.items()}


def weights_of_file(architecture: Architecture, tensors: Mapping[str, Tensor], path: Path) -> Mapping[str, Tensor]:
    """Find the weights of a trunk among those of a file.

    Args:
        architecture: of the network.
        tensors: of the file, as torchvision, timm, transformers, open_clip or the authors of the network distribute
            them.
        path: the file, for messages.

    Returns:
        By the names that `ForeignTrunk` gives them; beside them, those of a text tower.

    Raises:
        CheckpointError: other weights than those of the classifier lack, are unknown, or have other shapes.
    """
    if architecture.is_clip:
        found = clip.weights_of_towers(architecture, tensors, path)
        return {name if name.startswith(clip.TEXT_TOWER) else f"network.{name}": found[name] for name in found}
    network = _network(architecture)
    own = network.state_dict()
    if architecture.backbone in PACKAGED:
        tensors = timm_names(tensors, [len(stage) for stage in network.get_submodule("blocks").children()])  # type: ignore[arg-type]
    tensors = in_sequence(without_prefixes(tensors, own), [name for name, _ in network.named_children()], own)
    if architecture.backbone.startswith("timm/"):
        tensors = as_timm_has_them(tensors, network)
    fitting = require_fit(tensors, own, _CLASSIFIERS, architecture.backbone, path)
    return {f"network.{name}": value for name, value in fitting.items()}


def _three(values: Sequence[float]) -> tuple[float, float, float]:
    red, green, blue = (float(value) for value in values)
    return red, green, blue


def _network(architecture: Architecture) -> nn.Module:
    """Build a network without its classifier, with random weights."""
    library, _, name = architecture.backbone.partition("/")
    if library in PACKAGED:
        return _of_timm(PACKAGED[library].timm_name, architecture.input_size, pretrained=False)
    if architecture.is_clip:
        return clip.image_tower(architecture)
    if library == "timm":
        _require_timm_name(name)
        return _of_timm(name, architecture.input_size, pretrained=False)
    known = torchvision.models.list_models(module=torchvision.models)
    _require_name(name, [each for each in known if each == name and each not in _UNFIT], known, architecture.backbone)
    try:
        network: nn.Module = torchvision.models.get_model(name, weights=None, image_size=architecture.input_size)
    except (TypeError, ValueError):  # most networks take images of any size
        network = torchvision.models.get_model(name, weights=None)
    for attribute in _CLASSIFIERS:
        if hasattr(network, attribute):
            setattr(network, attribute, nn.Identity())
    return network


def _of_timm(name: str, side: int, *, pretrained: bool) -> nn.Module:
    options: dict[str, Any] = {"pretrained": pretrained, "num_classes": 0}
    try:
        network: nn.Module = timm.create_model(name, img_size=side, **options)
    except TypeError:  # it takes images of any size
        network = timm.create_model(name, **options)
    return network


def _timm_weights(architecture: Architecture) -> Mapping[str, Tensor]:
    name = architecture.backbone.partition("/")[2]
    _require_timm_name(name)
    return _of_timm(name, architecture.input_size, pretrained=True).state_dict()


def _torchvision_weights(name: str) -> Mapping[str, Tensor]:
    weights = torchvision.models.get_model_weights(name).DEFAULT
    loaded: Mapping[str, Tensor] = weights.get_state_dict(progress=False, check_hash=True)
    return loaded


def _require_timm_name(name: str) -> None:
    network, _, tag = name.partition(".")
    _require_name(name, timm.list_models(network), timm.list_models(), f"timm/{name}")
    if tag:  # which of several pretrained weights
        tagged = timm.list_models(f"{network}.*", include_tags=True)
        _require_name(name, [each for each in tagged if each == name], tagged, f"timm/{name}")


def _require_name(name: str, found: list[str], known: list[str], backbone: str) -> None:
    if found:
        return
    like = ", ".join(difflib.get_close_matches(name, known, 3, 0.4))
    raise ParamsError(
        f"train.backbone: {backbone} is not a network that can be trained here{f'; there are {like}' if like else ''}"
    )


def _does_not_take(architecture: Architecture, error: Exception) -> ParamsError:
    reason = " ".join(str(error).split())[:200] or type(error).__name__
    return ParamsError(
        f"train.backbone: {architecture.backbone} does not take images of train.input_size: {architecture.input_size} "
        f"({reason}); 224 suits most networks"
    )
