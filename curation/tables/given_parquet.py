"""Parquet tables that people give, read as those in text are: each value as text, an empty one for a missing value."""

from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

MAGIC = b"PAR1"
"""The first bytes of a Parquet file."""


def is_parquet(path: Path) -> bool:
    """Return whether a file is Parquet, by its first bytes.

    Raises:
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        return file.read(len(MAGIC)) == MAGIC


def read_as_text(path: Path) -> pd.DataFrame:
    """Read a Parquet table as text: numbers as short as they are exact, whole ones without a point, `true`, `false`.

    Columns whose values have no text, such as lists, are left out.

    Raises:
        OSError: it cannot be read.
        ValueError: it is damaged.
    """
    table = pq.read_table(path)
    columns: dict[str, list[str]] = {}
    for name, column in zip(table.column_names, table.columns, strict=True):
        try:
            text = pc.cast(_without_nan(column), pa.string())
        except pa.ArrowNotImplementedError:
            continue
        columns[name] = pc.fill_null(text, "").to_pylist()
    return pd.DataFrame(columns, dtype=str)


def _without_nan(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return a column whose missing numbers are missing, as pandas does not write them."""
    if not pa.types.is_floating(column.type):
        return column
    return pc.if_else(pc.is_nan(column), pa.scalar(None, column.type), column)
