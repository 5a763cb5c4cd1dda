"""Where samples lie on the map: the plane of the first two principal components, and the UMAPs of the report.

Embeddings are read in parts, so that memory does not grow with their number. The plane is that of a seeded subset, of
as many samples as the report's map takes; all others are placed on it.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from curation.explore.schema import umap_columns
from curation.reporting.compute.distances import principal_plane, subset
from curation.reporting.compute.maps import MAP_LIMIT

_ROWS_AT_ONCE = 8_192


def plane_places(shards: Sequence[Path], filenames: Sequence[str]) -> NDArray[np.float32]:
    """Return where samples lie in the plane of the largest variance.

    Args:
        shards: of embeddings, all of one space; samples in them that are not asked for count nothing.
        filenames: n names, sorted.

    Returns:
        (n, 2), NaN for samples that have no embedding.
    """
    index = pd.Index(filenames)
    is_embedded = np.zeros(len(index), dtype=bool)
    for rows, _ in _embeddings(shards, index, with_values=False):
        is_embedded[rows] = True
    embedded = np.flatnonzero(is_embedded)
    places = np.full((len(index), 2), np.nan, np.float32)
    if not len(embedded):
        return places
    chosen = embedded[subset(len(embedded), MAP_LIMIT)]
    number = np.full(len(index), -1)
    number[chosen] = np.arange(len(chosen))
    values: NDArray[np.float32] | None = None
    for rows, embeddings in _embeddings(shards, index):
        if values is None:
            values = np.zeros((len(chosen), embeddings.shape[1]), np.float32)
        wanted = number[rows] >= 0
        values[number[rows[wanted]]] = embeddings[wanted]
    assert values is not None
    plane = principal_plane(values)
    for rows, embeddings in _embeddings(shards, index):
        places[rows] = plane.place(embeddings)
    return places


def _embeddings(
    shards: Sequence[Path], index: pd.Index, *, with_values: bool = True
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float32]]]:
    """Yield places in the index, and the embeddings that belong there, (m,) and (m, d); (m, 0) without values."""
    for shard in shards:
        columns = ["filename", "embedding"] if with_values else ["filename"]
        for batch in pq.ParquetFile(shard).iter_batches(_ROWS_AT_ONCE, columns=columns):
            rows = index.get_indexer(batch.column("filename").to_pandas()).astype(np.int64)
            known = rows >= 0
            values = _matrix(batch.column("embedding")) if with_values else np.empty((len(rows), 0), np.float32)
            yield rows[known], values[known]


def _matrix(column: pa.FixedSizeListArray) -> NDArray[np.float32]:
    values = column.flatten().to_numpy(zero_copy_only=False)
    return np.asarray(values, dtype=np.float32).reshape(len(column), column.type.list_size)


def umap_sizes(report_map: Path | None) -> list[int]:
    """Return the numbers of neighbours of the UMAPs in a report's `plots/map.csv`, ascending; none without the file."""
    if report_map is None:
        return []
    columns = pd.read_csv(report_map, nrows=0).columns
    return sorted(int(name.split("_")[1]) for name in columns if name.startswith("umap_") and name.endswith("_x"))


def umap_places(report_map: Path, filenames: Sequence[str]) -> dict[str, NDArray[np.float32]]:
    """Return the coordinates on the report's UMAPs by column, (n,) each; NaN for samples that they leave out.

    Args:
        report_map: the report's `plots/map.csv`.
        filenames: n names.
    """
    columns = [name for size in umap_sizes(report_map) for name in umap_columns(size)]
    table = pd.read_csv(
        report_map,
        usecols=["filename", *columns],
        dtype={"filename": str},
        keep_default_na=False,
        na_values={name: [""] for name in columns},
    )
    found = table.drop_duplicates("filename").set_index("filename").reindex(pd.Index(filenames))
    return {name: found[name].to_numpy(dtype=np.float32) for name in columns}
