"""Fetching an object: the pinned version of it, once, in one stream, with the hash of its content on the way."""

from collections.abc import Callable
from pathlib import Path

from curation.buckets.objects import RawObject


class UnreachableError(Exception):
    """An object could not be fetched; it may be another time. Its bytes are neither known nor at fault.

    Attributes:
        reason: for people: what failed, and how often it was tried.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def fetch(found: RawObject, target: Path, announce: Callable[[int], None], *, timeout_s: float) -> str:
    """Download an object.

    Args:
        found: the object, as it was listed.
        target: where it goes; complete or absent.
        announce: called with 0 about every second, for as long as this goes on.
        timeout_s: seconds that tries and the pauses between them may take together, besides what the bytes take that
            arrive at the least rate.

    Returns:
        SHA-256 of the content, 64 hexadecimal digits.

    Raises:
        UnreachableError: it is gone, has changed since it was listed, or could not be read.
        BucketError: what would be so for every object: an unknown remote, a missing package, no credentials.
    """
    raise UnreachableError("not written yet")
