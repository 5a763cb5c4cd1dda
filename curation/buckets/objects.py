"""Raw files that stay in their bucket, in tables."""

import pandas as pd

from curation.buckets.raw_object import RawObject as RawObject
from curation.tables.samples import OBJECT_COLUMNS


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
