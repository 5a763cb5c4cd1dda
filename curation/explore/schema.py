"""The columns of the table of all samples that `curate explore` writes, and what they mean."""

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa

SELECTED, NOT_SELECTED, CANDIDATE, DROPPED = "selected", "not selected", "candidate", "dropped"

STATES = {
    SELECTED: "in the datapool",
    NOT_SELECTED: "was a candidate, and was not selected",
    CANDIDATE: "embedded since the datapool was made: the next `dvc repro` decides",
    DROPPED: "dropped by `clean`: corrupt, of low quality, a duplicate or over a limit",
}
"""The states of a sample. What was taken out for good is not in the table."""


@dataclass(frozen=True)
class Column:
    """One column.

    Attributes:
        name: of the column.
        type: of its values; every column but the first three may be null.
        meaning: in words, with the unit.
    """

    name: str
    type: pa.DataType
    meaning: str


ROW, FILENAME, STATE, X, Y, THUMBNAIL = "row", "filename", "state", "x", "y", "thumbnail"

ITERATION_KEY, MAP_KEY = "iteration", "map"
"""Metadata of the file: the newest iteration, and the columns of the map that is shown first."""

COLUMNS = (
    Column(ROW, pa.int32(), "number of the row, from 0; the rows are sorted by filename"),
    Column(FILENAME, pa.string(), "the sample's name; of a raw file that was dropped as a whole, its path"),
    Column(STATE, pa.string(), "one of the states below"),
    Column(
        "iteration",
        pa.int32(),
        "in which it was selected; else in which its raw file was processed first, or in which it was dropped",
    ),
    Column("rank", pa.int32(), "of a selected sample: place in its iteration, from 0"),
    Column("label_name", pa.string(), "weak label: the top-level folder; empty for files beside the folders"),
    Column("predicted_class", pa.string(), "class with the highest score in `select.predictions_file`"),
    Column(X, pa.float32(), "place along the first principal component of the embeddings; null without an embedding"),
    Column(Y, pa.float32(), "place along the second"),
    Column(
        "distance",
        pa.float32(),
        "of a selected sample: to `nearest`, when it was picked; of any other: to `covered_by`. Euclidean, between "
        "embeddings of unit length",
    ),
    Column("nearest", pa.string(), "of a selected sample: the nearest one selected before it"),
    Column(
        "covered_by", pa.string(), "of a sample not selected: the selected one that stood for it after its iteration"
    ),
    Column("distance_to_base", pa.float32(), "of a candidate: to the nearest sample of the datapool before"),
    Column("nearest_in_base", pa.string(), "that sample"),
    Column(
        "dropped_as",
        pa.string(),
        "of a dropped sample: corrupt, low_quality, duplicate, near_duplicate, over_limit, unsupported",
    ),
    Column("reason", pa.string(), "of a dropped sample: what was wrong, in words"),
    Column("duplicate_of", pa.string(), "of a dropped duplicate: the sample that stays in its place"),
    Column("raw_path", pa.string(), "the raw file, below data/raw"),
    Column("frame", pa.int64(), "place among all frames of the video, from 0; 0 for images, -1 for a whole file"),
    Column("time_s", pa.float64(), "seconds from the video's first frame; null for images"),
    Column("width", pa.int32(), "pixels"),
    Column("height", pa.int32(), "pixels"),
    Column("luma_mean", pa.float32(), "brightness: mean luma, 0 to 255"),
    Column("contrast", pa.float32(), "standard deviation of luma"),
    Column("sharpness", pa.float32(), "variance of the Laplacian"),
    Column("uniform_rows", pa.float32(), "share of rows of one colour"),
    Column("red_mean", pa.float32(), "0 to 255"),
    Column("green_mean", pa.float32(), "0 to 255"),
    Column("blue_mean", pa.float32(), "0 to 255"),
)
"""All columns but the picture, which is the second, and the maps of the report, which come last."""

FIGURES = tuple(column.name for column in COLUMNS[-9:])
"""The last columns: what the datapool keeps of a picture beside its embedding."""


def umap_columns(n_neighbours: int) -> tuple[str, str]:
    """Return the columns of the report's UMAP of so many neighbours."""
    return f"umap_{n_neighbours}_x", f"umap_{n_neighbours}_y"


def table_schema(umap_neighbours: Sequence[int] = ()) -> pa.Schema:
    """Return the Parquet file's schema.

    Args:
        umap_neighbours: the UMAPs that the recorded report has.
    """
    first, *rest = (pa.field(column.name, column.type) for column in COLUMNS)
    maps = [pa.field(name, pa.float32()) for size in umap_neighbours for name in umap_columns(size)]
    return pa.schema([first, pa.field(THUMBNAIL, pa.binary()), *rest, *maps])


def reference() -> str:
    """Return the page `docs/reference/explore.md`."""
    umap = "`umap_5_x`, `umap_5_y`, …"
    rows = [(f"`{column.name}`", str(column.type), column.meaning) for column in COLUMNS]
    picture = "a small JPEG; null where the cache holds no proxy, or without pictures"
    rows.insert(1, (f"`{THUMBNAIL}`", "binary", picture))
    rows.append((umap, "float", "place on the report's UMAP of 5 neighbours, and so on; null for samples not on it"))
    lines = [
        "# The table of all samples",
        "",
        "`python -m curate explore` writes one Parquet file with a row for each sample that a revision knows;",
        "[A million samples](../guides/explore.md) shows it. Any tool that reads Parquet reads it:",
        "",
        "```python",
        "import pandas",
        "",
        'table = pandas.read_parquet("explore.parquet", columns=["filename", "state", "iteration", "x", "y"])',
        "```",
        "",
        "| column | type | meaning |",
        "| --- | --- | --- |",
        *(f"| {' | '.join(row)} |" for row in rows),
        "",
        "| state | meaning |",
        "| --- | --- |",
        *(f"| {state} | {meaning} |" for state, meaning in STATES.items()),
        "",
    ]
    return "\n".join(lines)
