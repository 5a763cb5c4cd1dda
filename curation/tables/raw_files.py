"""Reading the table of raw files, which former versions wrote without the columns that only objects have."""

from pathlib import Path

import pandas as pd

from curation.tables.files import read_parquet
from curation.tables.samples import OBJECT_COLUMNS, RAW_FILES


def read_raw_files(path: Path) -> pd.DataFrame:
    """Read a table of raw files.

    Returns:
        Columns of `RAW_FILES`.

    Raises:
        KeyError: it lacks a column that it always had.
    """
    table = read_parquet(path)
    lacking = {name: "" for name in OBJECT_COLUMNS if name not in table.columns}
    columns: pd.DataFrame = table.assign(**lacking)[RAW_FILES.names]
    return columns
