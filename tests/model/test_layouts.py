"""Files of DINOv2, CLIP and SigLIP, as the programs write them that people have them from: names and numbers."""

import re
import shlex
import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import open_clip
import pytest
import safetensors.torch
import timm
import torch
from torch import Tensor, nn

from curation.core.errors import CheckpointError, ParamsError
from curation.model.architecture import Architecture
from curation.model.inference import InferenceNetwork
from curation.model.networks import foreign
from curation.model.networks.foreign import ForeignTrunk, with_own_normalisation
from curation.model.networks.layouts import of_transformers
from curation.model.training.fit import given_weights

Weights = Mapping[str, Tensor]

DINOV2 = "timm/vit_small_patch14_dinov2"
REGISTERS = "timm/vit_small_patch14_reg4_dinov2"
CLIP = "timm/vit_base_patch32_clip_quickgelu_224"
SIGLIP = "timm/vit_base_patch16_siglip_224"
WIDTH = 96
SMALL: dict[str, Any] = {"embed_dim": WIDTH, "depth": 2, "num_heads": 4}
TEXT = {"context_length": 8, "vocab_size": 32, "width": 32, "heads": 2, "layers": 1}


@pytest.fixture
def small_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let timm build its networks with two narrow blocks."""
    monkeypatch.setattr(timm, "create_model", partial(timm.create_model, **SMALL))


def randomised(network: nn.Module) -> nn.Module:
    """Give every weight a value that matters: ones and zeros of a fresh network would hide what is interchanged."""
    generator = torch.Generator().manual_seed(3)
    for weight in network.parameters():
        weight.data = torch.randn(weight.shape, generator=generator) * 0.05 + (0.5 if weight.ndim == 1 else 0)
    return network.eval()


def images(side: int = 224) -> Tensor:
    return torch.randn(2, 3, side, side, generator=torch.Generator().manual_seed(1))


@torch.no_grad()
def features_of_file(backbone: str, path: Path, side: int = 224) -> Tensor:
    """Return the features of a trunk with the weights of a file: (2, d)."""
    architecture = Architecture.of(backbone, 8, 16, side)
    trunk = ForeignTrunk(architecture).eval()
    trunk.load_state_dict(given_weights(architecture, str(path)))
    features: Tensor = trunk(images(side)).flatten(1)
    return features


@torch.no_grad()
def assert_features(backbone: str, path: Path, source: nn.Module, side: int = 224) -> None:
    expected = source(images(side))
    assert expected.std(dim=1).min() > 0.01
    torch.testing.assert_close(features_of_file(backbone, path, side), expected, rtol=1e-4, atol=1e-5)


def of_timm(backbone: str, **options: Any) -> nn.Module:
    network: nn.Module = timm.create_model(backbone.removeprefix("timm/"), num_classes=0, **options)
    return randomised(network)


def at_224(network: nn.Module, backbone: str) -> nn.Module:
    """Return timm's network for images of 224 pixels, with the weights of one for larger images, as timm loads them."""
    smaller = of_timm(backbone, img_size=224)
    fitted = timm.models.vision_transformer.checkpoint_filter_fn(dict(network.state_dict()), smaller)  # type: ignore[arg-type]
    smaller.load_state_dict(fitted)
    return smaller


def of_facebook(weights: Weights) -> dict[str, Tensor]:
    """Name DINOv2's weights as facebook does: with registers, the class token has a position of its own."""
    found = {**weights, "mask_token": torch.zeros(1, WIDTH)}
    if "reg_token" in found:
        token = torch.full((1, 1, WIDTH), 0.1)
        found["register_tokens"] = found.pop("reg_token")
        found["pos_embed"] = torch.cat([found["cls_token"] - token, found["pos_embed"]], dim=1)
        found["cls_token"] = token
    return found


DINOV2_OF_TRANSFORMERS = {
    "cls_token": "embeddings.cls_token",
    "mask_token": "embeddings.mask_token",
    "register_tokens": "embeddings.register_tokens",
    "pos_embed": "embeddings.position_embeddings",
    "patch_embed.proj": "embeddings.patch_embeddings.projection",
    "norm": "layernorm",
    "blocks.N.norm1": "encoder.layer.N.norm1",
    "blocks.N.norm2": "encoder.layer.N.norm2",
    "blocks.N.attn.q": "encoder.layer.N.attention.attention.query",
    "blocks.N.attn.k": "encoder.layer.N.attention.attention.key",
    "blocks.N.attn.v": "encoder.layer.N.attention.attention.value",
    "blocks.N.attn.proj": "encoder.layer.N.attention.output.dense",
    "blocks.N.ls1.gamma": "encoder.layer.N.layer_scale1.lambda1",
    "blocks.N.ls2.gamma": "encoder.layer.N.layer_scale2.lambda1",
    "blocks.N.mlp.fc1": "encoder.layer.N.mlp.fc1",
    "blocks.N.mlp.fc2": "encoder.layer.N.mlp.fc2",
}
VIT_OF_TRANSFORMERS = {
    **DINOV2_OF_TRANSFORMERS,
    "blocks.N.norm1": "encoder.layer.N.layernorm_before",
    "blocks.N.norm2": "encoder.layer.N.layernorm_after",
    "blocks.N.mlp.fc1": "encoder.layer.N.intermediate.dense",
    "blocks.N.mlp.fc2": "encoder.layer.N.output.dense",
}
CLIP_OF_TRANSFORMERS = {
    "cls_token": "embeddings.class_embedding",
    "pos_embed": "embeddings.position_embedding.weight",
    "patch_embed.proj": "embeddings.patch_embedding",
    "norm_pre": "pre_layrnorm",
    "norm": "post_layernorm",
    "blocks.N.norm1": "encoder.layers.N.layer_norm1",
    "blocks.N.norm2": "encoder.layers.N.layer_norm2",
    "blocks.N.attn.q": "encoder.layers.N.self_attn.q_proj",
    "blocks.N.attn.k": "encoder.layers.N.self_attn.k_proj",
    "blocks.N.attn.v": "encoder.layers.N.self_attn.v_proj",
    "blocks.N.attn.proj": "encoder.layers.N.self_attn.out_proj",
    "blocks.N.mlp.fc1": "encoder.layers.N.mlp.fc1",
    "blocks.N.mlp.fc2": "encoder.layers.N.mlp.fc2",
    "attn_pool.latent": "head.probe",
    "attn_pool.qkv": "head.attention.in_proj",
    "attn_pool.proj": "head.attention.out_proj",
    "attn_pool.norm": "head.layernorm",
    "attn_pool.mlp.fc1": "head.mlp.fc1",
    "attn_pool.mlp.fc2": "head.mlp.fc2",
}
"""By the names of timm, but for queries, keys and values: apart in the blocks, together in the attention that pools."""


def as_transformers(weights: Weights, names: Mapping[str, str], prefix: str = "") -> dict[str, Tensor]:
    """Name weights of timm as transformers does: `names` of layers, behind the `prefix` of a larger model."""
    parted: dict[str, Tensor] = {}
    for name, value in weights.items():
        if ".attn.qkv." in name:
            width = len(value) // 3
            for part, place in zip("qkv", (0, width, 2 * width), strict=True):
                parted[name.replace("qkv", part)] = value[place : place + width].clone()
        elif "attn_pool.q." in name:
            parted[name.replace(".q.", ".qkv.")] = torch.cat([value, weights[name.replace(".q.", ".kv.")]])
        elif "attn_pool.kv." not in name:
            parted[name] = value
    found = {}
    for name, value in parted.items():
        number = re.search(r"\.(\d+)\.", name)
        whole = re.sub(r"\.\d+\.", ".N.", name, count=1)
        layer, _, last = whole.rpartition(".")
        own = names.get(whole) or f"{names[layer]}{'_' if layer == 'attn_pool.qkv' else '.'}{last}"
        is_table = own.endswith("position_embedding.weight")
        shaped = value[0] if is_table else value.flatten() if own.endswith("class_embedding") else value
        found[prefix + own.replace("N", number[1] if number else "N", 1)] = shaped.contiguous()
    return found


@pytest.mark.usefixtures("small_networks")
@pytest.mark.parametrize("backbone", [DINOV2, REGISTERS])
def test_dinov2_of_facebook_timm_and_transformers(tmp_path: Path, backbone: str) -> None:
    network = of_timm(backbone)
    expected, weights = at_224(network, backbone), network.state_dict()
    facebook = of_facebook(weights)
    assert facebook["pos_embed"].shape == (1, 37 * 37 + 1, WIDTH)
    transformers = as_transformers(facebook, DINOV2_OF_TRANSFORMERS)
    assert "encoder.layer.1.attention.attention.query.weight" in transformers
    teacher = {f"backbone.{name}": value for name, value in facebook.items()} | {"dino_head.mlp.0.bias": torch.ones(2)}
    torch.save(facebook, tmp_path / "facebook.pth")
    torch.save({"teacher": teacher}, tmp_path / "training.pth")
    safetensors.torch.save_file(weights, tmp_path / "timm.safetensors")
    safetensors.torch.save_file(transformers, tmp_path / "transformers.safetensors")
    classifier = {f"dinov2.{name}": value for name, value in transformers.items()} | {"classifier.bias": torch.ones(2)}
    torch.save(classifier, tmp_path / "pytorch_model.bin")
    for name in ("facebook.pth", "training.pth", "timm.safetensors", "transformers.safetensors", "pytorch_model.bin"):
        assert_features(backbone, tmp_path / name, expected)


@pytest.mark.usefixtures("small_networks")
def test_vit_of_transformers(tmp_path: Path) -> None:
    network = of_timm("timm/vit_tiny_patch16_224", img_size=64)
    weights = as_transformers(network.state_dict(), VIT_OF_TRANSFORMERS, "vit.")
    weights |= {"vit.pooler.dense.weight": torch.ones(2, 2), "classifier.weight": torch.ones(2, 2)}
    torch.save(weights, tmp_path / "pytorch_model.bin")
    assert_features("timm/vit_tiny_patch16_224", tmp_path / "pytorch_model.bin", network, 64)


def open_clip_s(visual: Mapping[str, object], **options: str) -> nn.Module:
    kind = open_clip.CustomTextCLIP if options else open_clip.CLIP
    return randomised(kind(32, {"image_size": 224, **visual}, TEXT, quick_gelu=True))


@pytest.mark.usefixtures("small_networks")
def test_clip_of_open_clip_transformers_and_timm(tmp_path: Path) -> None:
    model = open_clip_s({"patch_size": 32, "width": WIDTH, "layers": 2, "head_width": WIDTH // 4})
    weights = model.state_dict()
    assert {"visual.class_embedding", "visual.proj", "transformer.resblocks.0.ln_1.bias", "text_projection"} <= set(
        weights
    )
    numbers = {"input_resolution": torch.tensor(224), "context_length": torch.tensor(8), "vocab_size": torch.tensor(32)}
    half = {name: value.half() for name, value in weights.items()}
    source: Any = model.get_submodule("visual")
    source.proj = None  # the features before they are projected to those of texts
    torch.save(weights, tmp_path / "open_clip_pytorch_model.bin")
    safetensors.torch.save_file(weights, tmp_path / "open_clip_model.safetensors")
    torch.save(
        {"epoch": 1, "state_dict": {f"module.{name}": value for name, value in weights.items()}}, tmp_path / "e.pt"
    )
    for name in ("open_clip_pytorch_model.bin", "open_clip_model.safetensors", "e.pt"):
        assert_features(CLIP, tmp_path / name, source)
    torch.save({**half, **numbers}, tmp_path / "openai.pth")  # as it lies in OpenAI's archive
    exact, found = source(images()), features_of_file(CLIP, tmp_path / "openai.pth")
    torch.testing.assert_close(found, exact, rtol=0.02, atol=0.02)
    network = of_timm(CLIP)
    network.load_state_dict(given := unprefixed(given_weights(at(CLIP), str(tmp_path / "e.pt"))))
    timm_s = {**given, "head.weight": torch.ones(32, WIDTH)}
    safetensors.torch.save_file(timm_s, tmp_path / "model.safetensors")
    transformers = as_transformers(given, CLIP_OF_TRANSFORMERS, "vision_model.")
    assert transformers["vision_model.embeddings.class_embedding"].shape == (WIDTH,)
    assert transformers["vision_model.embeddings.position_embedding.weight"].shape == (50, WIDTH)
    transformers["vision_model.embeddings.position_ids"] = torch.arange(50)[None]
    torch.save(transformers, tmp_path / "vision.bin")
    more = {
        "text_model.embeddings.token_embedding.weight": torch.ones(2, 2),
        "visual_projection.weight": torch.ones(2, 2),
    }
    torch.save({**transformers, **more, "logit_scale": torch.ones(())}, tmp_path / "whole.bin")
    for name in ("model.safetensors", "vision.bin", "whole.bin"):
        assert_features(CLIP, tmp_path / name, source)


def at(backbone: str, side: int = 224) -> Architecture:
    return Architecture.of(backbone, 8, 16, side)


def unprefixed(weights: Weights) -> dict[str, Tensor]:
    return {name.removeprefix("network."): value for name, value in weights.items()}


@pytest.mark.usefixtures("small_networks")
def test_siglip_of_open_clip_transformers_and_timm(tmp_path: Path) -> None:
    trunk = {"timm_model_name": SIGLIP.removeprefix("timm/"), "timm_pool": "map", "timm_proj": "none"}
    model = open_clip_s(trunk, text="custom")
    weights, source = model.state_dict(), model.get_submodule("visual")
    assert {"visual.trunk.attn_pool.latent", "visual.trunk.pos_embed", "logit_scale"} <= set(weights)
    torch.save(weights, tmp_path / "open_clip_pytorch_model.bin")
    safetensors.torch.save_file(weights, tmp_path / "open_clip_model.safetensors")
    own = source.get_submodule("trunk").state_dict()
    safetensors.torch.save_file(own, tmp_path / "model.safetensors")
    transformers = as_transformers(own, CLIP_OF_TRANSFORMERS, "vision_model.")
    assert transformers["vision_model.head.attention.in_proj_weight"].shape == (3 * WIDTH, WIDTH)
    assert "vision_model.encoder.layers.1.self_attn.k_proj.bias" in transformers
    transformers |= {"text_model.head.weight": torch.ones(2, 2), "logit_bias": torch.ones(1)}
    safetensors.torch.save_file(transformers, tmp_path / "transformers.safetensors")
    files = sorted(path.name for path in tmp_path.iterdir())
    assert len(files) == 4
    for name in files:
        assert_features(SIGLIP, tmp_path / name, source)
    with torch.no_grad():  # 14 x 14 positions for 7 x 7 patches
        assert features_of_file(SIGLIP, tmp_path / "transformers.safetensors", 112).shape == (2, WIDTH)


def test_queries_keys_and_values_are_joined_in_this_order() -> None:
    prefix = "vision_model.encoder.layers.0.self_attn."
    parts = {f"{prefix}{part}_proj.bias": torch.full((2,), number) for part, number in (("v", 3), ("q", 1), ("k", 2))}
    pooled = {"vision_model.head.attention.in_proj_bias": torch.arange(6)}
    kernel = {"vision_model.embeddings.patch_embedding.weight": torch.ones(2, 3, 4, 4)}
    found = of_transformers({**parts, **pooled, **kernel, "text_model.encoder.layers.0.mlp.fc1.bias": torch.ones(2)})
    assert found.keys() == {
        "blocks.0.attn.qkv.bias",
        "attn_pool.q.bias",
        "attn_pool.kv.bias",
        "patch_embed.proj.weight",
    }
    assert found["blocks.0.attn.qkv.bias"].tolist() == [1, 1, 2, 2, 3, 3]
    assert found["attn_pool.q.bias"].tolist() == [0, 1]
    assert found["attn_pool.kv.bias"].tolist() == [2, 3, 4, 5]
    del parts[f"{prefix}k_proj.bias"]
    assert set(of_transformers({**parts, **kernel})) >= {"blocks.0.attn.q.bias", "blocks.0.attn.v.bias"}


@pytest.mark.usefixtures("small_networks")
def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.pth"
    torch.save(of_timm("timm/vit_base_patch16_clip_224").state_dict(), path)
    with pytest.raises(CheckpointError, match=r"shapes differ: patch_embed\.proj\.weight \(96, 3, 16, 16\) against"):
        given_weights(at("timm/vit_base_patch32_clip_224"), str(path))
    with pytest.raises(CheckpointError, match=r"it lacks attn_pool\.kv\.bias.*it has unknown weights cls_token"):
        given_weights(at(SIGLIP), str(path))
    weights = as_transformers(of_facebook(of_timm(DINOV2).state_dict()), DINOV2_OF_TRANSFORMERS)
    lost = weights.pop("encoder.layer.0.attention.attention.key.bias")
    torch.save({**weights, "encoder.layer.7.norm1.bias": lost}, path)
    with pytest.raises(CheckpointError, match=r"it lacks blocks\.0\.attn\.qkv\.bias; it has unknown weights") as error:
        given_weights(at(DINOV2), str(path))
    assert "blocks.7.norm1.bias" in error.value.message


class Scaled(nn.Module):
    """The content of a TorchScript archive."""

    def __init__(self) -> None:
        super().__init__()
        self.visual = nn.Linear(2, 2)

    def forward(self, values: Tensor) -> Tensor:
        scaled: Tensor = self.visual(values)
        return scaled


@pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")
def test_torchscript_archives_are_not_run_and_the_way_on_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive, weights = tmp_path / "ViT-B-32.pt", tmp_path / "weights.pth"
    network = Scaled()
    torch.jit.save(torch.jit.script(network), archive)
    with pytest.raises(CheckpointError, match=r"ViT-B-32\.pt is a TorchScript archive, as OpenAI distributes") as error:
        given_weights(at(CLIP), str(archive))
    python, option, code, old, new = shlex.split(error.value.message.partition("out of it: ")[2])
    assert (python, option, old, new) == ("python", "-c", "OLD", "NEW.pth")
    monkeypatch.setattr(sys, "argv", ["-c", str(archive), str(weights)])
    exec(code, {})
    assert torch.load(weights, weights_only=True)["visual.weight"].equal(network.visual.weight)


def test_arrays_of_jax_are_named(tmp_path: Path) -> None:
    arrays: dict[str, Any] = {"params/img/pos_embedding": np.zeros((1, 4, 2))}
    np.savez(tmp_path / "siglip.npz", **arrays)
    with pytest.raises(CheckpointError, match=r"siglip\.npz holds arrays of numpy, as big_vision .*\.safetensors"):
        given_weights(at(SIGLIP), str(tmp_path / "siglip.npz"))


@pytest.mark.thorough
def test_dinov2_of_real_size_embeds_images_of_224_pixels(tmp_path: Path) -> None:
    network: nn.Module = timm.create_model("vit_small_patch14_dinov2", num_classes=0)
    weights = {**network.state_dict(), "mask_token": torch.zeros(1, 384)}
    assert weights["pos_embed"].shape == (1, 1370, 384)
    torch.save(weights, tmp_path / "dinov2_vits14_pretrain.pth")
    trunk = ForeignTrunk(at(DINOV2))
    trunk.load_state_dict(given_weights(at(DINOV2), str(tmp_path / "dinov2_vits14_pretrain.pth")))
    embed: Callable[[Tensor], Tensor] = InferenceNetwork(
        trunk.for_inference(), nn.Flatten(), "fp32", torch.device("cpu")
    )
    assert embed(images()).shape == (2, 384)


@pytest.mark.parametrize(
    ("backbone", "mean"),
    [
        ("timm/vit_base_patch16_clip_224.openai", 0.48145466),
        ("timm/vit_large_patch14_clip_224.laion2b", 0.5),
        ("timm/vit_small_patch14_dinov2.lvd142m", 0.485),
        (SIGLIP, 0.5),
    ],
)
def test_normalisation_is_that_of_the_weights(backbone: str, mean: float) -> None:
    assert with_own_normalisation(at(backbone)).mean[0] == mean


def test_names_of_weights_that_there_are_not_are_told() -> None:
    for use in (with_own_normalisation, foreign.pretrained_weights):
        with pytest.raises(
            ParamsError, match=r"dinov2\.lvd is not a network .*there are vit_small_patch14_dinov2\.lvd142m"
        ):
            use(at("timm/vit_small_patch14_dinov2.lvd"))
