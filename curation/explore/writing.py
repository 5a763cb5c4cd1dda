"""Writes the table of all samples, some thousand rows at a time."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from curation.core.atomic import atomic_file
from curation.explore.schema import ROW, THUMBNAIL

ROWS_AT_ONCE = 10_000
"""Rows of a row group: with pictures of two kilobytes, 20 MB are held at a time."""

Pictures = Callable[[Sequence[str]], list[bytes | None]]


def write_table(
    path: Path,
    samples: pa.Table,
    places: Mapping[str, NDArray[np.float32]],
    schema: pa.Schema,
    pictures: Pictures | None,
    advance: Callable[[int], object] = lambda rows: None,
) -> int:
    """Write the Parquet file; equal arguments give equal bytes.

    Args:
        path: the file.
        samples: n rows, `curation.explore.samples.KNOWN`.
        places: coordinates by column, (n,) each, NaN for none.
        schema: what `table_schema` returns, with metadata.
        pictures: makes the thumbnails of samples; None leaves them all out.
        advance: called with the number of rows after each part.

    Returns:
        How many samples have a picture.
    """
    # Pictures are compressed already, and differ.
    others = [name for name in schema.names if name != THUMBNAIL]
    compression = dict.fromkeys(others, "zstd") | {THUMBNAIL: "none"}
    count = 0
    with (
        atomic_file(path) as temporary,
        pq.ParquetWriter(
            temporary, schema, compression=compression, use_dictionary=others, write_statistics=others
        ) as writer,
    ):
        for start in _starts(len(samples)):
            part = samples.slice(start, ROWS_AT_ONCE)
            small = pictures(part["filename"].to_pylist()) if pictures else [None] * len(part)
            count += sum(picture is not None for picture in small)
            columns = {
                ROW: pa.array(np.arange(start, start + len(part)), pa.int32()),
                **{name: _numbers(values[start : start + len(part)]) for name, values in places.items()},
                THUMBNAIL: pa.array(small, pa.binary()),
            }
            arrays = [columns[name] if name in columns else part[name] for name in schema.names]
            writer.write_table(pa.Table.from_arrays(arrays, schema=schema))
            advance(len(part))
    return count


def _starts(rows: int) -> Iterable[int]:
    return range(0, rows, ROWS_AT_ONCE)


def _numbers(values: NDArray[np.float32]) -> pa.Array:
    return pa.array(values, pa.float32(), mask=np.isnan(values))
