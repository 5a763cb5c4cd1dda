"""What nodes of a cluster leave for the machine that runs the pipeline: in a folder that all see, or in a bucket."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Literal

from curation.buckets.addresses import parse_folder
from curation.buckets.opening import filesystem_of
from curation.core.errors import ClusterError, CurationError
from curation.core.words import in_one_line


@dataclass(frozen=True)
class Storage:
    """A folder, of which only the place travels to nodes.

    Attributes:
        place: its address, `file://` for one that all nodes see.
    """

    place: str

    @classmethod
    def at(cls, place: str) -> "Storage":
        """Return the folder at a path or address.

        Raises:
            ClusterError: there is no such folder.
            BucketError: the address is none, or names no remote of DVC.
        """
        if "://" in place:
            filesystem_of(parse_folder(place))
            return cls(place.rstrip("/"))
        if not Path(place).is_dir():
            raise ClusterError(f"execution.storage: {place} is no folder here: name one that all nodes see, or null")
        return cls(f"file://{Path(place).resolve()}")

    @contextmanager
    def folder_of_a_run(self) -> Iterator["Storage"]:
        """Give a folder in it that is removed at the end."""
        own = Storage(f"{self.place}/clean-{secrets.token_hex(8)}")
        filesystem, path = own._opened()
        with own._told():
            if "file" in filesystem.protocol:  # in a bucket it is there when, and as long as, something is in it
                filesystem.makedirs(path, exist_ok=False)
        try:
            yield own
        finally:
            with own._told():
                filesystem.invalidate_cache()  # others have written there
                if filesystem.exists(path):
                    filesystem.rm(path, recursive=True)

    @contextmanager
    def open(self, name: str, mode: Literal["rb", "wb"]) -> Iterator[BinaryIO]:
        """Open a file; nobody sees a new one before it is closed, where it is in a bucket.

        Raises:
            ClusterError: it cannot be read, or written.
        """
        filesystem, path = self._opened()
        with self._told(), filesystem.open(f"{path}/{name}", mode) as file:
            yield file

    def _opened(self) -> tuple[Any, str]:
        """Return a file system of fsspec, and the folder's path in it."""
        return filesystem_of(parse_folder(self.place))

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Turn what goes wrong into a message: each kind of bucket has errors of its own."""
        try:
            yield
        except CurationError:
            raise
        except Exception as error:
            raise ClusterError(f"execution.storage: {self.place} cannot be used: {in_one_line(error)}") from None
