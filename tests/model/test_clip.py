"""CLIP and SigLIP of open_clip as backbones: trained, embedded and fetched like others, with their text towers kept."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import open_clip
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from curation.core.atomic import link_or_copy
from curation.core.errors import CheckpointError, ParamsError
from curation.core.hashing import sha256_of_file
from curation.datapool.store import CHECKPOINT, write_empty_datapool
from curation.image.proxies import ProxyReader
from curation.model.architecture import Architecture
from curation.model.embedding import embed_proxies, load_backbone
from curation.model.networks import clip
from curation.model.networks.foreign import ForeignTrunk, pretrained_weights, with_own_normalisation
from curation.model.training.fit import fit_projection, initial_model, train_model
from curation.model.training.method import network_weights
from curation.model.weights import load_checkpoint, save_checkpoint
from curation.params.train import TrainParams
from curation.pipeline import paths
from stages.train import run as train
from tests.clip_models import list_tiny_models, random_model
from tests.model_data import SETTINGS, write_clean
from tests.test_train import params

SIDES = {"tiny-timm": 160}
"""Pixels of the images that a network takes; of the others 32."""


@pytest.fixture(autouse=True)
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    list_tiny_models()
    return tmp_path


def of(backbone: str, size: int = 0) -> Architecture:
    return Architecture.of(f"open_clip/{backbone}", 8, 16, size or SIDES.get(backbone, 32))


def saved(name: str, model: Any, old_names: bool = False) -> str:
    """Write a file of both towers and return its path."""
    weights = {key: value.clone() for key, value in model.state_dict().items()}
    if old_names:
        # What OpenAI's file has besides weights, in its precision.
        weights = {key: value.half() for key, value in weights.items()}
        weights |= {"context_length": torch.tensor(16), "input_resolution": torch.tensor(32)}
    save_file(weights, name) if name.endswith("safetensors") else torch.save(weights, name)
    return name


# ---- the image tower


@pytest.mark.thorough
@pytest.mark.parametrize("name", ["tiny", "tiny-timm", "tiny-resnet", "tiny-coca"])
def test_image_towers_train_and_embed(workspace: Path, name: str) -> None:
    members, source = write_clean(workspace, 12), ProxyReader(paths.PROXIES)
    model = initial_model(of(name), SETTINGS)
    begun = {key: value.clone() for key, value in network_weights(model).items()}
    assert len(train_model(model, of(name), source, members, replace(SETTINGS, epochs=1))) == 3
    assert fit_projection(model, of(name), source, members) is not None
    trained = network_weights(model)
    assert sum(not trained[key].equal(value) for key, value in begun.items()) > len(begun) / 2
    save_checkpoint(Path("a.ckpt"), of(name), trained)
    one, alone, bf16 = (
        embed_proxies(source, some, Path("a.ckpt"), batch_size=4, accelerator="cpu", precision=precision)
        for some, precision in ((members, "fp32"), (members[5:6], "fp32"), (members, "bf16"))
    )
    np.testing.assert_array_equal(one[5:6], alone)
    assert (one * bf16).sum(axis=1).mean() > 0.9


@pytest.mark.parametrize("name", ["tiny", "tiny-timm", "tiny-resnet"])
@pytest.mark.parametrize("file", ["both.pt", "both.safetensors"])
def test_both_towers_of_a_file_give_the_features_of_open_clip(name: str, file: str) -> None:
    model = random_model(name)
    path, side = saved(file, model), of(name).input_size
    start = initial_model(of(name), replace(SETTINGS, weights=path))
    images = torch.rand(3, 3, side, side, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        expected = model.encode_image(images, normalize=True)
        torch.testing.assert_close(start.backbone.eval().features(images), expected, rtol=1e-4, atol=1e-5)
        tower = clip.text_tower(f"open_clip/{name}")
        tower.load_state_dict(start.text_tower)
        tokens = clip.tokens_of(f"open_clip/{name}", "a cyclist at night")
        found = clip.encoded(tower.eval(), tokens)
        torch.testing.assert_close(found, model.encode_text(tokens, normalize=True), rtol=1e-4, atol=1e-5)
    assert tokens.shape == (1, 16)


def test_openais_own_layout_is_read_in_32_bits() -> None:
    model = random_model("tiny")
    start = initial_model(of("tiny"), replace(SETTINGS, weights=saved("openai.pt", model, old_names=True)))
    assert start.text_tower["token_embedding.weight"].dtype is torch.float32
    torch.testing.assert_close(start.text_tower["ln_final.weight"], model.ln_final.weight.detach())


def test_a_file_of_the_image_tower_alone_and_one_of_another_network() -> None:
    images = {name: value for name, value in random_model("tiny").state_dict().items() if name.startswith("visual.")}
    torch.save(images, "images.pt")
    assert not initial_model(of("tiny"), replace(SETTINGS, weights="images.pt")).text_tower
    with pytest.raises(CheckpointError, match=r"images\.pt does not fit train\.backbone: open_clip/tiny-resnet"):
        initial_model(of("tiny-resnet"), replace(SETTINGS, weights="images.pt"))
    texts = {f"transformer.{name}": value for name, value in images.items()}
    torch.save(images | texts, "strange.pt")
    with pytest.raises(CheckpointError, match=r"it lacks text\.ln_final\.bias"):
        initial_model(of("tiny"), replace(SETTINGS, weights="strange.pt"))


def test_text_towers_of_transformers_are_left_out() -> None:
    model = random_model("tiny")
    path = saved("both.pt", model)
    assert not initial_model(of("tiny-foreign-text"), replace(SETTINGS, weights=path)).text_tower


@pytest.mark.parametrize(
    ("backbone", "size", "said"),
    [
        ("ViT-B-23", 224, "open_clip has no network ViT-B-23; there are ViT-B-32"),
        ("ViT-B-32@laion3b", 224, "open_clip has no weights laion3b for ViT-B-32; there are openai"),
        ("tiny@laion2b", 32, "there are none: name a file"),
        ("ViT-B-32", 64, "takes images of 224 pixels: set train.input_size: 224"),
        ("tiny-wide", 32, "takes images of 64 x 32 pixels"),
    ],
)
def test_networks_that_cannot_be_had_are_named(backbone: str, size: int, said: str) -> None:
    with pytest.raises(ParamsError) as error:
        ForeignTrunk(of(backbone, size))
    assert said in error.value.message


def test_without_open_clip_the_message_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "open_clip", None)
    with pytest.raises(ParamsError, match=r"pip install 'open_clip_torch>=3\.3'"):
        ForeignTrunk(of("ViT-B-32", 224))


# ---- pretrained weights


@pytest.mark.parametrize(
    ("backbone", "tag", "is_quick"),
    [
        ("ViT-B-32", "datacomp_xl_s13b_b90k", False),
        ("ViT-B-32@openai", "openai", True),
        ("ViT-B-32-quickgelu", "laion400m_e31", True),
        ("ViT-B-16-SigLIP", "webli", False),
        ("ViT-H-14", "laion2b_s32b_b79k", False),
    ],
)
def test_which_weights_are_fetched(backbone: str, tag: str, is_quick: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[object, ...]] = []

    def create_model(name: str, pretrained: str, *, force_quick_gelu: bool, weights_only: bool) -> Any:
        assert weights_only
        asked.append((name, pretrained, force_quick_gelu))
        return torch.nn.Linear(1, 1)

    monkeypatch.setattr(open_clip, "create_model", create_model)
    assert set(clip.fetched_weights(of(backbone, 224))) == {"weight", "bias"}
    assert asked == [(backbone.partition("@")[0], tag, is_quick)]


def test_weights_of_unknown_licence_must_be_named() -> None:
    with pytest.raises(ParamsError, match=r"open_clip/RN50@TAG; TAG is one of openai, yfcc15m, cc12m"):
        pretrained_weights(of("RN50", 224))
    with pytest.raises(ParamsError, match=r"open_clip has no weights for open_clip/tiny: name a file"):
        pretrained_weights(of("tiny"))


def test_weights_that_cannot_be_fetched_name_the_ways_on(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("Failed to download weights for tag 'webli'")

    monkeypatch.setattr(open_clip, "create_model", fail)
    with pytest.raises(ParamsError, match=r"ViT-B-16-SigLIP cannot be fetched \(Failed to download .*\(HF_HOME\)"):
        pretrained_weights(of("ViT-B-16-SigLIP", 224))


def test_normalisation_is_the_networks_own() -> None:
    assert with_own_normalisation(of("ViT-B-16-SigLIP", 224)).mean == (0.5, 0.5, 0.5)
    assert with_own_normalisation(of("ViT-B-32", 224)).std == pytest.approx((0.26862954, 0.26130258, 0.27577711))
    assert with_own_normalisation(of("tiny")).mean == pytest.approx((0.48145466, 0.4578275, 0.40821073))


@pytest.mark.parametrize("backbone", ["open_clip/", "open_clip/ViT-B-32@", "open_clip/a/b", "open_clip/hf-hub:a"])
def test_names_that_no_network_can_have(backbone: str) -> None:
    with pytest.raises(ValueError, match="backbone"):
        TrainParams.model_validate(params().train.model_dump() | {"backbone": backbone})


# ---- the text tower in checkpoints


def text_of_checkpoint(path: Path) -> dict[str, Tensor]:
    return {name: value for name, value in load_checkpoint(path)[1].items() if name.startswith("text.")}


def test_the_text_tower_is_kept_until_the_images_are_trained(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = random_model("tiny")
    monkeypatch.setattr(clip, "fetched_weights", lambda architecture: model.state_dict())
    write_clean(workspace, 12)
    write_empty_datapool(paths.BASE)
    changes: dict[str, Any] = {"backbone": "open_clip/tiny", "pretrained": True}
    assert "from pretrained weights taken without training" in train(params(**changes, enabled=False))
    kept = text_of_checkpoint(paths.CHECKPOINT)
    assert kept["text.text_projection"].equal(model.text_projection.detach())
    load_backbone(paths.CHECKPOINT)
    link_or_copy(paths.CHECKPOINT, paths.BASE / CHECKPOINT)
    monkeypatch.setattr(clip, "fetched_weights", None)  # the base has the weights: nothing is fetched again
    assert "from the weights of the base" in train(params(**changes, enabled=False, retrain=True))
    again = text_of_checkpoint(paths.CHECKPOINT)
    assert again.keys() == kept.keys()
    assert all(again[name].equal(kept[name]) for name in kept)
    assert "trained open_clip/tiny by simclr" in train(params(**changes, enabled=True, retrain=True, max_steps=1))
    assert not text_of_checkpoint(paths.CHECKPOINT)


def test_a_file_of_weights_that_changed_is_refused(workspace: Path) -> None:
    write_clean(workspace, 12)
    write_empty_datapool(paths.BASE)
    path = saved("both.pt", random_model("tiny"))
    paths.GIVEN_WEIGHTS.write_text(sha256_of_file(Path(path)))
    given = params(backbone="open_clip/tiny", pretrained=False, weights=path, enabled=False)
    assert f"from the weights of {path} taken without training" in train(given)
    assert text_of_checkpoint(paths.CHECKPOINT)


# ---- texts


def test_a_tokenizer_that_cannot_be_had(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(ParamsError, match=r"tokenizer of open_clip/ViT-B-16-SigLIP .* timm/ViT-B-16-SigLIP: run it"):
        clip.tokens_of("open_clip/ViT-B-16-SigLIP", "a cat")
