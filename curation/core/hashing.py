"""Content hashes."""

import hashlib
from collections.abc import Callable
from pathlib import Path

from curation.core.regular import open_regular

_CHUNK = 1 << 20


def sha256_of_file(path: Path, progress: Callable[[int], object] | None = None) -> str:
    """Return the SHA-256 of a file's bytes in hexadecimal.

    Args:
        path: the file.
        progress: takes the number of bytes read since the last call.
    """
    with open_regular(path) as file:
        if progress is None:
            return hashlib.file_digest(file, "sha256").hexdigest()
        digest = hashlib.sha256()
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
            progress(len(chunk))
        return digest.hexdigest()


def md5_of_file(path: Path) -> str:
    """Return the MD5 of a file's bytes in hexadecimal: the hash by which DVC knows the file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def sha256_of_bytes(content: bytes) -> str:
    """Return the SHA-256 of `content` in hexadecimal."""
    return hashlib.sha256(content).hexdigest()
