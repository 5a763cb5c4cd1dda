"""S3 Inventory in place of a bucket's own list."""

import gzip
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyarrow import orc

from curation.buckets.listing import Origin
from curation.buckets.refresh import refresh
from curation.core.errors import BucketError
from tests.buckets.server import Bucket

Row = tuple[str, str, str, str, str, str, str, str]

CSV_COLUMNS = "Bucket, Key, VersionId, IsLatest, IsDeleteMarker, Size, ETag, StorageClass"
COLUMNS = ("bucket", "key", "version_id", "is_latest", "is_delete_marker", "size", "e_tag", "storage_class")


def rows_of(bucket: str) -> list[Row]:
    """Return an inventory: former versions, a deletion and another folder among the objects."""
    return [
        (bucket, "raw/a b+c.png", "v2", "true", "false", "7", "e2", "STANDARD"),
        (bucket, "raw/a b+c.png", "v1", "false", "false", "5", "e1", "STANDARD"),
        (bucket, "raw/deleted.png", "v3", "true", "true", "", "", ""),
        (bucket, "raw/cold.mp4", "null", "true", "false", "9", "e3", "GLACIER"),
        (bucket, "other/b.png", "v4", "true", "false", "7", "e4", "STANDARD"),
    ]


def csv_file(rows: Sequence[Row]) -> bytes:
    """Return a file of an inventory as the service writes it: keys escaped as in addresses of the web."""
    escape = {"raw/a b+c.png": "raw/a+b%2Bc.png"}
    lines = [",".join(f'"{escape.get(value, value)}"' for value in row) for row in rows]
    return gzip.compress(("\n".join(lines) + "\n").encode())


def table_file(rows: Sequence[Row], write: Any) -> bytes:
    """Return a file of an inventory in a format with types."""
    columns = dict(zip(COLUMNS, map(list, zip(*rows, strict=True)), strict=True))
    for name in ("is_latest", "is_delete_marker"):
        columns[name] = [value == "true" for value in columns[name]]
    columns["size"] = [int(value) if value else None for value in columns["size"]]
    sink = io.BytesIO()
    write(pa.table(columns), sink)
    return sink.getvalue()


def put_inventory(bucket: Bucket, date: str, kind: str, parts: Sequence[bytes], columns: str = CSV_COLUMNS) -> None:
    """Put an inventory into the bucket."""
    names = [f"inventory/all/data/{date}-{number}" for number in range(len(parts))]
    manifest = {
        "sourceBucket": bucket.name,
        "destinationBucket": f"arn:aws:s3:::{bucket.name}",
        "fileFormat": kind,
        "fileSchema": columns if kind == "CSV" else "message s3.inventory { … }",
        "files": [{"key": name, "size": len(part)} for name, part in zip(names, parts, strict=True)],
    }
    bucket.put(dict(zip(names, parts, strict=True)))
    bucket.put({f"inventory/all/{date}/manifest.json": json.dumps(manifest).encode()})


@pytest.mark.parametrize("kind", ["CSV", "Parquet", "ORC"])
def test_an_inventory_is_read_in_place_of_the_list(s3_bucket: Bucket, tmp_path: Path, kind: str) -> None:
    rows = rows_of(s3_bucket.name)
    write = {"Parquet": pq.write_table, "ORC": orc.write_table}
    parts = [csv_file(part) if kind == "CSV" else table_file(part, write[kind]) for part in (rows[:3], rows[3:])]
    put_inventory(s3_bucket, "2026-01-01T00-00Z", kind, parts[:1])
    put_inventory(s3_bucket, "2026-01-02T00-00Z", kind, parts)
    root = f"s3://{s3_bucket.name}"
    for inventory in (f"{root}/inventory/all/", f"{root}/inventory/all/2026-01-02T00-00Z/manifest.json"):
        s3_bucket.forget()
        found = refresh(tmp_path / "x.listing.parquet", Origin((f"{root}/raw/",), "", inventory), lambda _: None)
        assert found.table.values.tolist() == [
            ["a b+c.png", 7, "e2", "v2", f"{root}/raw/a b+c.png", ""],
            [
                *("cold.mp4", 9, "e3", "", f"{root}/raw/cold.mp4"),
                "in the archive class GLACIER: restore it, then `python -m curate update`",
            ],
        ]
        assert len(s3_bucket.reads()) == 3, "the manifest, and the two files that it names"


def test_an_inventory_that_is_none_is_an_error(s3_bucket: Bucket, tmp_path: Path) -> None:
    root, path = f"s3://{s3_bucket.name}", tmp_path / "x.listing.parquet"
    s3_bucket.put({"x/manifest.json": b"{}", "raw/a.png": b""})
    put_inventory(s3_bucket, "1", "CSV", [], "Bucket, Key, Size")
    for address, inventory, words in (
        ("raw", f"{root}/raw/", "is no manifest.json of an S3 Inventory"),
        ("raw", f"{root}/x/", "x/manifest.json is no manifest of an S3 Inventory"),
        ("raw", f"{root}/inventory/", "lacks etag: set up the inventory with the fields Size, ETag"),
    ):
        with pytest.raises(BucketError, match=words):
            refresh(path, Origin((f"{root}/{address}/",), "", inventory), lambda _: None)
    put_inventory(s3_bucket, "1", "CSV", [])
    with pytest.raises(BucketError, match=r"lists the bucket .*, and not other"):
        refresh(path, Origin(("s3://other/",), "", f"{root}/inventory/"), lambda _: None)
    assert not path.exists()
