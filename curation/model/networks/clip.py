"""CLIP and SigLIP of open_clip: the image tower is the trunk of a backbone, the text tower turns texts into queries.

`train.backbone: open_clip/NAME` names a network as open_clip lists it, `open_clip/NAME@TAG` also which of its weights.
A checkpoint holds the weights of the text tower beside those of the image tower, so that a datapool's space and its
queries stay what they are, whatever becomes of the files that they came from.

open_clip is an extra: nothing imports it before a network of that library is asked for.
"""

import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from curation.core.errors import ParamsError
from curation.model.architecture import Architecture
from curation.model.networks.weight_files import require_fit, without_prefixes

TEXT_TOWER = "text."
"""Stands before the names of the text tower's weights, in a checkpoint too."""

_IMAGE_TOWER = "visual."
_TEXT_PARTS = ("token_embedding.", "positional_embedding", "transformer.", "ln_final.", "text_projection", "cls_emb")
"""The prefixes of the text tower's weights where they stand beside the image tower, as in OpenAI's own files."""

_PREFERRED_TAGS = ("datacomp_", "datacomp1b", "laion", "webli", "openai")
"""Beginnings of the tags of weights under permissive licences (MIT; Google's Apache 2.0), the best ones first."""

_USUAL_SIZE = 224


class ImageTower(nn.Module):
    """Images in, features of unit length out: (n, 3, side, side) float32 to (n, features) float32.

    Of unit length, since that is what texts are compared with, in training and later.
    """

    def __init__(self, visual: nn.Module) -> None:
        super().__init__()
        self.visual = visual

    def forward(self, images: Tensor) -> Tensor:
        """Return the features of normalised images."""
        return normalize(_first(self.visual(images)).float(), dim=-1)


class _Named(NamedTuple):
    """The parts of a backbone's name.

    Attributes:
        name: as open_clip lists it.
        tag: of its weights; empty where none is named.
        config: open_clip's, of the network.
        quick_gelu: whether its activation is OpenAI's approximation of GELU, which the weights must have been trained
            with: a matter of the tag as much as of the network.
    """

    name: str
    tag: str
    config: Mapping[str, Any]
    quick_gelu: bool


def image_tower(architecture: Architecture) -> ImageTower:
    """Build an image tower with random weights.

    Raises:
        ParamsError: open_clip is not installed, has no such network, or that one takes images of another size.
    """
    named = _named(architecture.backbone)
    vision = dict(named.config["vision_cfg"])
    size = vision.get("image_size", _USUAL_SIZE)
    height, width = size if isinstance(size, list | tuple) else (size, size)
    if height != width:
        raise ParamsError(
            f"train.backbone: {architecture.backbone} takes images of {width} x {height} pixels, and only squares can "
            "be embedded: choose another, such as open_clip/ViT-B-32"
        )
    if width != architecture.input_size:
        raise ParamsError(
            f"train.input_size: {architecture.input_size}, but train.backbone: {architecture.backbone} takes images of "
            f"{width} pixels: set train.input_size: {width}"
        )
    # open_clip's classes have both towers, and that of the texts may be the larger one.
    from open_clip.model import _build_vision_tower

    vision["timm_model_pretrained"] = False
    return ImageTower(_build_vision_tower(named.config["embed_dim"], vision, named.quick_gelu))


def text_tower(backbone: str) -> nn.Module:
    """Build a text tower with random weights: (n, length) int64 tokens to (n, features) float32.

    Raises:
        ParamsError: open_clip is not installed, or has no such network.
    """
    named = _named(backbone)
    from open_clip.model import _build_text_tower

    tower: nn.Module = _build_text_tower(named.config["embed_dim"], dict(named.config["text_cfg"]), named.quick_gelu)
    return tower


def encoded(tower: nn.Module, tokens: Tensor) -> Tensor:
    """Return the features of texts, of unit length, comparable with those of `ImageTower`.

    Args:
        tower: as `text_tower` builds it.
        tokens: (n, length) int64.

    Returns:
        (n, features) float32.
    """
    return normalize(_first(tower(tokens)).float(), dim=-1)


def tokens_of(backbone: str, text: str) -> Tensor:
    """Cut a text into the tokens that a text tower takes; what is too long for it is cut off.

    CLIP's tokenizer is part of open_clip. SigLIP's and those of other languages are files that `transformers` fetches.

    Returns:
        (1, length) int64.

    Raises:
        ParamsError: the tokenizer cannot be loaded.
    """
    named = _named(backbone)
    import open_clip

    try:
        tokens: Tensor = open_clip.get_tokenizer(named.name)([text])
    except Exception as error:  # no package, no network, no such file: each has its own errors
        reason = " ".join(str(error).split()) or type(error).__name__
        raise ParamsError(
            f"select.strategies: the tokenizer of {backbone} cannot be loaded ({reason[:200]}). It needs the package "
            "transformers (python -m pip install transformers) and files of "
            f"{named.config['text_cfg'].get('hf_tokenizer_name', 'the Hugging Face hub')}: run it once where there is "
            "a network, and copy the Hugging Face cache (HF_HOME); or give images in place of text"
        ) from None
    return tokens


def normalisation(backbone: str) -> tuple[tuple[float, float, float], tuple[float, float, float]]:
    """Return the mean and the deviation of red, green and blue that a network was trained with, in 0 to 1."""
    named = _named(backbone)
    import open_clip

    known = open_clip.list_pretrained_tags_by_model(named.name)
    tag = named.tag or _default_tag(named) or next(iter(known), "")
    config = open_clip.get_pretrained_cfg(named.name, tag) if tag else {}
    mean = config.get("mean") or open_clip.OPENAI_DATASET_MEAN
    std = config.get("std") or open_clip.OPENAI_DATASET_STD
    return (float(mean[0]), float(mean[1]), float(mean[2])), (float(std[0]), float(std[1]), float(std[2]))


def fetched_weights(architecture: Architecture) -> Mapping[str, Tensor]:
    """Fetch the weights of both towers, or find them in the cache of the Hugging Face hub.

    Returns:
        By open_clip's names.

    Raises:
        ParamsError: it must be said which weights.
        Exception: whatever open_clip raises where they cannot be fetched.
    """
    named = _named(architecture.backbone)
    import open_clip

    tag = named.tag or _default_tag(named)
    if not tag:
        tags = open_clip.list_pretrained_tags_by_model(named.name)
        raise ParamsError(
            f"train.pretrained: say which weights of {architecture.backbone} to take, and mind their licence: "
            f"train.backbone: {architecture.backbone}@TAG; TAG is one of {', '.join(tags)}"
            if tags
            else f"train.pretrained: open_clip has no weights for {architecture.backbone}: name a file of them in "
            "train.weights, with train.pretrained: false"
        )
    model = open_clip.create_model(named.name, tag, force_quick_gelu=named.quick_gelu, weights_only=True)
    weights: Mapping[str, Tensor] = model.state_dict()
    return weights


def weights_of_towers(architecture: Architecture, tensors: Mapping[str, Tensor], path: Path) -> dict[str, Tensor]:
    """Find the weights of both towers among those of a file.

    Args:
        architecture: of the network.
        tensors: of the file, by the names of open_clip or of OpenAI's original.
        path: the file, for messages.

    Returns:
        `visual.*`, and `text.*` where the file has a text tower and it is one of open_clip itself.

    Raises:
        CheckpointError: weights lack, are unknown, or have other shapes.
    """
    plain = without_prefixes(tensors, [_IMAGE_TOWER, TEXT_TOWER, *_TEXT_PARTS])
    images = {name: value for name, value in plain.items() if name.startswith(_IMAGE_TOWER)}
    own = image_tower(architecture).state_dict()
    weights = require_fit(images, own, (), architecture.backbone, path)
    texts = {name: value for name, value in plain.items() if name.startswith(TEXT_TOWER)} or {
        f"{TEXT_TOWER}{name}": value for name, value in plain.items() if name.startswith(_TEXT_PARTS)
    }
    # Text towers of `transformers` are built from files that come over the network.
    if not texts or _named(architecture.backbone).config["text_cfg"].get("hf_model_name"):
        return weights
    with torch.device("meta"):
        shapes = {f"{TEXT_TOWER}{name}": each for name, each in text_tower(architecture.backbone).state_dict().items()}
    return weights | require_fit(texts, shapes, (), architecture.backbone, path)


def _named(backbone: str) -> _Named:
    """Take a backbone's name apart and look it up.

    Raises:
        ParamsError: open_clip is not installed, or has no such network, or no such weights.
    """
    try:
        import open_clip
    except ImportError:
        raise ParamsError(
            f"train.backbone: {backbone} needs the package open_clip: python -m pip install 'open_clip_torch>=3.3'"
        ) from None
    name, _, tag = backbone.partition("/")[2].partition("@")
    config = open_clip.get_model_config(name)
    if config is None:
        like = ", ".join(difflib.get_close_matches(name, open_clip.list_models(), 3, 0.4))
        raise ParamsError(
            f"train.backbone: open_clip has no network {name}{f'; there are {like}' if like else ''}: see "
            "open_clip.list_models()"
        )
    tags = open_clip.list_pretrained_tags_by_model(name)
    if tag and tag not in tags:
        raise ParamsError(
            f"train.backbone: {backbone}: open_clip has no weights {tag} for {name}; there are "
            f"{', '.join(tags) or 'none: name a file of them in train.weights'}"
        )
    of_tag = open_clip.get_pretrained_cfg(name, tag) if tag else {}
    return _Named(name, tag, config, bool(config.get("quick_gelu") or of_tag.get("quick_gelu")))


def _default_tag(named: _Named) -> str:
    """Return the first of the preferred tags that the network fits as it is; empty where there is none."""
    import open_clip

    def fits(tag: str) -> bool:
        return named.quick_gelu or not open_clip.get_pretrained_cfg(named.name, tag).get("quick_gelu")

    fitting = [tag for tag in open_clip.list_pretrained_tags_by_model(named.name) if fits(tag)]
    preferred = [tag for start in _PREFERRED_TAGS for tag in fitting if tag.startswith(start)]
    return next(iter(preferred), "")


def _first(features: Tensor | tuple[Tensor, ...]) -> Tensor:
    """Return the features of the whole: CoCa's towers give those of the parts beside them."""
    return features[0] if isinstance(features, tuple) else features
