"""Fetching an object: the pinned version of it, once, in one stream, with the hash of its content on the way.

Whatever goes wrong on the way is tried again, from the byte on that had arrived. So one request an object is the rule,
and a request that fails, hangs, drips or is cut off costs the rest alone.
"""

import hashlib
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from curation.buckets.addresses import parse_address
from curation.buckets.objects import RawObject
from curation.buckets.opening import opened
from curation.buckets.patience import LEAST_RATE, GivenUpError, Patience
from curation.buckets.store import RequestError, Store, Stream

_CHUNK = 1 << 20
_TEMPORARY_PREFIX = ".fetching-"
"""Beginning of the names of files that are not complete: other than `curation.core.atomic`'s, they are not worth
syncing to disk."""


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
    store, key = opened(parse_address(found.address))
    patience = Patience(timeout_s, lambda: announce(0))
    target.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(prefix=_TEMPORARY_PREFIX, dir=target.parent)
    try:
        with os.fdopen(descriptor, "w+b") as file:
            received = _Received(file)
            while True:
                try:
                    _receive(store, key, found, received, patience)
                    break
                except RequestError as error:
                    patience.pause(error)
        os.replace(temporary, target)
    except GivenUpError as error:
        raise UnreachableError(error.reason) from None
    finally:
        Path(temporary).unlink(missing_ok=True)
    return received.digest.hexdigest()


class _Received:
    """What has arrived of an object.

    Args:
        file: takes it.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.size = 0
        self.digest = hashlib.sha256()

    def add(self, chunk: bytes) -> None:
        self._file.write(chunk)
        self.digest.update(chunk)
        self.size += len(chunk)

    def begin_again(self) -> None:
        self._file.seek(0)
        self._file.truncate()
        self.size, self.digest = 0, hashlib.sha256()


def _receive(store: Store, key: str, found: RawObject, received: _Received, patience: Patience) -> None:
    """Read the rest of an object with one request.

    Raises:
        RequestError: the rest did not come, or not all of it.
    """
    asked = store.open(key, found.etag, found.version, received.size)
    stream = patience.awaited(asked, time.monotonic() + patience.window_s)
    try:
        if stream.size not in (found.size, -1):
            raise RequestError("changed", f"has {stream.size} bytes in the bucket, and {found.size} when it was listed")
        if stream.start != received.size:
            received.begin_again()
        _read_on(stream, received, found.size, patience)
    finally:
        stream.close()
    if received.size != found.size:
        raise RequestError("failed", f"ends after {received.size} of {found.size} bytes")


def _read_on(stream: Stream, received: _Received, size: int, patience: Patience) -> None:
    """Read a stream to its end.

    Raises:
        RequestError: it is slower than the least rate, or breaks.
    """
    begun, before = time.monotonic(), received.size
    while chunk := patience.awaited(stream.read(_CHUNK), begun + patience.window_s):
        received.add(chunk)
        patience.received(len(chunk))
        if received.size > size:
            raise RequestError("changed", f"has more than {size} bytes in the bucket, which it had when it was listed")
        now = time.monotonic()
        if now - begun >= patience.window_s:
            if received.size - before < LEAST_RATE * (now - begun):
                raise RequestError("failed", f"comes with less than {LEAST_RATE >> 10} kB a second")
            begun, before = now, received.size
