"""The listing of a bucket: `data/raw/NAME.listing.parquet` pins every object of it by its etag and version."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from curation.core.atomic import atomic_file
from curation.core.errors import RawDataError
from curation.tables.files import to_frame

SUFFIX = ".listing.parquet"

LISTING = pa.schema(
    {
        "path": pa.string(),  # as the object stands in the table of raw files, relative to data/raw; sorted
        "size": pa.int64(),  # bytes
        "etag": pa.string(),  # of the bucket, without quotes
        "version": pa.string(),  # of the object; empty where the bucket keeps none
        "address": pa.string(),  # s3://bucket/key or remote://NAME/key
        "reason": pa.string(),  # why it cannot be used, else empty: it is listed as ignored
    }
)

_ORIGIN = b"curation.origin"
_TEXT_OF_NEIGHBOURS = "DELTA_BYTE_ARRAY"
"""The encoding of sorted text: what it has in common with the row before is not written again."""


@dataclass(frozen=True)
class Origin:
    """Where a listing comes from, for its refresh.

    Attributes:
        addresses: of the listed prefixes, in the order in which they were given.
        into: the folder below the folder of raw data that the objects' paths begin with; empty for none.
        inventory: address of the manifest of an S3 Inventory that is read in place of the bucket's own list, or of the
            folder of such manifests; empty for none.
    """

    addresses: tuple[str, ...] = ()
    into: str = ""
    inventory: str = ""


def is_listing(path: str) -> bool:
    """Return whether a file is a listing, by its path relative to the folder of raw data: they lie in no sub-folder."""
    name = path.removeprefix("./")
    return name.endswith(SUFFIX) and name != SUFFIX and "/" not in name


def read_listing(path: Path) -> pd.DataFrame:
    """Read a listing.

    Returns:
        Columns of `LISTING`, sorted by path.

    Raises:
        RawDataError: the file is no listing.
    """
    try:
        return to_frame(pq.read_table(path, columns=LISTING.names).cast(LISTING))
    except (OSError, ValueError, KeyError, pa.ArrowException) as error:
        raise _no_listing(path, error) from None


def read_origin(path: Path) -> Origin:
    """Read where a listing comes from.

    Raises:
        RawDataError: the file is no listing.
    """
    try:
        content = json.loads((pq.read_schema(path).metadata or {})[_ORIGIN])
        return Origin(tuple(map(str, content["addresses"])), str(content["into"]), str(content["inventory"]))
    except (OSError, ValueError, KeyError, TypeError, pa.ArrowException) as error:
        raise _no_listing(path, error) from None


def write_listing(listing: pd.DataFrame, path: Path, origin: Origin) -> None:
    """Write a listing, sorted by path; equal content gives equal bytes.

    Args:
        listing: columns of `LISTING`.
        path: whose name ends in `SUFFIX`.
        origin: of the listing.
    """
    rows = listing[LISTING.names].sort_values("path", kind="stable", ignore_index=True)
    schema = LISTING.with_metadata({_ORIGIN: json.dumps(asdict(origin), sort_keys=True).encode()})
    table = pa.Table.from_pandas(rows, schema=schema, preserve_index=False).replace_schema_metadata(schema.metadata)
    with atomic_file(path) as temporary:
        pq.write_table(
            table,
            temporary,
            compression="zstd",
            use_dictionary=["reason"],
            column_encoding={"path": _TEXT_OF_NEIGHBOURS, "address": _TEXT_OF_NEIGHBOURS},
        )


def _no_listing(path: Path, error: Exception) -> RawDataError:
    words = " ".join(str(error).split())
    return RawDataError(
        f"{path} is not a listing of a bucket ({words}): `python -m curate list-bucket ADDRESS --name "
        f"{path.name.removesuffix(SUFFIX)}` makes one; give other files another name"
    )
