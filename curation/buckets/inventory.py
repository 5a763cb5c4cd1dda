"""S3 Inventory: the list of a bucket that the service writes daily or weekly, for buckets too large to be listed.

A manifest names the list's files, in CSV, Parquet or ORC. What is listed is the bucket as it was then.
"""

import csv
import gzip
import io
import json
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote_plus

import pyarrow.parquet as pq

from curation.buckets.addresses import Address, parse_address
from curation.buckets.fetching import UnreachableError, fetch
from curation.buckets.objects import RawObject
from curation.buckets.opening import opened
from curation.buckets.s3 import ARCHIVES, UNVERSIONED
from curation.buckets.store import Entry
from curation.buckets.walking import Alive, entries
from curation.core.errors import BucketError

_MANIFEST = "manifest.json"
_PATIENCE_S = 300.0
_NEEDED = ("bucket", "key", "size", "etag")
_ADVICE = "set up the inventory with the fields Size, ETag, StorageClass and, in buckets with versions, all versions"


@dataclass(frozen=True)
class _Manifest:
    """A manifest.

    Attributes:
        bucket: that is listed.
        place: address of the bucket that the list's files are in; its key is empty.
        format: of the files: CSV, Parquet or ORC.
        columns: of a CSV file, as `_field` names them.
        files: key and size of each.
    """

    bucket: str
    place: Address
    format: str
    columns: tuple[str, ...]
    files: tuple[tuple[str, int], ...]


def inventory_entries(inventory: str, address: Address, alive: Alive) -> Iterator[Entry]:
    """Read what an inventory says of the objects below an address.

    Args:
        inventory: address of a manifest.json, or of a folder of such: the newest counts, by its name.
        address: of the folder.
        alive: called about every second.

    Yields:
        Objects that can be had now, their keys relative to the address.

    Raises:
        BucketError: the inventory cannot be read, or is of another bucket.
    """
    with tempfile.TemporaryDirectory() as folder:
        manifest = _manifest(inventory, Path(folder), alive)
        bucket, _, prefix = opened(address)[1].partition("/")
        if manifest.bucket != bucket:
            raise BucketError(f"{inventory} lists the bucket {manifest.bucket}, and not {bucket} ({address.text})")
        for key, size in manifest.files:
            place = Address(manifest.place.scheme, manifest.place.name, key)
            file = _fetched(RawObject("", size, "", "", place.text), Path(folder) / "part", alive)
            for row in _rows(manifest, file):
                if str(row["key"]).startswith(prefix) and _is_present(row):
                    yield _entry(row, prefix)


def _manifest(inventory: str, folder: Path, alive: Alive) -> _Manifest:
    """Read the manifest, or the newest one."""
    address = parse_address(inventory)
    names = sorted(
        (entry for entry in entries(address, alive) if f"/{address.key}{entry.key}".endswith(f"/{_MANIFEST}")),
        key=lambda entry: entry.key,
    )
    if not names:
        raise BucketError(f"{inventory} is no {_MANIFEST} of an S3 Inventory, and no folder of such")
    newest = names[-1]
    place = Address(address.scheme, address.name, address.key + newest.key)
    file = _fetched(RawObject("", newest.size, newest.etag, newest.version, place.text), folder / _MANIFEST, alive)
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        return _parsed(content, address)
    except (ValueError, KeyError, TypeError, AttributeError):
        raise BucketError(f"{place.text} is no manifest of an S3 Inventory") from None


def _parsed(content: Mapping[str, Any], address: Address) -> _Manifest:
    columns = tuple(_field(name) for name in str(content["fileSchema"]).split(","))
    kind = str(content["fileFormat"])
    if kind == "CSV" and (lacking := [name for name in _NEEDED if name not in columns]):
        raise BucketError(f"the inventory of {content['sourceBucket']} lacks {', '.join(lacking)}: {_ADVICE}")
    files = tuple((str(file["key"]), int(file["size"])) for file in content["files"])
    # The files lie in the bucket of the manifest. Of a remote, the key counts from the folder that it stands for.
    root = opened(Address(address.scheme, address.name, ""))[1].partition("/")[2]
    if any(not key.startswith(root) for key, _ in files):
        raise BucketError(f"the inventory lies outside of what {address.text} stands for: give its address as s3://…")
    files = tuple((key.removeprefix(root), size) for key, size in files)
    return _Manifest(str(content["sourceBucket"]), Address(address.scheme, address.name, ""), kind, columns, files)


def _field(name: str) -> str:
    """Return a column's name as no format writes it, but all alike: `VersionId` and `version_id` are one."""
    return name.strip().replace("_", "").lower()


def _fetched(found: RawObject, target: Path, alive: Alive) -> Path:
    try:
        fetch(found, target, _announced_as(alive), timeout_s=_PATIENCE_S)
    except UnreachableError as error:
        raise BucketError(f"{found.address} cannot be read: it {error.reason}") from None
    return target


def _announced_as(alive: Alive) -> Callable[[int], None]:
    def announce(_: int) -> None:
        alive()

    return announce


def _rows(manifest: _Manifest, file: Path) -> Iterable[Mapping[str, Any]]:
    """Read one file of the list; columns as `_field` names them."""
    if manifest.format == "CSV":
        with gzip.open(file, "rb") as stream:
            for values in csv.reader(io.TextIOWrapper(stream, encoding="utf-8", newline="")):
                row = dict(zip(manifest.columns, values, strict=False))
                yield {**row, "key": unquote_plus(row["key"])}
        return
    if manifest.format == "Parquet":
        batches = pq.ParquetFile(file).iter_batches()
    elif manifest.format == "ORC":
        from pyarrow import orc

        batches = iter(orc.ORCFile(file).read().to_batches())
    else:
        raise BucketError(
            f"the inventory of {manifest.bucket} is in the format {manifest.format}: CSV, Parquet and ORC are read"
        )
    for batch in batches:
        names = [_field(name) for name in batch.schema.names]
        if lacking := [name for name in _NEEDED if name not in names]:
            raise BucketError(f"the inventory of {manifest.bucket} lacks {', '.join(lacking)}: {_ADVICE}")
        for row in batch.rename_columns(names).to_pylist():
            yield row


def _is_present(row: Mapping[str, Any]) -> bool:
    """Return whether a row is of an object that can be had now, and not of a former version, or of a deletion."""
    return (
        str(row.get("islatest", True)).lower() == "true" and str(row.get("isdeletemarker") or False).lower() == "false"
    )


def _entry(row: Mapping[str, Any], prefix: str) -> Entry:
    version, kind = str(row.get("versionid") or UNVERSIONED), str(row.get("storageclass") or "")
    return Entry(
        str(row["key"]).removeprefix(prefix),
        int(row["size"]),
        str(row["etag"]).strip('"'),
        "" if version == UNVERSIONED else version,
        kind if kind in ARCHIVES else "",
    )
