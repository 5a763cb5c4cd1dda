"""Results of queries, as the page wants them: Arrow streams, JSON, and files of rows to download."""

import io
import json
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from curation.explore.schema import THUMBNAIL

if TYPE_CHECKING:
    from duckdb import DuckDBPyRelation

FORMATS = ("parquet", "json", "jsonl", "csv")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def as_arrow(result: "DuckDBPyRelation") -> bytes:
    """Return a result as an Arrow stream."""
    sink = pa.BufferOutputStream()
    reader = result.to_arrow_reader()
    with pa.ipc.new_stream(sink, reader.schema) as writer:
        for batch in reader:
            writer.write_batch(batch)
    content: bytes = sink.getvalue().to_pybytes()
    return content


def as_json(result: "DuckDBPyRelation") -> bytes:
    """Return a result as a JSON list of objects; bytes and dates become text."""
    return json.dumps(result.to_arrow_table().to_pylist(), default=str).encode()


def as_file(rows: pa.Table, kind: str) -> bytes:
    """Return rows as a file. Only Parquet holds pictures, and in CSV no text begins as a spreadsheet's formula.

    Args:
        rows: of the table.
        kind: one of `FORMATS`.

    Raises:
        ValueError: it is another one.
    """
    if kind not in FORMATS:
        raise ValueError(f"unknown format {kind!r}")
    sink = io.BytesIO()
    if kind == "parquet":
        pq.write_table(rows, sink, compression="zstd")
        return sink.getvalue()
    rows = rows.drop_columns([name for name in rows.column_names if name == THUMBNAIL or name.startswith("__")])
    if kind == "csv":
        pa_csv.write_csv(_without_formulas(rows), sink)
        return sink.getvalue()
    objects: list[dict[str, Any]] = rows.to_pylist()
    lines = [json.dumps(each, ensure_ascii=False, default=str) for each in objects]
    return ("[" + ",\n".join(lines) + "]\n" if kind == "json" else "".join(f"{line}\n" for line in lines)).encode()


def _without_formulas(rows: pa.Table) -> pa.Table:
    columns = [
        pa.array([f"'{text}" if text and text.startswith(_FORMULA) else text for text in rows[field.name].to_pylist()])
        if pa.types.is_string(field.type)
        else rows[field.name]
        for field in rows.schema
    ]
    return pa.table(columns, names=rows.column_names)
