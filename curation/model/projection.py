"""The projection from features to embedding: the principal components of the training images' features.

SimCLR's loss compares what its projection head makes of the features, and the features themselves represent an image
better than what comes after them (Chen et al. 2020, section 4.2; Bordes et al. 2022, https://arxiv.org/abs/2206.13378).
So no layer of the embedding lies between the features and the loss. Principal components keep the most of the features'
distances that a linear map to so few numbers can keep, and since their mean becomes zero, embeddings point in all
directions and not in one.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from curation.model.device import one_thread

MOST_SAMPLES = 5_000
"""Samples that the components are computed from: evenly spaced ones where there are more.

They are embedded twice, once for this; the directions of 32 or 256 components change little with more of them.
"""

_SEED = 1
"""Of the directions that complete the components of few samples."""


@dataclass(frozen=True)
class Projection:
    """A linear map from features to embeddings.

    Attributes:
        weight: (embedding_dim, feature_dim) float32, orthonormal rows.
        bias: (embedding_dim,) float32.
        effective_rank: see `effective_rank`; None where it says nothing, since so few samples span fewer dimensions
            than an embedding has.
    """

    weight: NDArray[np.float32]
    bias: NDArray[np.float32]
    effective_rank: float | None


def evenly_spaced(n: int, most: int = MOST_SAMPLES) -> list[int]:
    """Return indices below `n`, all of them or `most`."""
    return [index * n // min(n, most) for index in range(min(n, most))]


def principal_components(features: NDArray[np.float32], embedding_dim: int) -> Projection | None:
    """Find the principal components of features, completed by other directions where samples give too few.

    n samples have n - 1 components at most. A datapool keeps its first projection for good, and may begin with a
    handful of samples: the components that they have come first, then random directions orthonormal to them, in which
    later samples differ about as much as chance has it (Johnson and Lindenstrauss 1984).

    Args:
        features: (n, feature_dim).
        embedding_dim: number of components.

    Returns:
        The projection to them, zero at the mean of several samples; None where there are no samples, fewer features
        than `embedding_dim`, or values that are not finite.
    """
    n, feature_dim = features.shape
    if n == 0 or feature_dim < embedding_dim or not np.isfinite(features).all():
        return None
    exact = torch.from_numpy(features.astype(np.float64))
    with one_thread():
        mean = exact.mean(dim=0) if n > 1 else torch.zeros_like(exact[0])  # a lone sample would be nowhere
        centred = exact - mean
        variances, vectors = torch.linalg.eigh(centred.T @ centred / n)
        variances, vectors = variances.flip(0)[:embedding_dim], vectors.flip(1)[:, :embedding_dim]
        rounding = variances[0] * feature_dim * torch.finfo(torch.float64).eps
        found = min(int((variances > rounding).sum()), n - 1)
        components = _completed(vectors[:, :found], embedding_dim).T
        largest = components.gather(1, components.abs().argmax(dim=1, keepdim=True))
        components = components * torch.where(largest < 0, -1.0, 1.0)  # a component's sign is arbitrary
        offset = -components @ mean
        rank = _rank_of_directions(centred @ components.T) if n > embedding_dim else None
    weight: NDArray[np.float32] = components.numpy().astype(np.float32)
    bias: NDArray[np.float32] = offset.numpy().astype(np.float32)
    return Projection(weight, bias, rank)


def _rank_of_directions(projected: Tensor) -> float:
    """Return the effective rank of embeddings as they are stored and reported: of unit length.

    Args:
        projected: (n, embedding_dim) float64.
    """
    unit = projected / projected.norm(dim=1, keepdim=True).clamp_min(torch.finfo(torch.float64).tiny)
    singular = torch.linalg.svdvals(unit - unit.mean(dim=0))
    return effective_rank((singular**2).numpy())


def _completed(directions: Tensor, count: int) -> Tensor:
    """Add random directions, always the same, to some orthonormal ones.

    Args:
        directions: (feature_dim, k) float64, orthonormal columns.
        count: how many there shall be.

    Returns:
        (feature_dim, count) float64, orthonormal columns, the first k as they were.
    """
    feature_dim, given = directions.shape
    if given == count:
        return directions
    drawn = torch.from_numpy(np.random.default_rng(_SEED).standard_normal((feature_dim, count - given)))
    orthonormal, _ = torch.linalg.qr(torch.cat([directions, drawn], dim=1))
    return torch.cat([directions, orthonormal[:, given:]], dim=1)


def effective_rank(variances: NDArray[np.float64]) -> float:
    """Return how many dimensions are really used: the exponential of the entropy of the singular values' shares.

    Roy and Vetterli 2007, "The effective rank". It is 1 where all samples lie on a line, and the number of dimensions
    where they spread equally in all.

    Args:
        variances: along each principal component.
    """
    singular = np.sqrt(np.maximum(variances, 0))
    shares = singular[singular > 0] / singular.sum() if singular.sum() > 0 else np.ones(1)
    return float(np.exp(-np.sum(shares * np.log(shares))))
