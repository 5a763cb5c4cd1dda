"""Embedding shards: Parquet files named by their content, so that an iteration adds files and never rewrites one.

The name is the first 16 digits of the SHA-256 of the bytes, and whoever reads a shard compares the two.

A shard holds at most `ROWS_PER_SHARD` samples, or objects in them, with their embeddings. The SHA-256 of the checkpoint
that made the embeddings stands in the file's metadata, and the precision that they were computed in: embeddings of
different checkpoints live in different spaces.
"""

from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from curation.core.atomic import write_bytes
from curation.core.errors import BaseError
from curation.core.hashing import sha256_of_bytes, sha256_of_file
from curation.tables.embeddings import METADATA, embedding_schema
from curation.tables.files import to_frame
from curation.tables.memory import give_back

ROWS_PER_SHARD = 65_536
CHECKPOINT_KEY = b"checkpoint_hash"
PRECISION_KEY = b"precision"
DEFAULT_PRECISION = "fp32"
_NAME_LENGTH = 16
_ADVICE = "restore it with `dvc checkout`, or as `python -m curate verify --quick` says where the cache is damaged"


def write_shards(
    folder: Path,
    metadata: pd.DataFrame,
    embeddings: NDArray[np.float32],
    checkpoint_hash: str,
    precision: str = DEFAULT_PRECISION,
    columns: pa.Schema = METADATA,
) -> None:
    """Write samples with their embeddings into `folder`, sorted by filename; no samples give one shard without rows.

    Args:
        folder: where the shards go; other files in it stay.
        metadata: n rows with at least `columns`; those of one filename keep their order.
        embeddings: (n, d) float32, unit length.
        checkpoint_hash: SHA-256 of the checkpoint file, in hexadecimal.
        precision: in which they were computed.
        columns: besides the embedding.
    """
    folder.mkdir(parents=True, exist_ok=True)
    order = np.argsort(metadata["filename"].to_numpy(dtype=object), kind="stable")
    sorted_metadata = metadata.iloc[order]
    sorted_embeddings = np.ascontiguousarray(embeddings[order], dtype=np.float32)
    for start in range(0, max(len(order), 1), ROWS_PER_SHARD):
        rows = slice(start, start + ROWS_PER_SHARD)
        table = _table(sorted_metadata.iloc[rows], sorted_embeddings[rows], columns)
        content = _to_bytes(table, {CHECKPOINT_KEY: checkpoint_hash, PRECISION_KEY: precision})
        write_bytes(folder / f"{sha256_of_bytes(content)[:_NAME_LENGTH]}.parquet", content)


def _table(metadata: pd.DataFrame, embeddings: NDArray[np.float32], columns: pa.Schema) -> pa.Table:
    """Return the content of one shard."""
    known = pa.Table.from_pandas(metadata[columns.names], schema=columns, preserve_index=False).columns
    values = pa.FixedSizeListArray.from_arrays(pa.array(embeddings.reshape(-1)), embeddings.shape[1])
    return pa.Table.from_arrays([*known, values], schema=embedding_schema(embeddings.shape[1], columns))


def _to_bytes(table: pa.Table, metadata: dict[bytes, str]) -> bytes:
    """Return the bytes of one shard."""
    sink = pa.BufferOutputStream()
    table = table.replace_schema_metadata({key: value.encode() for key, value in metadata.items()})
    pq.write_table(table, sink, compression="zstd")
    content: bytes = sink.getvalue().to_pybytes()
    return content


def shard_files(folders: Path | Sequence[Path]) -> list[Path]:
    """List the shards of one or several folders, sorted by name within each; a missing folder has none.

    A shard itself may stand in place of a folder.
    """
    several = [folders] if isinstance(folders, Path) else folders
    return [file for path in several for file in ([path] if path.is_file() else sorted(path.glob("*.parquet")))]


def read_metadata(folders: Path | Sequence[Path], columns: pa.Schema = METADATA) -> pd.DataFrame:
    """Read all columns but the embeddings, sorted by filename, without taking memory for the embeddings."""
    tables = [_read(file, columns.names) for file in shard_files(folders)]
    table = pa.concat_tables(tables) if tables else columns.empty_table()
    return to_frame(table).sort_values("filename", kind="stable", ignore_index=True)


def read_shards(
    folders: Path | Sequence[Path], columns: pa.Schema = METADATA, wanted: Collection[str] | None = None
) -> tuple[pd.DataFrame, NDArray[np.float32]]:
    """Read samples and embeddings of one or several folders, sorted by filename.

    Args:
        folders: folders of shards, or single shards.
        columns: that they have besides the embedding.
        wanted: names of those columns that are read, `filename` among them; None: all. One that a shard of long ago
            lacks is left out.

    Returns:
        Metadata (n rows), and embeddings (n, d) float32; (0, 0) where there is no shard.

    Raises:
        BaseError: a shard cannot be read, or the dimensions differ.
    """
    parts = [(file, table) for file in shard_files(folders) if (table := _read_columns(file, wanted)).num_rows]
    if not parts:
        return to_frame(columns.empty_table()), np.empty((0, 0), np.float32)
    # The embeddings come later, each to its place: so there is one copy of them at any time.
    dimensions = {_dimension(file) for file, _ in parts}
    if len(dimensions) > 1:
        raise BaseError(
            f"embeddings of different dimensions ({', '.join(map(str, sorted(dimensions)))}) cannot be compared: "
            "use the checkpoint of the datapool, or set train.retrain: true to embed everything again"
        )
    rows_of_files = [(file, part.num_rows) for file, part in parts]
    table = pa.concat_tables([part for _, part in parts], promote_options="permissive")
    del parts  # of each column, too, there are two copies at most
    order = pc.sort_indices(table, sort_keys=[("filename", "ascending")]).to_numpy()  # stable
    table = _taken(table, order)
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    embeddings = np.empty((len(order), dimensions.pop()), np.float32)
    start = 0
    for file, rows in rows_of_files:
        embeddings[place[start : start + rows]] = _embedding_matrix(_parsed(file, ["embedding"]))
        start += rows
    frame = to_frame(table)
    give_back(len(frame))  # it keeps what reading took for the next time
    return frame, embeddings


def _taken(table: pa.Table, order: NDArray[np.uint64]) -> pa.Table:
    """Return the rows of a table in an order; column by column, since each is let go when it has been copied."""
    if len(order) < 2 or bool((order[1:] > order[:-1]).all()):
        return table
    names, indices = table.column_names, pa.array(order)
    columns = table.columns
    del table
    taken = []
    while columns:
        taken.append(columns.pop(0).take(indices))
    return pa.table(taken, names=names)


def shard_checkpoint(file: Path) -> str:
    """Return the SHA-256 of the checkpoint that made a shard's embeddings."""
    return _metadata_value(file, CHECKPOINT_KEY, "")


def shard_precision(file: Path) -> str:
    """Return the precision in which a shard's embeddings were computed."""
    return _metadata_value(file, PRECISION_KEY, DEFAULT_PRECISION)


def _metadata_value(file: Path, key: bytes, default: str) -> str:
    metadata = pq.read_schema(file).metadata or {}
    return str(metadata.get(key, default.encode()).decode())


def shard_rows(file: Path) -> int:
    """Return how many samples a shard holds, from its footer."""
    return int(pq.read_metadata(file).num_rows)


def _read_columns(file: Path, wanted: Collection[str] | None) -> pa.Table:
    """Read the columns of a shard besides the embedding, or those of them that are wanted."""
    _require_whole(file)
    names = [name for name in _schema(file).names if name != "embedding" and (wanted is None or name in wanted)]
    return _parsed(file, names)


def _dimension(file: Path) -> int:
    """Return the length of the embeddings in a shard."""
    return int(_schema(file).field("embedding").type.list_size)


def _read(file: Path, columns: list[str]) -> pa.Table:
    """Read a shard whose content is what its name says.

    Raises:
        BaseError: it cannot be read, or is damaged.
    """
    _require_whole(file)
    return _parsed(file, columns)


def _require_whole(file: Path) -> None:
    """Make sure that the content of a shard is what its name says.

    Raises:
        BaseError: it is not, or cannot be read.
    """
    try:
        is_whole = sha256_of_file(file)[:_NAME_LENGTH] == file.stem
    except OSError as error:
        raise _unreadable(file, error) from None
    if not is_whole:
        raise BaseError(f"{file} is damaged, since its name is no longer the hash of its content: {_ADVICE}")


def _parsed(file: Path, columns: list[str]) -> pa.Table:
    """Read columns of a shard that was found whole."""
    try:
        return pq.read_table(file, columns=columns)
    except (pa.ArrowException, OSError) as error:
        raise _unreadable(file, error) from None


def _schema(file: Path) -> pa.Schema:
    try:
        return pq.read_schema(file)
    except (pa.ArrowException, OSError) as error:
        raise _unreadable(file, error) from None


def _unreadable(file: Path, error: Exception) -> BaseError:
    return BaseError(f"{file} cannot be read ({str(error).splitlines()[0]}): {_ADVICE}")


def _embedding_matrix(table: pa.Table) -> NDArray[np.float32]:
    """Return the embedding column as an (n, d) float32 matrix."""
    column = table.column("embedding")
    dimension = column.type.list_size
    flat = column.combine_chunks().flatten().to_numpy(zero_copy_only=False)
    return np.asarray(flat, dtype=np.float32).reshape(-1, dimension)
