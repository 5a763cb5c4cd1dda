"""Checkpoints of lightly: taken as they are, and embedding as lightly does."""

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from lightly.embedding import SelfSupervisedEmbedding
from lightly.models.modules.heads import SimCLRProjectionHead
from lightly.models.resnet import ResNetGenerator
from torch import Tensor, nn
from torchvision import transforms

from curation.core.atomic import link_or_copy
from curation.core.errors import CheckpointError
from curation.core.hashing import sha256_of_file
from curation.datapool.store import CHECKPOINT, write_empty_datapool
from curation.image.proxies import ProxyReader
from curation.model.architecture import IMAGENET_MEAN, IMAGENET_STD, Architecture
from curation.model.checkpoint import read_origin
from curation.model.embedding import embed_proxies, unit_length
from curation.model.networks.lightly_checkpoint import converted
from curation.model.networks.weight_files import read_tensors
from curation.pipeline import paths
from stages.base import holds
from stages.train import run as train
from tests.model_data import write_clean
from tests.test_train import params

GIVEN = Path("given.ckpt")


class Model(nn.Module):
    """The class that `lightly.cli` calls `_SimCLR`."""

    def __init__(self, backbone: nn.Module) -> None:
        super().__init__()
        self.backbone = backbone
        self.projection_head = SimCLRProjectionHead(8, 8, 16, batch_norm=False)


def layers_of(name: str, width: float) -> list[nn.Module]:
    torch.manual_seed(3)
    return list(ResNetGenerator(name, width).children())[:-1]


def of_command(name: str, width: float) -> nn.Sequential:
    """Build the backbone as `lightly.cli.train_cli` does."""
    channels = int(512 * width) * (4 if name == "resnet-50" else 1)
    return nn.Sequential(nn.BatchNorm2d(3), *layers_of(name, width), nn.Conv2d(channels, 8, 1), nn.AdaptiveAvgPool2d(1))


def of_examples(name: str, width: float) -> nn.Sequential:
    """Build the backbone as lightly's examples do."""
    return nn.Sequential(*layers_of(name, width), nn.AdaptiveAvgPool2d(1))


def seen(backbone: nn.Module) -> nn.Module:
    """Let batch norms have seen images, as after a training."""
    backbone.train()
    with torch.no_grad():
        for _ in range(3):
            backbone(torch.randn(4, 3, 32, 32) + 0.3)
    return backbone.eval()


def save(backbone: nn.Module, path: Path = GIVEN, **more: Any) -> Mapping[str, Tensor]:
    """Write a checkpoint as Lightning does for lightly."""
    encoder = SelfSupervisedEmbedding(Model(backbone), None, None, None)
    state: Mapping[str, Tensor] = encoder.state_dict()
    torch.save({"epoch": 1, "pytorch-lightning_version": "2.6.6", "state_dict": state, **more}, path)
    return state


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("build", "name", "width", "backbone", "dimension"),
    [
        (of_command, "resnet-9", 1, "resnet-9", 8),
        (of_command, "resnet-18", 0.25, "resnet-18x0.25", 8),
        (of_command, "resnet-50", 0.125, "resnet-50x0.125", 8),
        (of_examples, "resnet-9", 0.125, "resnet-9x0.125", 64),
    ],
)
def test_embeddings_are_those_of_lightly(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    build: Any,
    name: str,
    width: float,
    backbone: str,
    dimension: int,
) -> None:
    monkeypatch.chdir(tmp_path)
    members, source = write_clean(tmp_path, 6), ProxyReader(paths.PROXIES)
    write_empty_datapool(paths.BASE)
    encoder = seen(build(name, width))
    save(encoder)
    link_or_copy(GIVEN, paths.BASE / CHECKPOINT)
    settings = params(checkpoint=str(GIVEN), backbone=backbone, embedding_dim=dimension, input_size=64)
    assert train(settings) == f"checkpoint given.ckpt of lightly used: {backbone}, {dimension} values"
    assert paths.LOSS.read_text() == "step,epoch,loss\n"
    ours = embed_proxies(source, members, paths.CHECKPOINT, batch_size=4, accelerator="cpu")
    transform = transforms.Compose(  # of `lightly.cli.embed_cli`
        [transforms.Resize((64, 64)), transforms.ToTensor(), transforms.Normalize(IMAGENET_MEAN, IMAGENET_STD)]
    )
    with torch.no_grad():
        theirs = encoder(torch.stack([transform(source.image(*member)) for member in members])).reshape(6, -1)
    np.testing.assert_allclose(ours, unit_length(theirs.numpy()), atol=2e-5)
    assert np.linalg.matrix_rank(ours - ours.mean(axis=0), tol=1e-4) > 1
    given = sha256_of_file(GIVEN)
    assert read_origin(paths.CHECKPOINT) == given
    (paths.BASE / CHECKPOINT).unlink()
    link_or_copy(paths.CHECKPOINT, paths.BASE / CHECKPOINT)  # as in the datapool that the next iteration builds on
    assert holds(paths.BASE, given)
    assert not holds(paths.BASE, "0" * 64)
    assert train(settings) == "checkpoint given.ckpt used"


def test_parameters_must_describe_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_empty_datapool(paths.BASE)
    save(of_command("resnet-9", 0.125), paths.BASE / CHECKPOINT)
    with pytest.raises(CheckpointError, match=r"train\.backbone resnet-9x0\.25 against resnet-9x0\.125"):
        train(params(checkpoint="given.ckpt"))


def test_names_of_former_versions_are_known(tmp_path: Path) -> None:
    state = save(of_command("resnet-9", 0.125), tmp_path / "new.ckpt")
    old = {name.replace("backbone", "features").replace("head.layers", "head"): value for name, value in state.items()}
    wanted = Architecture.of("resnet-18", 32, 16, 64)
    new = converted(read_tensors(tmp_path / "new.ckpt", "x"), wanted, Path("new.ckpt"))
    architecture, weights = converted(old, wanted, Path("old.ckpt"))
    assert architecture == new[0]
    assert (architecture.input_size, architecture.projection_dim, architecture.stem_stride) == (64, 16, 1)
    assert weights.keys() == new[1].keys()


def test_objects_are_not_unpickled(tmp_path: Path) -> None:
    save(of_command("resnet-9", 0.125), tmp_path / "a.ckpt", hyper_parameters=argparse.Namespace(lr=1))
    with pytest.raises(CheckpointError, match=r"a\.ckpt is damaged, or holds objects .* keep its weights alone"):
        read_tensors(tmp_path / "a.ckpt", "train.checkpoint")


def test_other_networks_are_refused(tmp_path: Path) -> None:
    wanted = Architecture.of("resnet-18", 32, 16, 64)
    whole = ResNetGenerator("resnet-9", 0.125).state_dict()
    truncated = {name: value for name, value in of_command("resnet-9", 0.125).state_dict().items() if "bn2" not in name}
    for tensors in (whole, truncated, {"0.weight": torch.ones(3)}, {"a": torch.ones(1)}):
        with pytest.raises(CheckpointError, match=r"neither a checkpoint of this pipeline .* train\.weights"):
            converted(tensors, wanted, tmp_path / "a.ckpt")
