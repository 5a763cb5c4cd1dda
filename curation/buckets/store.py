"""A store of objects: what is asked of every kind of bucket.

A request is made once; `curation.buckets.patience` makes it again. All that takes time gives a future, since no kind of
connection promises to end in time.
"""

from concurrent.futures import Future
from dataclasses import dataclass
from typing import Literal, Protocol


@dataclass(frozen=True, slots=True)
class Entry:
    """One object as a bucket lists it.

    Attributes:
        key: as in the address.
        size: bytes.
        etag: without quotes.
        version: empty where the bucket keeps none.
        archive: name of the class of storage that has to be restored before it can be read; empty for others.
    """

    key: str
    size: int
    etag: str
    version: str
    archive: str = ""


@dataclass(frozen=True)
class Page:
    """A part of a bucket's list.

    Attributes:
        entries: objects, those that can be had now.
        following: what `Store.page` takes for the next part; None after the last.
    """

    entries: list[Entry]
    following: object | None = None


class RequestError(Exception):
    """A request has failed.

    Attributes:
        kind: `failed` may succeed when it is tried again; the others will not.
        reason: for people, of one object.
    """

    def __init__(self, kind: Literal["failed", "gone", "changed", "forbidden", "archived"], reason: str) -> None:
        super().__init__(reason)
        self.kind = kind
        self.reason = reason


class Stream(Protocol):
    """The bytes of an object, one after the other.

    Attributes:
        start: of the first byte that it gives. May be 0 where another was asked for.
        size: of the whole object, bytes; -1 where the store does not tell.
    """

    start: int
    size: int

    def read(self, most: int) -> "Future[bytes]":
        """Give the next bytes, `most` at most; none at the end. May raise `RequestError`."""

    def close(self) -> None:
        """Give the connection back, or up."""


class Store(Protocol):
    """A kind of bucket, with what is needed to reach it.

    Attributes:
        page_s: seconds that one part of a list may take.
        refuses_versions: whether it keeps versions, perhaps, but does not list them for these credentials.
    """

    page_s: float
    refuses_versions: bool

    def page(self, key: str, following: object | None) -> "Future[Page]":
        """Give a part of the list of the objects whose keys begin so, in no order. May raise `RequestError`.

        Args:
            key: the beginning.
            following: None for the first part, or what the part before it says.
        """

    def open(self, key: str, etag: str, version: str, start: int) -> "Future[Stream]":
        """Begin to read an object from a byte on, the version of it and no other. May raise `RequestError`.

        Args:
            key: of the object.
            etag: that it has to have.
            version: empty for the only, or present, one.
            start: first byte.
        """
