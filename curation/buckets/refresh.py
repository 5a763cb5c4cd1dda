"""Making and refreshing listings: what a bucket holds now, and what is new, changed and gone since."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from curation.buckets.addresses import Address, parse_folder
from curation.buckets.inventory import inventory_entries
from curation.buckets.keys import Keys, take
from curation.buckets.listing import LISTING, Origin, read_listing, read_origin, write_listing
from curation.buckets.objects import source_ids
from curation.buckets.store import Entry
from curation.buckets.walking import Alive, entries, lacks_versions
from curation.core.errors import BucketError
from curation.core.words import counted


@dataclass(frozen=True)
class Refreshed:
    """What became of a listing.

    Attributes:
        path: of the listing.
        table: what it holds now, columns of `LISTING`.
        is_first: whether there was none before.
        new: paths that were not listed.
        changed: paths of objects that are others than were listed.
        gone: paths that are listed no more.
        notes: what else there is to tell.
    """

    path: Path
    table: pd.DataFrame
    is_first: bool
    new: tuple[str, ...]
    changed: tuple[str, ...]
    gone: tuple[str, ...]
    notes: tuple[str, ...]


def refresh(path: Path, origin: Origin, progress: Callable[[int], object]) -> Refreshed:
    """List a bucket, and write the listing where it is another one than before.

    Args:
        path: of the listing, which may be there.
        origin: what is listed.
        progress: called with 1 for each object, and with 0 about every second.

    Raises:
        BucketError: the bucket cannot be listed, or holds nothing there. The former listing stays.
    """
    addresses = [parse_folder(text) for text in origin.addresses]
    keys = Keys()
    for address in addresses:
        before = len(keys.rows)
        take(keys, _counted(_found(address, origin, lambda: progress(0)), progress), address, origin.into)
        if len(keys.rows) == before:
            raise BucketError(f"{address.text} holds no objects (or none whose keys are paths): nothing was changed")
    table = pd.DataFrame(keys.rows, columns=LISTING.names).astype({"size": "int64"})
    table = _with_unique_paths(table).sort_values("path", kind="stable", ignore_index=True)
    is_first = not path.exists()
    former = table.iloc[:0] if is_first else read_listing(path)
    if is_first or read_origin(path) != origin or not former.equals(table):
        write_listing(table, path, origin)
    new, changed, gone = compared(former, table)
    return Refreshed(path, table, is_first, new, changed, gone, tuple(_notes(keys, table, addresses)))


def _found(address: Address, origin: Origin, alive: Alive) -> Iterable[Entry]:
    return inventory_entries(origin.inventory, address, alive) if origin.inventory else entries(address, alive)


def _counted(found: Iterable[Entry], progress: Callable[[int], object]) -> Iterable[Entry]:
    for entry in found:
        progress(1)
        yield entry


def compared(former: pd.DataFrame, present: pd.DataFrame) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """Return the paths that are new, changed and gone, each sorted.

    Args:
        former: columns of `LISTING`.
        present: likewise.
    """
    before = pd.Series(source_ids(former).to_numpy(object), index=former["path"])
    now = pd.Series(source_ids(present).to_numpy(object), index=present["path"])
    both = now.index.intersection(before.index)
    changed = both[now.loc[both].to_numpy() != before.loc[both].to_numpy()]
    new, gone = now.index.difference(before.index), before.index.difference(now.index)
    return tuple(sorted(new)), tuple(sorted(changed)), tuple(sorted(gone))


def _with_unique_paths(table: pd.DataFrame) -> pd.DataFrame:
    """Make sure that no path stands for two objects; one whose escaped key is another's gets one more backslash.

    Raises:
        BucketError: two objects that could be used have the same path.
    """
    if not table["path"].duplicated().any():
        return table
    usable = table[table["reason"] == ""]
    if (twice := usable["path"].duplicated(keep=False)).any():
        path = usable.loc[twice, "path"].min()
        first, second = usable.loc[usable["path"] == path, "address"].tolist()[:2]
        raise BucketError(
            f"{first} and {second} would both stand for {path} in the folder of raw data: list these places under two "
            "names, one of them with --into FOLDER"
        )
    table = table.sort_values(["path", "reason", "address"], kind="stable", ignore_index=True)
    taken: set[str] = set()
    paths = []
    for path in table["path"]:
        while path in taken:
            path += "\\"
        taken.add(path)
        paths.append(path)
    return table.assign(path=paths)


def _notes(keys: Keys, table: pd.DataFrame, addresses: Iterable[Address]) -> Iterable[str]:
    if keys.misfits:
        yield (
            f"{counted(len(keys.misfits), 'object')} left out, since no file can be called like their keys, with .., . "
            f"or an empty part: {keys.misfits[0]!r}, for one"
        )
    unusable = table[table["reason"] != ""]
    for reason, rows in unusable.groupby("reason", sort=True):
        yield f"{counted(len(rows), 'object')} will be ignored: {reason} ({rows['path'].iloc[0]}, for one)"
    for address in addresses:
        if lacks_versions(address):
            yield (
                f"versions of {address.text} cannot be listed with these credentials (s3:ListBucketVersions): objects "
                "are pinned by their etags alone, and one that is overwritten cannot be read again"
            )
