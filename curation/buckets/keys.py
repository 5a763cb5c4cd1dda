"""From the keys of a bucket, which may be any text, to paths of raw files."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from curation.buckets.addresses import Address
from curation.buckets.store import Entry
from curation.raw.listing import safe_path, writable

_LONGEST_NAME = 255
"""Bytes. No usual file system takes longer names, and exports write files of the samples' names."""

Row = tuple[str, int, str, str, str, str]
"""A row of `curation.buckets.listing.LISTING`."""


@dataclass
class Keys:
    """What became of keys.

    Attributes:
        rows: of the listing.
        folders: how many objects only stand for folders.
        misfits: addresses of objects whose keys are no paths: with `..`, say, or an empty part.
    """

    rows: list[Row] = field(default_factory=list)
    folders: int = 0
    misfits: list[str] = field(default_factory=list)


def take(keys: Keys, found: Iterable[Entry], address: Address, into: str) -> None:
    """Add the objects below an address.

    Args:
        keys: takes them.
        found: objects, their keys relative to the address.
        address: of the folder.
        into: folder below that of raw data that their paths begin with; empty for none.
    """
    before = f"{into}/" if into else ""
    text = address.text
    for entry in found:
        if not entry.key or (entry.key.endswith("/") and not entry.size):
            keys.folders += 1
            continue
        parts = entry.key.split("/")
        if any(part in ("", ".", "..") for part in parts):
            keys.misfits.append(text + entry.key)
            continue
        path = before + entry.key
        shown = path if path.isprintable() else writable(path)
        reason = ""
        if shown != path:
            reason = "key holds a control character: give the object another one to use it"
        elif any(len(part.encode()) > _LONGEST_NAME for part in parts):
            reason = f"name of more than {_LONGEST_NAME} bytes, which no file system takes"
        elif entry.archive:
            reason = f"in the archive class {entry.archive}: restore it, then `python -m curate update`"
        keys.rows.append((safe_path(shown), entry.size, entry.etag, entry.version, text + entry.key, reason))
