"""Embedding of proxies with a trained backbone.

A sample's embedding depends on the sample and the checkpoint alone: every batch has the same shape, the last one is
filled with black images, and on the CPU one thread computes a whole batch, several threads several batches. So neither
the other samples, nor their order, nor the number of cores changes a bit of it.
"""

import hashlib
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import simplejpeg
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from tqdm import tqdm

from curation.core.cores import available_cores
from curation.core.errors import CheckpointError
from curation.model.architecture import Architecture
from curation.model.device import cuda_wanted
from curation.model.inference import InferenceNetwork
from curation.model.networks.backbone import Backbone
from curation.model.proxy_source import ProxySource
from curation.model.weights import load_checkpoint, load_weights

_BACKBONE = "backbone."
_COMPUTING = (
    *("architecture", "embedding", "fusion", "inference"),
    *("networks/backbone", "networks/clip", "networks/foreign", "networks/plain_layers"),
)
"""Modules of this package that compute embeddings."""


def load_backbone(path: Path) -> tuple[Architecture, Backbone]:
    """Rebuild the backbone of a checkpoint, ready to embed.

    Raises:
        CheckpointError: the checkpoint is missing, damaged, or foreign.
    """
    architecture, weights = load_checkpoint(path)
    backbone = Backbone(architecture) if architecture.is_foreign else _without_values(architecture)
    parts = {name.removeprefix(_BACKBONE): value for name, value in weights.items() if name.startswith(_BACKBONE)}
    load_weights(backbone, parts, path)
    return architecture, backbone.eval()


def _without_values(architecture: Architecture) -> Backbone:
    """Build a network of lightly whose weights are not set: drawing them takes as long as reading them."""
    with torch.device("meta"):
        backbone = Backbone(architecture)
    return backbone.to_empty(device="cpu")


def computation(checkpoint_hash: str, batch_size: int, accelerator: str, precision: str) -> str:
    """Return a text that differs wherever a bit of an embedding may: weights, code, library, processor, settings."""
    code = hashlib.sha256()
    for name in _COMPUTING:
        code.update((Path(__file__).parent / f"{name}.py").read_bytes())
    processor = torch.cuda.get_device_name() if cuda_wanted(accelerator) else torch.backends.cpu.get_cpu_capability()
    parts = (checkpoint_hash, str(batch_size), precision, processor, torch.__version__, code.hexdigest())
    return " ".join(parts)


def decoded(jpeg: bytes, side: int) -> NDArray[np.uint8]:
    """Decode a proxy and scale it to a square, as lightly's `embed` command does.

    Args:
        jpeg: a JPEG file.
        side: pixels.

    Returns:
        (side, side, 3).
    """
    pixels = simplejpeg.decode_jpeg(jpeg)
    return np.asarray(Image.fromarray(pixels).resize((side, side), Image.Resampling.BILINEAR))


def normalised(pixels: Tensor, architecture: Architecture) -> Tensor:
    """Bring pixels to the values that the model takes.

    Args:
        pixels: (n, side, side, 3) uint8.
        architecture: gives mean and standard deviation of the colours.

    Returns:
        (n, 3, side, side) float32, in the memory format `channels_last`, which is how the pixels lie already.
    """
    # Row by row with as many means as values, since torch is slow where a tensor's last dimension is 3.
    mean, std = (torch.tensor(values).repeat(pixels.shape[2]) for values in (architecture.mean, architecture.std))
    rows = pixels.flatten(2).to(torch.float32).div_(255).sub_(mean).div_(std)
    return rows.view(pixels.shape).permute(0, 3, 1, 2)


def unit_length(embeddings: NDArray[np.float32]) -> NDArray[np.float32]:
    """Scale each embedding to length 1, computed in float64; a zero vector stays zero.

    Args:
        embeddings: (n, d).
    """
    exact = embeddings.astype(np.float64)
    lengths = np.sqrt(np.sum(exact * exact, axis=1, keepdims=True))
    scaled: NDArray[np.float32] = (exact / np.where(lengths > 0, lengths, 1.0)).astype(np.float32)
    return scaled


def embed_proxies(
    source: ProxySource,
    members: Sequence[tuple[str, str]],
    checkpoint: Path,
    batch_size: int,
    accelerator: str = "auto",
    precision: str = "fp32",
    threads: int | None = None,
) -> NDArray[np.float32]:
    """Embed n samples.

    Args:
        source: where the proxies are.
        members: shard and member of each sample.
        checkpoint: of the model.
        batch_size: images a batch.
        accelerator: auto, cpu or gpu.
        precision: fp32 or bf16.
        threads: batches prepared, and on the CPU computed, side by side; None: one a core. No influence on results.

    Returns:
        (n, d), unit length, in the order of `members`.

    Raises:
        CheckpointError: the checkpoint cannot be used, or gives values that are not finite.
    """
    network, architecture, cuda = load_network(checkpoint, accelerator, precision)
    embeddings = np.zeros((len(members), architecture.embedding_dim), np.float32)
    start = 0
    with tqdm(total=len(members), desc="embed", unit="image", disable=None) as progress:
        for values in vectors(network, architecture, source, members, batch_size, cuda=cuda, threads=threads):
            embeddings[start : start + len(values)] = values
            start += len(values)
            progress.update(len(values))
    return finished(embeddings, checkpoint)


def load_network(checkpoint: Path, accelerator: str, precision: str) -> tuple[InferenceNetwork, Architecture, bool]:
    """Rebuild the network of a checkpoint where it computes; return it with its architecture, and whether on a GPU.

    Args:
        checkpoint: of the model.
        accelerator: auto, cpu or gpu.
        precision: fp32 or bf16.

    Raises:
        CheckpointError: the checkpoint cannot be used.
    """
    architecture, backbone = load_backbone(checkpoint)
    cuda = cuda_wanted(accelerator)
    network = InferenceNetwork(
        backbone.trunk_for_inference(), backbone.head(), precision, torch.device("cuda" if cuda else "cpu")
    )
    if cuda:
        torch.backends.cudnn.deterministic = True
        torch.backends.cudnn.benchmark = False
        torch.backends.cudnn.allow_tf32 = False
    return network, architecture, cuda


def finished(embeddings: NDArray[np.float32], checkpoint: Path) -> NDArray[np.float32]:
    """Scale what a network gave to unit length.

    Args:
        embeddings: (n, d).
        checkpoint: of the model, for the message.

    Raises:
        CheckpointError: values are not finite.
    """
    broken = int(np.count_nonzero(~np.isfinite(embeddings).all(axis=1)))
    if broken:
        raise CheckpointError(
            f"{checkpoint} gives embeddings that are not finite ({broken} of {len(embeddings)} samples): use "
            "another checkpoint, or train anew with train.retrain: true and a lower train.learning_rate"
        )
    return unit_length(embeddings)


def vectors(
    network: InferenceNetwork,
    architecture: Architecture,
    source: ProxySource,
    members: Sequence[tuple[str, str]],
    batch_size: int,
    *,
    cuda: bool,
    threads: int | None = None,
) -> Iterator[NDArray[np.float32]]:
    """Yield what a network gives for each sample, batch by batch, with few batches in memory.

    Proxies are read here, in one thread; the threads that compute decode them, so that both go on side by side.

    Args:
        network: what computes.
        architecture: gives input size and normalisation.
        source: where the proxies are.
        members: shard and member of each sample.
        batch_size: images a batch.
        cuda: whether the network is on a GPU.
        threads: as for `embed_proxies`.
    """
    # A GPU computes one batch after the other, while other threads prepare theirs.
    turn = threading.Lock() if cuda else nullcontext()
    side = architecture.input_size

    def compute(jpegs: Sequence[bytes]) -> NDArray[np.float32]:
        pixels = np.zeros((batch_size, side, side, 3), np.uint8)
        for index, jpeg in enumerate(jpegs):
            pixels[index] = decoded(jpeg, side)
        images = normalised(torch.from_numpy(pixels), architecture)
        with turn:
            values: NDArray[np.float32] = network(images)[: len(jpegs)].numpy()
        return values

    batches = [members[start : start + batch_size] for start in range(0, len(members), batch_size)]
    workers = min(threads or available_cores(), max(len(batches), 1))
    waiting: deque[Future[NDArray[np.float32]]] = deque()
    with ThreadPoolExecutor(workers, initializer=torch.set_num_threads, initargs=(1,)) as pool:
        for batch in batches:
            waiting.append(pool.submit(compute, [source.jpeg(shard, member) for shard, member in batch]))
            if len(waiting) >= 2 * workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
