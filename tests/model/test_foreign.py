"""Networks of torchvision and timm: trained, embedded and fetched like those of lightly, without a network."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from curation.core.errors import ParamsError
from curation.datapool.store import CHECKPOINT, write_empty_datapool
from curation.image.proxies import ProxyReader
from curation.model.architecture import IMAGENET_MEAN, Architecture
from curation.model.embedding import embed_proxies
from curation.model.networks import foreign
from curation.model.training.fit import fit_projection, initial_model, train_model
from curation.model.training.method import network_weights
from curation.model.weights import load_checkpoint, save_checkpoint
from curation.params.train import TrainParams
from curation.pipeline import paths
from stages.train import run as train
from tests.model_data import SETTINGS, write_clean
from tests.test_train import params

SMALL = {"torchvision/resnet18": 32, "timm/vit_tiny_patch16_224": 32, "timm/resnet10t": 64}


@pytest.mark.thorough
@pytest.mark.parametrize("backbone", SMALL)
def test_foreign_networks_train_and_embed(tmp_path: Path, backbone: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    members, source = write_clean(tmp_path, 12), ProxyReader(paths.PROXIES)
    architecture = Architecture.of(backbone, 8, 16, SMALL[backbone])
    model = initial_model(architecture, SETTINGS)
    begun = {name: value.clone() for name, value in network_weights(model).items()}
    losses = train_model(model, architecture, source, members, replace(SETTINGS, epochs=1))
    assert len(losses) == 3
    assert fit_projection(model, architecture, source, members) is not None
    trained = network_weights(model)
    assert sum(not trained[name].equal(value) for name, value in begun.items()) > len(begun) / 2
    save_checkpoint(tmp_path / "a.ckpt", architecture, trained)
    assert load_checkpoint(tmp_path / "a.ckpt")[0] == architecture
    one, alone, bf16 = (
        embed_proxies(source, some, tmp_path / "a.ckpt", batch_size=4, accelerator="cpu", precision=precision)
        for some, precision in ((members, "fp32"), (members[5:6], "fp32"), (members, "bf16"))
    )
    assert one.shape == (12, 8)
    np.testing.assert_array_equal(one[5:6], alone)
    assert (one * bf16).sum(axis=1).mean() > 0.98


@pytest.mark.parametrize(
    ("backbone", "size", "said"),
    [
        ("torchvision/resnet51", 64, "there are resnet50"),
        ("timm/vit_smal_patch14_dinov2", 64, "there are vit_small_patch14"),
        ("torchvision/inception_v3", 96, "is not a network that can be trained here"),
        ("torchvision/vgg11", 224, ""),
        ("torchvision/vit_b_32", 40, "does not take images of train.input_size: 40"),
    ],
)
def test_networks_that_cannot_be_had_are_named(backbone: str, size: int, said: str) -> None:
    architecture = Architecture.of(backbone, 8, 16, size)
    if not said:
        assert foreign.ForeignTrunk(architecture).feature_dim == 512 * 7 * 7
        return
    with pytest.raises(ParamsError, match=r"train\.backbone") as error:
        foreign.ForeignTrunk(architecture)
    assert said in error.value.message


@pytest.mark.thorough
def test_pretrained_weights_are_taken_and_need_no_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given = initial_model(Architecture.of("torchvision/mobilenet_v3_small", 8, 16, 32), replace(SETTINGS, seed=9))
    name = "backbone.0.network."
    weights = {key.removeprefix(name): value for key, value in given.state_dict().items() if key.startswith(name)}
    fetched = {**weights, "classifier.3.weight": torch.zeros(1000, 1024)}
    monkeypatch.setattr(foreign, "_torchvision_weights", lambda name: fetched)
    monkeypatch.chdir(tmp_path)
    write_clean(tmp_path, 12)
    write_empty_datapool(paths.BASE)
    changes: dict[str, Any] = {"backbone": "torchvision/mobilenet_v3_small", "pretrained": True}
    line = train(params(**changes, enabled=False))
    assert "torchvision/mobilenet_v3_small from pretrained weights taken without training, fitted to 12 samples" in line
    saved = load_checkpoint(paths.CHECKPOINT)[1]
    assert all(saved[name + key].equal(value) for key, value in weights.items())
    assert "trained torchvision/mobilenet_v3_small by byol" in train(params(**changes, method="byol"))
    shutil.copy(paths.CHECKPOINT, paths.BASE / CHECKPOINT)
    moved = train(params(**changes, retrain=True, enabled=False, embedding_dim=7))
    assert "from pretrained weights (embedding_dim 7 against" in moved
    monkeypatch.setattr(foreign, "_torchvision_weights", None)  # the base has the weights: nothing is fetched again
    assert "from the weights of the base" in train(params(**changes, retrain=True, max_steps=1))


def test_weights_that_cannot_be_fetched_name_the_ways_on(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> dict[str, Tensor]:
        raise OSError("Name or service not known")

    monkeypatch.setattr(foreign, "_torchvision_weights", fail)
    monkeypatch.setattr(foreign, "_timm_weights", fail)
    for backbone, cache in (("torchvision/resnet18", "checkpoints"), ("timm/resnet18", "HF_HOME")):
        with pytest.raises(ParamsError, match=r"cannot be fetched \(Name or service not known\)") as error:
            foreign.pretrained_weights(Architecture.of(backbone, 8, 16, 32))
        assert cache in error.value.message
    monkeypatch.setattr(foreign, "_torchvision_weights", lambda name: {"conv1.weight": torch.zeros(1)})
    with pytest.raises(ParamsError, match="not for images of"):
        foreign.pretrained_weights(Architecture.of("torchvision/resnet18", 8, 16, 32))


def test_normalisation_is_the_networks_own() -> None:
    other = foreign.with_own_normalisation(Architecture.of("timm/inception_v3.tf_in1k", 8, 16, 96))
    assert other.mean == other.std == (0.5, 0.5, 0.5)
    assert foreign.with_own_normalisation(Architecture.of("torchvision/resnet18", 8, 16, 96)).mean == IMAGENET_MEAN


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"pretrained": True}, "there are no weights for resnet-9"),
        ({"enabled": False}, "needs weights from elsewhere"),
        ({"backbone": "resnet18"}, "backbone"),
        ({"backbone": "timm/../../x"}, "backbone"),
    ],
)
def test_params_that_contradict_each_other(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        TrainParams.model_validate(params().train.model_dump() | changes)
