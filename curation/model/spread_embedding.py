"""Embedding on the nodes of a cluster, bit for bit as in one process.

An embedding depends on its proxy and the checkpoint alone (`curation.model.embedding`), so it does not matter how the
samples are cut into parts. Proxies are sent with a task; a node's process keeps the network for the next one.
"""

import hashlib
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import lru_cache, partial
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from tqdm import tqdm

from curation.execution.choice import engine_of
from curation.execution.engine import Engine
from curation.model.architecture import Architecture
from curation.model.device import cuda_wanted
from curation.model.embedding import computation, embed_proxies, finished, load_network, vectors
from curation.model.inference import InferenceNetwork
from curation.model.proxy_source import ProxySource
from curation.params.execution import ExecutionParams

What = tuple[ProxySource, Sequence[tuple[str, str]], Path, int, str, str]
"""The arguments of `embed_proxies`."""

_BATCHES: Final = 16
"""Batches of a task: some megabytes of proxies, and seconds of work."""


@dataclass(frozen=True)
class _How:
    """How nodes embed.

    Attributes:
        checkpoint: content of the file.
        batch_size: images a batch.
        accelerator: auto, cpu or gpu.
        precision: fp32 or bf16.
        threads: batches that are computed side by side.
    """

    checkpoint: bytes
    batch_size: int
    accelerator: str
    precision: str
    threads: int


class _Sent:
    """Proxies that were sent; a member is the number of one."""

    def __init__(self, jpegs: Sequence[bytes]) -> None:
        self._jpegs = jpegs

    def jpeg(self, shard: str, member: str) -> bytes:
        """Return one proxy, a JPEG file."""
        return self._jpegs[int(member)]

    def image(self, shard: str, member: str) -> Image.Image:
        """Return one proxy decoded, mode `RGB`."""
        return Image.open(BytesIO(self.jpeg(shard, member))).convert("RGB")


def embed_as(execution: ExecutionParams, *what: *What) -> NDArray[np.float32]:
    """Embed n samples where the parameters say; a cluster is asked only if there is something to embed.

    Args:
        execution: section `execution` of the parameters.
        what: the arguments of `embed_proxies`.

    Returns:
        (n, d), unit length, in the order of the members.
    """
    with engine_of(execution) as engine:
        return embed_with(engine, *what)


def embed_with(
    engine: Engine,
    source: ProxySource,
    members: Sequence[tuple[str, str]],
    checkpoint: Path,
    batch_size: int,
    accelerator: str = "auto",
    precision: str = "fp32",
) -> NDArray[np.float32]:
    """Embed n samples where the engine works; see `embed_proxies`, whose result this is.

    Args:
        engine: what does the work.
        source: see `embed_proxies`.
        members: likewise.
        checkpoint: likewise.
        batch_size: likewise.
        accelerator: likewise.
        precision: likewise.

    Returns:
        (n, d), unit length, in the order of `members`.

    Raises:
        CheckpointError: the checkpoint cannot be used, or gives values that are not finite.
        ClusterError: the nodes would compute other bits, or too many were lost.
    """
    if not engine.is_cluster or not members:
        return embed_proxies(source, members, checkpoint, batch_size, accelerator, precision)
    content = checkpoint.read_bytes()
    engine.require_alike(partial(_facts, batch_size, accelerator, precision))
    how = _How(content, batch_size, accelerator, precision, engine.cpus_per_task)
    size = batch_size * max(1, min(_BATCHES, len(members) // (batch_size * engine.slots)))
    parts = (
        [source.jpeg(shard, member) for shard, member in members[start : start + size]]
        for start in range(0, len(members), size)
    )
    found: dict[int, NDArray[np.float32]] = {}
    results = engine.run(partial(_embedded, how=how), parts, cpus=engine.cpus_per_task)
    with tqdm(total=len(members), desc="embed", unit="image", disable=None) as progress, closing(results):
        for number, values in results:
            found[number] = values
            progress.update(len(values))
    return finished(np.concatenate([found[number] for number in sorted(found)]), checkpoint)


def _facts(batch_size: int, accelerator: str, precision: str) -> Mapping[str, str]:
    """Return what the bits of an embedding depend on, besides the checkpoint."""
    on_gpu = cuda_wanted(accelerator)
    return {
        "what computes embeddings": torch.cuda.get_device_name() if on_gpu else torch.backends.cpu.get_cpu_capability(),
        "the code that embeds": hashlib.sha256(
            computation("", batch_size, accelerator, precision).encode()
        ).hexdigest()[:12],
    }


def _embedded(jpegs: Sequence[bytes], *, how: _How) -> NDArray[np.float32]:
    """Embed proxies on a node.

    Args:
        jpegs: of n samples.
        how: see there.

    Returns:
        (n, d), as the network gives them.
    """
    network, architecture, cuda = _network(how.checkpoint, how.accelerator, how.precision)
    source, members = _Sent(jpegs), [("", str(number)) for number in range(len(jpegs))]
    values = vectors(network, architecture, source, members, how.batch_size, cuda=cuda, threads=how.threads)
    return np.concatenate(list(values))


@lru_cache(maxsize=1)
def _network(checkpoint: bytes, accelerator: str, precision: str) -> tuple[InferenceNetwork, Architecture, bool]:
    """Rebuild the network of a checkpoint, once in a process."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "checkpoint.ckpt"
        path.write_bytes(checkpoint)
        return load_network(path, accelerator, precision)
