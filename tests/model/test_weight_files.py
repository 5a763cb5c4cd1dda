"""Files of weights for a backbone to begin with, as other programs write them."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
import safetensors.torch
import timm
import torch
import torchvision
from torch import Tensor, nn

from curation.core.errors import CheckpointError
from curation.core.hashing import sha256_of_file
from curation.datapool.store import CHECKPOINT, write_empty_datapool
from curation.model.architecture import Architecture
from curation.model.checkpoint import read_origin
from curation.model.training.fit import given_weights, initial_model
from curation.model.training.method import network_weights
from curation.model.weights import load_checkpoint, save_checkpoint
from curation.params.schema import Params
from curation.pipeline import paths
from stages.train import run as train
from tests.model_data import ARCHITECTURE, SETTINGS, write_clean
from tests.test_train import params

RESNET = Architecture.of("torchvision/resnet18", 8, 16, 32)
Layout = Callable[[nn.Module, Path], object]


def resnet() -> nn.Module:
    torch.manual_seed(5)
    network: nn.Module = torchvision.models.resnet18(weights=None)
    return network


def prefixed(prefix: str, network: nn.Module, **more: Tensor) -> dict[str, Tensor]:
    return {prefix + name: value for name, value in network.state_dict().items()} | more


LAYOUTS: Mapping[str, Layout] = {
    "plain.pth": lambda network, path: torch.save(network.state_dict(), path),
    "plain.safetensors": lambda network, path: safetensors.torch.save_file(network.state_dict(), path),
    "parallel.pt": lambda network, path: torch.save(prefixed("module.", network), path),
    "lightning.ckpt": lambda network, path: torch.save(
        {"epoch": 3, "state_dict": prefixed("model.backbone.", network, **{"model.head.0.weight": torch.ones(2)})}, path
    ),
    "dino.pth": lambda network, path: torch.save(
        {"student": {}, "teacher": prefixed("backbone.", network, **{"head.mlp.0.weight": torch.ones(2)})}, path
    ),
    "sequential.ckpt": lambda network, path: torch.save(
        {"state_dict": prefixed("backbone.", nn.Sequential(*list(network.children())[:-1]))}, path
    ),
    "without_counters.pth": lambda network, path: torch.save(
        {name: value for name, value in network.state_dict().items() if "num_batches" not in name}, path
    ),
}


@pytest.mark.thorough
@pytest.mark.parametrize("name", LAYOUTS)
def test_weights_are_found_in_what_others_write(tmp_path: Path, name: str) -> None:
    network, path = resnet(), tmp_path / name
    LAYOUTS[name](network, path)
    found = given_weights(RESNET, str(path))
    expected = {f"network.{key}": value for key, value in network.state_dict().items() if not key.startswith("fc.")}
    assert found.keys() == expected.keys()
    assert all(found[key].equal(value) for key, value in expected.items())


def test_timm_fits_positions_to_the_size_of_the_images(tmp_path: Path) -> None:
    torch.manual_seed(5)
    network = timm.create_model("vit_tiny_patch16_224", img_size=64)
    half = {name: value.half() for name, value in network.state_dict().items()}
    torch.save({"model": half}, tmp_path / "vit.pth")
    found = given_weights(Architecture.of("timm/vit_tiny_patch16_224", 8, 16, 32), str(tmp_path / "vit.pth"))
    assert found["network.pos_embed"].shape == (1, 5, 192)
    assert found["network.blocks.3.mlp.fc1.weight"].equal(half["blocks.3.mlp.fc1.weight"].float())


def test_lightly_s_networks_begin_with_checkpoints(tmp_path: Path) -> None:
    model = initial_model(ARCHITECTURE, SETTINGS)
    save_checkpoint(tmp_path / "a.ckpt", ARCHITECTURE, network_weights(model))
    found = given_weights(ARCHITECTURE, str(tmp_path / "a.ckpt"))
    own = model.backbone.state_dict()
    assert found.keys() == {name for name in own if not name.startswith("7.")}
    assert all(value.equal(own[name]) for name, value in found.items())
    with pytest.raises(CheckpointError, match=r"train\.backbone resnet-18 against resnet-9x0\.25 in the file"):
        given_weights(Architecture.of("resnet-18", 8, 16, 32), str(tmp_path / "a.ckpt"))


def test_what_does_not_fit_is_named(tmp_path: Path) -> None:
    path, weights = tmp_path / "a.pth", resnet().state_dict()
    weights["extra.weight"] = weights.pop("bn1.bias")
    weights["conv1.weight"] = torch.ones(64, 3, 3, 3)
    torch.save(weights, path)
    with pytest.raises(CheckpointError, match=r"a\.pth does not fit train\.backbone: torchvision/resnet18") as error:
        given_weights(RESNET, str(path))
    assert "it lacks bn1.bias; it has unknown weights extra.weight; shapes differ: conv1.weight (64, 3, 3, 3)" in str(
        error.value.message
    )
    torch.save(timm.create_model("vit_tiny_patch16_224", img_size=32).state_dict(), path)
    with pytest.raises(CheckpointError, match=r"and \d+ more"):
        given_weights(RESNET, str(path))


@pytest.mark.parametrize("name", ["a.pth", "a.safetensors"])
@pytest.mark.parametrize("content", [b"", b"no weights", b"\x80\x02cos\nsystem\n."])
def test_damaged_files_are_told(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(CheckpointError, match=rf"train\.weights: .*{name} is damaged"):
        given_weights(RESNET, str(tmp_path / name))


def test_files_without_weights_are_told(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"there is no file .*nowhere\.pth"):
        given_weights(RESNET, str(tmp_path / "nowhere.pth"))
    torch.save({"epoch": 1}, tmp_path / "a.pth")
    with pytest.raises(CheckpointError, match="holds no weights by name"):
        given_weights(RESNET, str(tmp_path / "a.pth"))


@pytest.fixture
def given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A workspace with 12 samples, an empty base, and a file of weights that this iteration was decided on."""
    monkeypatch.chdir(tmp_path)
    write_clean(tmp_path, 12)
    write_empty_datapool(paths.BASE)
    torch.save(resnet().state_dict(), "given.pth")
    paths.GIVEN_WEIGHTS.write_text(sha256_of_file(Path("given.pth")) + "\n")
    return Path("given.pth")


def with_weights(**changes: object) -> Params:
    return params(**{"backbone": "torchvision/resnet18", "weights": "given.pth", "max_steps": 1, **changes})


@pytest.mark.thorough
def test_the_stage_begins_with_given_weights(given: Path) -> None:
    line = train(with_weights(enabled=False))
    assert line.startswith("torchvision/resnet18 from the weights of given.pth taken without training, fitted to 12")
    saved = load_checkpoint(paths.CHECKPOINT)[1]
    assert saved["backbone.0.network.layer4.1.conv2.weight"].equal(resnet().state_dict()["layer4.1.conv2.weight"])
    assert read_origin(paths.CHECKPOINT) == sha256_of_file(given)
    assert "by simclr from the weights of given.pth on 12 samples: 1 step" in train(with_weights())


@pytest.mark.thorough
def test_a_datapool_knows_the_weights_it_began_with(given: Path) -> None:
    train(with_weights(enabled=False))
    (paths.BASE / CHECKPOINT).write_bytes(paths.CHECKPOINT.read_bytes())
    given.unlink()  # the checkpoint holds them
    assert "checkpoint" in train(with_weights())
    assert "from the weights of the base" in train(with_weights(retrain=True))
    assert read_origin(paths.CHECKPOINT) == paths.GIVEN_WEIGHTS.read_text().strip()
    with pytest.raises(CheckpointError, match=r"train\.weights: there is no file given\.pth"):
        train(with_weights(retrain=True, embedding_dim=7))
    torch.save({name: value * 2 for name, value in resnet().state_dict().items()}, given)
    with pytest.raises(CheckpointError, match=r"has changed since this run began"):
        train(with_weights(retrain=True, embedding_dim=7))
    paths.GIVEN_WEIGHTS.write_text(sha256_of_file(given) + "\n")
    with pytest.raises(CheckpointError, match=r"did not begin with the weights of given\.pth"):
        train(with_weights())
    assert "from the weights of given.pth on 12 samples" in train(with_weights(retrain=True))
    assert read_origin(paths.CHECKPOINT) == sha256_of_file(given)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"weights": None, "pretrained": True, "backbone": "resnet-9"}, "there are no weights for resnet-9"),
        ({"weights": None, "enabled": False}, "needs weights from elsewhere"),
        ({"checkpoint": "a.ckpt"}, "set one of them only"),
        ({"backbone": "resnet-18x0.33"}, "must be a whole number"),
        ({"backbone": "resnet-18x0"}, "must be a whole number"),
        ({"devices": 0}, "devices"),
        ({"devices": "all"}, "devices"),
        ({"precision": "16"}, "precision"),
    ],
)
def test_params_that_cannot_be(changes: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        with_weights(**changes)
