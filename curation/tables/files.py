"""Tables on disk: Parquet for programs, CSV for people and other tools. Equal tables give equal bytes."""

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from curation.core.atomic import atomic_file


def empty_frame(schema: pa.Schema) -> pd.DataFrame:
    """Return a table without rows in the columns and types of `schema`."""
    return to_frame(schema.empty_table())


def to_frame(table: pa.Table) -> pd.DataFrame:
    """Convert an Arrow table to pandas."""
    frame: pd.DataFrame = table.to_pandas()
    return frame


def write_parquet(frame: pd.DataFrame, schema: pa.Schema, path: Path) -> None:
    """Write the columns of `schema`, in its order and types, and no others."""
    table = pa.Table.from_pandas(frame[schema.names], schema=schema, preserve_index=False)
    table = table.replace_schema_metadata(schema.metadata)
    with atomic_file(path) as temporary:
        pq.write_table(table, temporary, compression="zstd")


def read_parquet(path: Path, columns: list[str] | None = None) -> pd.DataFrame:
    """Read a Parquet file, or some of its columns."""
    return to_frame(pq.read_table(path, columns=columns))


def read_known_parquet(path: Path, schema: pa.Schema) -> pd.DataFrame:
    """Read the columns of `schema`; those that a former version did not write have 0, NaN or nothing in each row."""
    table: pa.Table = pq.read_table(path)
    for field in schema:
        if field.name not in table.schema.names:
            nothing = "" if pa.types.is_string(field.type) else np.nan if pa.types.is_floating(field.type) else 0
            table = table.append_column(field, pa.array([nothing] * len(table), field.type))
    return to_frame(table.select(schema.names))


def write_csv(frame: pd.DataFrame, schema: pa.Schema, path: Path) -> None:
    r"""Write the columns of `schema` as CSV: UTF-8, comma, `\\n`, missing values empty, shortest exact numbers."""
    typed = to_frame(pa.Table.from_pandas(frame[schema.names], schema=schema, preserve_index=False))
    with atomic_file(path) as temporary:
        typed.to_csv(temporary, index=False, lineterminator="\n")


def read_csv(path: Path, schema: pa.Schema) -> pd.DataFrame:
    """Read a CSV written by `write_csv` with the types of `schema`; empty text stays empty text.

    Raises:
        ValueError: a column or value is not as the schema says.
    """
    # float32 is rounded from float64, as pandas does it.
    types = {field.name: pa.float64() if pa.types.is_floating(field.type) else field.type for field in schema}
    convert = pa_csv.ConvertOptions(
        column_types=types, null_values=[""], strings_can_be_null=False, include_columns=schema.names
    )
    parse = pa_csv.ParseOptions(newlines_in_values=True)
    try:
        table = pa_csv.read_csv(path, parse_options=parse, convert_options=convert)
    except pa.ArrowKeyError as error:
        raise ValueError(f"{path}: {error}") from None
    for field in schema:
        if table[field.name].null_count and not pa.types.is_floating(field.type):
            raise ValueError(f"{path}: a value of {field.name} is missing")
    return to_frame(table.cast(schema))


def read_csv_if_any(path: Path, schema: pa.Schema) -> pd.DataFrame:
    """Read as `read_csv`; no rows where there is no such file."""
    return read_csv(path, schema) if path.exists() else empty_frame(schema)
