"""A raw file that stays in its bucket."""

from dataclasses import dataclass

import pandas as pd

from curation.tables.samples import OBJECT_COLUMNS


@dataclass(frozen=True, slots=True)
class RawObject:
    """An object in a bucket, as it was when it was listed.

    Attributes:
        path: as it stands in all tables, as if it lay in the folder of raw data (`curation.raw.listing.safe_path`).
        size: bytes.
        etag: of the bucket, which changes with the content; no hash of it. Without quotes.
        version: of the object; empty where the bucket keeps none.
        address: `s3://bucket/key`, or `remote://NAME/key` for a remote of DVC's configuration. Never with credentials.
    """

    path: str
    size: int
    etag: str
    version: str
    address: str

    @property
    def source_id(self) -> str:
        """A short text that is equal only where the object is unchanged. Equal contents may have different ones."""
        return f"{self.size}:{self.etag}:{self.version}"


def raw_objects(table: pd.DataFrame) -> list[RawObject]:
    """Return the objects among raw files, in their order.

    Args:
        table: columns of `curation.tables.samples.RAW_FILES`, or of `curation.buckets.listing.LISTING`.
    """
    rows = table.loc[table["address"] != "", ["path", "size", *OBJECT_COLUMNS]]
    return [RawObject(*row) for row in rows.itertuples(index=False, name=None)]


def source_ids(table: pd.DataFrame) -> pd.Series:
    """Return `RawObject.source_id` of each row; empty for local files.

    Args:
        table: as for `raw_objects`.
    """
    ids = table["size"].astype(str) + ":" + table["etag"] + ":" + table["version"]
    return ids.where(table["address"] != "", "")
