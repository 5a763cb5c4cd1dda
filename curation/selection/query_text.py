"""Texts as queries: where in a datapool's space of embeddings the images lie that a text is about."""

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from curation.core.errors import CheckpointError, ParamsError
from curation.model.architecture import Architecture
from curation.model.device import one_thread
from curation.model.embedding import unit_length
from curation.model.networks.backbone import FOREIGN_PROJECTION
from curation.model.networks.clip import TEXT_TOWER, encoded, text_tower, tokens_of
from curation.model.weights import load_checkpoint, load_weights


def embed_text(text: str, checkpoint: Path) -> NDArray[np.float32]:
    """Return the direction of the embeddings of images that fit a text.

    The towers of CLIP (Radford et al. 2021, https://arxiv.org/abs/2103.00020) and SigLIP (Zhai et al. 2023,
    https://arxiv.org/abs/2303.15343) are trained so that the inner product of features of unit length, x of an image
    and t of a text, is the larger the better they fit. An embedding is W (x - m) scaled to unit length: W has
    orthonormal rows, the principal components of images, and m is their mean. For all images alike,

        (W (x - m)) . (W t) = (W x) . (W t) - (W m) . (W t),

    where the second term is the same for every image, and the first is x . t without what lies outside the components,
    along which images hardly differ. So W t, scaled to unit length, is the query. It ranks images as x . t does, but
    that an embedding says in which direction an image differs from the mean, and not how far.

    The query has not m taken off, which is the mean of images. Texts lie in another cone of the space than images
    (Liang et al. 2022, https://arxiv.org/abs/2203.02053), and the way from one to the other, the same for all texts, is
    about orthogonal to what images differ in (Chowers et al. 2026, https://arxiv.org/abs/2603.29080): W takes it away,
    while - W m would weigh more than all that one text says and another does not.

    The text tower is computed in 32 bits, by one thread of the CPU: the same text gives the same query, however many
    cores there are.

    Args:
        text: the query; what is longer than the tower takes is cut off.
        checkpoint: of the datapool's model.

    Returns:
        (1, embedding_dim), unit length.

    Raises:
        CheckpointError: the checkpoint is missing or damaged.
        ParamsError: it has no text tower, or the tokenizer cannot be loaded.
    """
    architecture, weights = load_checkpoint(checkpoint)
    named = {name.removeprefix(TEXT_TOWER): weights[name] for name in weights if name.startswith(TEXT_TOWER)}
    if not named:
        raise _no_text_tower(architecture, checkpoint)
    tower = text_tower(architecture.backbone)
    load_weights(tower, named, checkpoint)
    tokens = tokens_of(architecture.backbone, text)
    projection = weights[f"backbone.{FOREIGN_PROJECTION}.weight"].flatten(1)
    with one_thread(), torch.inference_mode():
        features = encoded(tower.eval(), tokens)
        query: NDArray[np.float32] = (features @ projection.T).numpy()
    if not np.isfinite(query).all():
        raise CheckpointError(f"{checkpoint} gives an embedding of the text {text!r} that is not finite: use another")
    return unit_length(query)


def _no_text_tower(architecture: Architecture, checkpoint: Path) -> ParamsError:
    """Return the error for a model without text tower: why there is none, and what to do."""
    if architecture.is_clip:
        return ParamsError(
            f"select.strategies: text needs a text tower, and {checkpoint} ({architecture.backbone}) holds none: its "
            "image tower was trained further (train.enabled: true), so that texts fit it no longer, or its weights "
            "came without one. Give images in place of text; or begin anew with train.retrain: true, train.enabled: "
            "false and weights of both towers: another tag (train.backbone: open_clip/NAME@TAG), or train.weights"
        )
    return ParamsError(
        f"select.strategies: text needs a model with a text tower, and {architecture.backbone} has none. Give images "
        "in place of text, or set train.backbone: open_clip/ViT-B-32 with train.retrain: true, which embeds everything "
        "again"
    )
