"""Putting a single file into DVC's cache, under its hash."""

from hashlib import md5

from curation.core.atomic import write_bytes
from curation.history.dvc_cache import Cache


def add_file(cache: Cache, content: bytes) -> str:
    """Put a file into DVC's cache, read-only as DVC's own, unless it is there; return its hash."""
    digest = md5(content, usedforsecurity=False).hexdigest()
    target = cache.path(digest)
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        write_bytes(target, content)
        target.chmod(0o444)
    return digest
