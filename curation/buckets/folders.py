"""Objects of any other kind of bucket that fsspec knows, and files of a folder: no versions, but etags or times."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

from curation.buckets.store import Entry, Page, RequestError, Stream

Answer = TypeVar("Answer")

_BLOCK = 16 << 20
"""Bytes of one request."""

_TELLING = ("ETag", "etag", "md5Hash", "content_md5", "generation", "mtime")
"""What of an object's details changes with its content: the first that a store has."""


class FolderStore:
    """Buckets, or folders, that a file system of fsspec reads.

    Args:
        filesystem: of fsspec.

    Attributes:
        page_s: see `curation.buckets.store.Store`; the whole list is one part here.
        refuses_versions: likewise.
    """

    page_s = 3600.0
    refuses_versions = False

    def __init__(self, filesystem: Any) -> None:
        self._filesystem = filesystem

    def page(self, key: str, following: object | None) -> Future[Page]:
        """See `curation.buckets.store.Store.page`."""
        return _asked(lambda: self._page(key))

    def open(self, key: str, etag: str, version: str, start: int) -> Future[Stream]:
        """See `curation.buckets.store.Store.open`; one more request tells whether it is the object that was listed."""
        return _asked(lambda: self._open(key, etag, start))

    def _page(self, key: str) -> Page:
        self._filesystem.invalidate_cache()
        found: dict[str, dict[str, Any]] = self._filesystem.find(key.rstrip("/"), detail=True)
        return Page([Entry(name, int(info["size"]), _etag(info), "") for name, info in found.items()])

    def _open(self, key: str, etag: str, start: int) -> Stream:
        info = self._filesystem.info(key)
        if _etag(info) != etag:
            raise RequestError("changed", "has changed in the bucket since it was listed")
        file = self._filesystem.open(key, "rb", block_size=_BLOCK)
        file.seek(start)
        return FolderStream(file, start, int(info["size"]))


class FolderStream:
    """See `curation.buckets.store.Stream`."""

    def __init__(self, file: Any, start: int, size: int) -> None:
        self._file = file
        self.start = start
        self.size = size

    def read(self, most: int) -> Future[bytes]:
        """See `curation.buckets.store.Stream.read`."""
        return _asked(lambda: bytes(self._file.read(most)))

    def close(self) -> None:
        """See `curation.buckets.store.Stream.close`."""
        _asked(self._file.close)


def _etag(info: dict[str, Any]) -> str:
    return next((str(info[name]).strip('"') for name in _TELLING if info.get(name) not in (None, "")), "")


def _asked(request: Callable[[], Answer]) -> Future[Answer]:
    """Make a request on a thread of its own, which nothing waits for where it hangs."""
    future: Future[Answer] = Future()

    def ask() -> None:
        try:
            future.set_result(request())
        except Exception as error:  # each kind of store has classes of its own
            future.set_exception(_in_our_words(error))

    threading.Thread(target=ask, daemon=True).start()
    return future


def _in_our_words(error: Exception) -> Exception:
    if isinstance(error, RequestError):
        return error
    if isinstance(error, FileNotFoundError):
        return RequestError("gone", "is gone from the bucket")
    if isinstance(error, PermissionError):
        return RequestError("forbidden", "may not be read with these credentials")
    return RequestError("failed", " ".join(f"{type(error).__name__}: {error}".split()))
