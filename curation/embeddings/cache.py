"""Embeddings of the last run, so that running again after adding a file embeds that file only.

The file holds the hash of each proxy with its embedding, and the name of the computation that made them: checkpoint,
transform, precision, code and library. Whatever it does not hold is computed, so it may be deleted at any time; and
where a bit of it changed, or the computation is another one, it counts as empty. It is not an output of the pipeline.
"""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from curation.core.atomic import write_bytes

KEY_BYTES = 32
_DIGEST_BYTES = hashlib.sha256().digest_size

Cache = dict[bytes, NDArray[np.float32]]
"""Embedding, (d,), by the SHA-256 of the proxy."""


def read_cache(path: Path, computation: str) -> Cache:
    """Read what an earlier run computed in the same way; nothing where the file is missing, damaged or of another way.

    Args:
        path: the file.
        computation: what made the embeddings, as `write_cache` got it.
    """
    try:
        content = path.read_bytes()
    except OSError:
        return {}
    digest, body = content[:_DIGEST_BYTES], content[_DIGEST_BYTES:]
    if hashlib.sha256(body).digest() != digest:
        return {}
    line, _, rows = body.partition(b"\n")
    header = json.loads(line)
    if header["computation"] != computation:
        return {}
    row = np.dtype([("key", f"V{KEY_BYTES}"), ("embedding", "<f4", (header["dimension"],))])
    table = np.frombuffer(rows, row)
    return {key.tobytes(): embedding for key, embedding in zip(table["key"], table["embedding"], strict=True)}


def write_cache(path: Path, computation: str, keys: Sequence[bytes], embeddings: NDArray[np.float32]) -> None:
    """Replace the cache by the embeddings of this run.

    Args:
        path: the file.
        computation: what made the embeddings, in words that differ whenever a bit of an embedding may.
        keys: n hashes of proxies, 32 bytes each.
        embeddings: (n, d).
    """
    dimension = embeddings.shape[1]
    row = np.dtype([("key", f"V{KEY_BYTES}"), ("embedding", "<f4", (dimension,))])
    table = np.empty(len(keys), row)
    table["key"] = np.frombuffer(b"".join(keys), f"V{KEY_BYTES}")
    table["embedding"] = embeddings
    header = json.dumps({"computation": computation, "dimension": dimension}).encode()
    body = header + b"\n" + table.tobytes()
    write_bytes(path, hashlib.sha256(body).digest() + body)
