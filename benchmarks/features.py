"""Features and embeddings of a benchmark's pictures, by the pipeline's own network and projection.

An embedding is a linear map of the features, scaled to unit length, so a picture passes a network once however many
projections are tried.
"""

import hashlib
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.labelled import Pictures, Rows
from curation.model.architecture import Architecture
from curation.model.embedding import normalised, unit_length, vectors
from curation.model.inference import InferenceNetwork
from curation.model.networks.packaged import PACKAGED
from curation.model.projection import principal_components
from curation.model.training.fit import TrainingSettings, initial_model

BATCH_SIZE = 16
_SEED = 1
_ROUNDS = 7

Floats = NDArray[np.float32]


def network(backbone: str, input_size: int, precision: str = "fp32") -> tuple[Architecture, InferenceNetwork]:
    """Build what computes features: pretrained weights where a package has them, random ones elsewhere."""
    architecture = Architecture.of(backbone, 32, 128, input_size)
    settings = TrainingSettings(
        "simclr", 1, None, 32, 3e-4, 0.5, _SEED, 0, "cpu", enabled=False, pretrained=backbone in PACKAGED
    )
    layers = initial_model(architecture, settings).backbone.eval()
    return architecture, InferenceNetwork(
        layers.trunk_for_inference(), layers.pooling(), precision, torch.device("cpu")
    )


def features(pictures: Pictures, backbone: str, input_size: int, kept: Path | None = None) -> Floats:
    """Return what the projection takes: (n, feature_dim) float32.

    Args:
        pictures: n of them.
        backbone: as `train.backbone`.
        input_size: as `train.input_size`.
        kept: folder where features stay from one run to the next.
    """
    key = hashlib.sha256(f"{pictures.digest} {backbone} {input_size}".encode()).hexdigest()[:24]
    file = kept / f"{key}.npy" if kept is not None else None
    if file is not None and file.exists():
        known: Floats = np.load(file, allow_pickle=False)
        return known
    architecture, computes = network(backbone, input_size)
    parts = vectors(computes, architecture, pictures.source, pictures.members, BATCH_SIZE, cuda=False)
    found = np.concatenate(list(parts))
    if file is not None:
        file.parent.mkdir(parents=True, exist_ok=True)
        np.save(file, found)
    return found


def projected(values: Floats, pool: Rows, dimension: int) -> Floats:
    """Project the features of a pool as the pipeline does: to principal components fitted to all of the pool.

    Args:
        values: (n, feature_dim) features.
        pool: (k,) rows.
        dimension: as `train.embedding_dim`. Fewer components are the first of these.

    Returns:
        (k, dimension), not of unit length yet.
    """
    found = principal_components(values[pool], dimension)
    if found is None:
        raise ValueError(f"{values.shape[1]} features have no {dimension} components")
    return np.asarray(values[pool] @ found.weight.T + found.bias, dtype=np.float32)


def whitened(components: Floats, amount: float) -> Floats:
    """Divide each component by its standard deviation, (k, d), or by a power of it.

    Args:
        components: (k, d).
        amount: the power: 0 leaves them as they are, 1 makes all variances equal. Variances have a floor of a
            hundredth of the largest, so that directions of mere noise are not blown up.
    """
    variances = components.var(axis=0, dtype=np.float64)
    floored = np.maximum(variances, 0.01 * variances.max())
    return np.asarray(components * floored ** (-amount / 2), dtype=np.float32)


def embedded(values: Floats, pool: Rows, dimension: int) -> Floats:
    """Embed the pictures of a pool as the pipeline does: (k, dimension), unit length."""
    return unit_length(projected(values, pool, dimension))


def images_a_second(networks: Sequence[tuple[str, int]], precision: str) -> list[float]:
    """Return how many images each network takes in a second of one core, without decoding.

    The best of some rounds, in which all take their turn, so that what else the machine does falls on all alike.

    Args:
        networks: backbone and input size of each.
        precision: fp32 or bf16.
    """
    computes, images = [], []
    for backbone, side in networks:
        architecture, one = network(backbone, side, precision)
        computes.append(one)
        images.append(normalised(torch.zeros((BATCH_SIZE, side, side, 3), dtype=torch.uint8), architecture))
    seconds = np.full(len(networks), np.inf)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        for _ in range(_ROUNDS):
            for place, one in enumerate(computes):
                begin = time.process_time()
                one(images[place])
                seconds[place] = min(seconds[place], time.process_time() - begin)
    finally:
        torch.set_num_threads(threads)
    return [BATCH_SIZE / value for value in seconds.tolist()]
