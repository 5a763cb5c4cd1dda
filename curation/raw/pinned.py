"""Objects in buckets whose content is known, and one of them on the local disk for as long as it is read."""

import os
import shutil
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp
from types import MappingProxyType
from typing import NamedTuple

import pandas as pd

from curation.buckets.objects import RawObject, raw_objects, source_ids
from curation.core.atomic import TEMPORARY_PREFIX
from curation.raw.listing import extension_of

WAITING_FACTOR = 4
"""Workers for each that would read files that are here, where objects have to be fetched first."""

RawFile = tuple[str, str]
"""A raw file: the path that it was processed under, and the SHA-256 of its content."""


class Objects(NamedTuple):
    """Raw files that are objects in a bucket.

    Attributes:
        by_path: the objects.
        most_bytes: of all that are on the local disk at once; a larger one is there alone.
    """

    by_path: Mapping[str, RawObject]
    most_bytes: int = 2048 << 20


NO_OBJECTS = Objects(MappingProxyType({}))


@dataclass(frozen=True)
class PinnedObjects:
    """The objects whose content a datapool knows, as far as their bucket may still have them.

    Attributes:
        sources: columns of `curation.tables.datapool.SOURCES`.
        listing: columns of `curation.tables.samples.RAW_FILES`, of the last listing.
    """

    sources: pd.DataFrame
    listing: pd.DataFrame

    def of_contents(self, contents: Collection[str]) -> dict[RawFile, RawObject]:
        """Return where the bucket has contents: as they are listed now, else as versions that it has kept.

        Args:
            contents: SHA-256 of each.

        Returns:
            By path and content, those that were processed last after others of one content.
        """
        known = self.sources[self.sources["content_hash"].isin(set(contents))]
        if known.empty:
            return {}
        now = self.listing[(self.listing["address"] != "") & self.listing["path"].isin(set(known["path"]))]
        listed = dict(zip(zip(now["path"], source_ids(now), strict=True), raw_objects(now), strict=True))
        found: dict[RawFile, RawObject] = {}
        kept: dict[RawFile, RawObject] = {}
        for one, content in zip(raw_objects(known), known["content_hash"], strict=True):
            file = (one.path, str(content))
            if (one.path, one.source_id) in listed:
                found[file] = listed[one.path, one.source_id]
            elif one.version:
                kept[file] = one
        return kept | found


@contextmanager
def at_hand(found: RawObject, folder: Path, announce: Callable[[int], None], *, timeout_s: float) -> Iterator[Path]:
    """Give the path of a local copy of an object, which is removed afterwards.

    Args:
        found: the object.
        folder: an existing one, for the copy.
        announce: see `curation.buckets.fetching.fetch`.
        timeout_s: likewise.

    Raises:
        UnreachableError: it cannot be fetched.
        BucketError: none can be.
    """
    from curation.buckets.fetching import fetch  # what only those load that fetch

    place = Path(mkdtemp(dir=folder, prefix=f"{TEMPORARY_PREFIX}{os.getpid()}-object-"))
    try:
        path = place / f"object.{extension_of(found.path)}"
        fetch(found, path, announce, timeout_s=timeout_s)
        yield path
    finally:
        shutil.rmtree(place, ignore_errors=True)
