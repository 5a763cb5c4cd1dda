"""Weights of networks that timm has too, as other programs name them.

timm itself converts what open_clip and the authors of DINOv2, CLIP and SigLIP write (its `checkpoint_filter_fn`), and
fits position embeddings to the size of the images. Of Hugging Face's transformers it knows nothing. Names and shapes
are those of transformers' classes Dinov2Model, Dinov2WithRegistersModel, ViTModel, CLIPVisionModel and
SiglipVisionModel (https://github.com/huggingface/transformers/tree/main/src/transformers/models), alone or within a
larger model.
"""

import contextlib
import re
import sys
from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor, nn


class Layout(NamedTuple):
    """The names that a family of networks gives its weights.

    Attributes:
        kernel: the first convolution. What comes before it in a name is that of the larger model; weights that lie
            elsewhere, such as those of a text tower, are not part of the network.
        renamed: patterns and replacements, one after the other.
    """

    kernel: str
    renamed: tuple[tuple[str, str], ...]


_LAYOUTS = (
    Layout(
        "embeddings.patch_embeddings.projection.weight",  # DINOv2, and ViT as of Google and DINO
        (
            (r"^embeddings\.patch_embeddings\.projection\.", "patch_embed.proj."),
            (r"^embeddings\.position_embeddings$", "pos_embed"),
            (r"^embeddings\.", ""),
            (r"^encoder\.layer\.", "blocks."),
            (r"\.attention\.attention\.([qkv])\w+\.", r".attn.\1."),
            (r"\.attention\.output\.dense\.", ".attn.proj."),
            (r"\.layernorm_before\.", ".norm1."),
            (r"\.layernorm_after\.", ".norm2."),
            (r"\.intermediate\.dense\.", ".mlp.fc1."),
            (r"\.output\.dense\.", ".mlp.fc2."),
            (r"\.layer_scale(\d)\.lambda1$", r".ls\1.gamma"),
            (r"\.mlp\.weights_in\.", ".mlp.w12."),
            (r"\.mlp\.weights_out\.", ".mlp.w3."),
            (r"^layernorm\.", "norm."),
        ),
    ),
    Layout(
        "embeddings.patch_embedding.weight",  # CLIP and SigLIP
        (
            (r"^embeddings\.patch_embedding\.", "patch_embed.proj."),
            (r"^embeddings\.position_embedding\.weight$", "pos_embed"),
            (r"^embeddings\.class_embedding$", "cls_token"),
            (r"^pre_layrnorm\.", "norm_pre."),  # spelt so
            (r"^encoder\.layers\.", "blocks."),
            (r"\.self_attn\.([qkv])_proj\.", r".attn.\1."),
            (r"\.self_attn\.out_proj\.", ".attn.proj."),
            (r"\.layer_norm(\d)\.", r".norm\1."),
            (r"^post_layernorm\.", "norm."),
            (r"^head\.probe$", "attn_pool.latent"),
            (r"^head\.attention\.in_proj_", "attn_pool.qkv."),
            (r"^head\.attention\.out_proj\.", "attn_pool.proj."),
            (r"^head\.layernorm\.", "attn_pool.norm."),
            (r"^head\.mlp\.", "attn_pool.mlp."),
        ),
    ),
)

_IDLE = re.compile(r"pooler\.|embeddings\.position_ids$")
"""A layer on top of the features that timm's networks have not, and numbers that are no weights."""


_PATCHES = "patch_embed.proj.weight"
"""The first convolution of timm's vision transformers."""

_COLOURS = 3


def as_timm_has_them(tensors: Mapping[str, Tensor], network: nn.Module) -> dict[str, Tensor]:
    """Name weights as a network of timm does, and give them its shapes, where it is known how.

    Args:
        tensors: of a file.
        network: timm's; its size of images tells how many positions there are.

    Returns:
        Weights to compare with the network's, name by name.
    """
    found = of_transformers(tensors)
    kernels = [value for value in found.values() if value.ndim == 4 and value.shape[1] == _COLOURS]
    convert = getattr(sys.modules[type(network).__module__], "checkpoint_filter_fn", None)  # for some networks
    if convert is not None:
        # Whatever it raises for a file that is not for this network: the comparison says it better.
        with contextlib.suppress(Exception):
            found = convert(dict(found), network)
    if _PATCHES in found and len(kernels) == 1:
        # timm scales patches of another size too, which are those of another network: ViT-B/16 is not ViT-B/32.
        found = {**found, _PATCHES: kernels[0]}
    return found


def of_transformers(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Name weights as timm does, and give them its shapes; those of other programs stay as they are.

    Args:
        tensors: of a file.

    Returns:
        Queries, keys and values of an attention are one matrix of (3 x features, features), in this order; those of the
        attention that pools are one of (features, features) and one of (2 x features, features). Position embeddings
        are (1, positions, features), the class token is (1, 1, features).
    """
    for layout in _LAYOUTS:
        prefixes = [name.removesuffix(layout.kernel) for name in tensors if name.endswith(layout.kernel)]
        if len(prefixes) == 1:
            within = {name.removeprefix(prefixes[0]): tensors[name] for name in tensors if name.startswith(prefixes[0])}
            named = {_renamed(name, layout): value for name, value in within.items() if not _IDLE.match(name)}
            return _joined({name: _shaped(name, value) for name, value in named.items()})
    return dict(tensors)


def _renamed(name: str, layout: Layout) -> str:
    for pattern, replacement in layout.renamed:
        name = re.sub(pattern, replacement, name)
    return name


def _shaped(name: str, value: Tensor) -> Tensor:
    return value.reshape(1, -1, value.shape[-1]) if name in ("pos_embed", "cls_token") else value


def _joined(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Join what timm holds in one matrix, and part what it holds in two."""
    found = dict(tensors)
    for name, value in tensors.items():
        parts = [name.replace(".attn.q.", f".attn.{part}.") for part in "qkv"]
        if ".attn.q." in name and all(part in tensors for part in parts):
            found[name.replace(".attn.q.", ".attn.qkv.")] = torch.cat([found.pop(part) for part in parts])
        if name.startswith("attn_pool.qkv."):
            queries = len(value) // 3
            found |= {name.replace("qkv", "q"): value[:queries], name.replace("qkv", "kv"): value[queries:]}
            del found[name]
    return found
