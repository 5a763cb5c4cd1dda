"""Embedding that takes from a cache what an earlier run computed."""

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from curation.core.hashing import sha256_of_file
from curation.embeddings.cache import read_cache, write_cache
from curation.model.embedding import computation, embed_proxies
from curation.model.proxy_source import ProxySource

Embed = Callable[[ProxySource, Sequence[tuple[str, str]], Path, int, str, str], NDArray[np.float32]]
"""A function like `embed_proxies`."""


def embed_new(
    source: ProxySource,
    members: Sequence[tuple[str, str]],
    checkpoint: Path,
    cache: Path,
    batch_size: int,
    accelerator: str,
    precision: str,
    embed: Embed = embed_proxies,
) -> tuple[NDArray[np.float32], int]:
    """Embed samples by the model of the checkpoint, those that an earlier run embedded excepted.

    Args:
        source: of the proxies.
        members: proxy shard and member of each of n samples.
        checkpoint: of the model.
        cache: file that keeps what was embedded, for the next run.
        batch_size: samples at once.
        accelerator: see `curation.model.embedding`.
        precision: likewise.
        embed: what embeds; without influence on the result.

    Returns:
        (n, d) embeddings of unit length, and how many of them were known.
    """
    settings = (batch_size, accelerator, precision)
    how = computation(sha256_of_file(checkpoint), *settings)
    keys = [hashlib.sha256(source.jpeg(shard, member)).digest() for shard, member in members]
    cached = read_cache(cache, how)
    missing = [index for index, key in enumerate(keys) if key not in cached]
    computed = embed(source, [members[index] for index in missing], checkpoint, *settings)
    embeddings = np.empty((len(members), computed.shape[1]), np.float32)
    embeddings[missing] = computed
    for index in set(range(len(keys))).difference(missing):
        embeddings[index] = cached[keys[index]]
    write_cache(cache, how, keys, embeddings)
    return embeddings, len(keys) - len(missing)
