"""Embedding Atlas (https://apple.github.io/embedding-atlas, MIT): where its page is, and what it shows first.

Of the package only the page is used, the files in its folder `static`. Its own server reads the whole table into
pandas and again into a database, which takes four gigabytes for a million samples with pictures; `server.py` takes one.
"""

import shutil
from collections.abc import Callable, Sequence
from importlib import metadata, util
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from curation.core.atomic import atomic_folder, write_json
from curation.core.errors import MissingPackageError, OutputError
from curation.explore.folders import require_replaceable
from curation.explore.schema import FILENAME, ITERATION_KEY, MAP_KEY, ROW, STATE, THUMBNAIL, X, Y

PACKAGE, DATABASE, LOCK = "embedding-atlas", "duckdb", "requirements-explore.lock"
VERSION = "0.22."
"""The beginning of the versions whose page is served: another may ask for other things."""

INSTALL = f"python -m pip install --no-deps -r {LOCK}"

TABLE = "dataset"
"""The table that the page asks for."""

TABLE_FILE = Path("data/dataset.parquet")
METADATA_FILE = Path("data/metadata.json")

_FEW = 10
"""Values that the page lists with their counts; of more it shows the most frequent ones."""

_IN_TOOLTIP = ("predicted_class", "dropped_as", "duplicate_of", "raw_path", "frame", "time_s", "width", "height")
"""Columns that the page shows of the sample under the mouse, besides `_SHOWN`; the others are there to be chosen."""

_SHOWN = (THUMBNAIL, FILENAME, STATE, "iteration", "rank", "label_name", "distance", "nearest", "covered_by", "reason")


def page_folder() -> Path:
    """Return the folder of the page's files.

    Raises:
        MissingPackageError: the package is not installed, or is of another version.
    """
    try:
        version = metadata.version(PACKAGE)
    except metadata.PackageNotFoundError:
        raise _missing(f"{PACKAGE} is not installed") from None
    if not version.startswith(VERSION):
        raise _missing(f"{PACKAGE} {version} is installed, and {VERSION}x is needed")
    spec = util.find_spec("embedding_atlas")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        page = Path(folder) / "static"
        if (page / "index.html").is_file():
            return page
    raise _missing(f"{PACKAGE} is damaged: it holds no static/index.html")


def require_database() -> None:
    """Make sure that DuckDB is there.

    Raises:
        MissingPackageError: it is not.
    """
    if util.find_spec(DATABASE) is None:
        raise _missing(f"{DATABASE} is not installed")


def _missing(what: str) -> MissingPackageError:
    return MissingPackageError(
        f"explore: {what}. Install what shows the samples (two packages, 45 MB), then run it again:\n  {INSTALL}\n"
        "--write-only writes the table without it."
    )


def metadata_of(table: Path, *, is_static: bool) -> dict[str, Any]:
    """Return `page_metadata` for a table that `curate explore` wrote.

    Raises:
        OutputError: it is another file.
    """
    try:
        schema = pq.read_schema(table)
        about = {key.decode(): value.decode() for key, value in (schema.metadata or {}).items()}
        x, y = about[MAP_KEY].split()
        return page_metadata(schema.names, (x, y), int(about[ITERATION_KEY]), is_static=is_static)
    except (pa.ArrowException, KeyError, ValueError):
        raise OutputError(f"explore: {table} is no table that this command wrote: leave --show-only out") from None


def page_metadata(
    table_columns: Sequence[str], axes: tuple[str, str], last_iteration: int, *, is_static: bool
) -> dict[str, Any]:
    """Return what the page reads first, `data/metadata.json`.

    Args:
        table_columns: of the table.
        axes: columns of the map.
        last_iteration: number of the newest iteration.
        is_static: whether the page reads the table itself, in the browser; else a server does.
    """
    shown = [name for name in _SHOWN if name in table_columns]
    projection = {"x": axes[0], "y": axes[1]}
    image = {"image": THUMBNAIL} if THUMBNAIL in table_columns else {}
    charts = [
        {
            "type": "embedding",
            "title": _map_title(axes),
            "data": {**projection, **image, "category": STATE},
        },
        _counts(STATE),
        _counts("iteration") if last_iteration <= _FEW else _histogram("iteration"),
        _counts("label_name"),
        _histogram("distance"),
        {"type": "predicates", "title": "Conditions (SQL)", "items": _conditions(last_iteration)},
        {"type": "instances", "title": "Samples", "columns": shown, "viewMode": "cards"},
    ]
    hidden = [name for name in table_columns if name not in shown and name not in _IN_TOOLTIP]
    styles: dict[str, dict[str, Any]] = {name: {"display": "hidden"} for name in hidden}
    if image:
        styles[THUMBNAIL] = {"renderer": "image", "display": "full", "options": {"size": 160}}
    return {
        "props": {
            "data": {"id": ROW, "projection": projection, "text": FILENAME, **image},
            "embeddingViewLabels": [],
            "initialState": {
                "charts": {f"{place}": chart for place, chart in enumerate(charts, 1)},
                "columnStyles": styles,
            },
        },
        "database": {"type": "wasm", "load": True} if is_static else {"type": "rest"},
        "isStatic": is_static,
    }


def _map_title(axes: tuple[str, str]) -> str:
    return "Map (principal components)" if axes == (X, Y) else f"Map (UMAP, {axes[0].split('_')[1]} neighbours)"


def _counts(column: str) -> dict[str, Any]:
    return {"type": "count-plot", "title": column, "data": {"field": column}}


def _histogram(column: str) -> dict[str, Any]:
    """Return the histogram that the page draws of a number by itself: all, and what is chosen, with a brush."""
    x, y = {"field": column}, {"aggregate": "count"}
    return {
        "title": column,
        "layers": [
            {"mark": "bar", "style": {"fillColor": "$markColorFade"}, "encoding": {"x": x, "y": y}},
            {"mark": "bar", "filter": "$filter", "encoding": {"x": x, "y": y}},
        ],
        "selection": {"brush": {"encoding": "x"}},
        "widgets": [{"type": "scale.type", "channel": "x"}],
    }


def _conditions(last_iteration: int) -> list[dict[str, str]]:
    newest = f"iteration = {last_iteration}"
    return [
        {"name": "Selected in the last iteration", "predicate": f"{newest} AND state = 'selected'"},
        {"name": "Left in the last iteration", "predicate": f"{newest} AND state = 'not selected'"},
    ]


def write_static(folder: Path, page: Path, write_table: Callable[[Path], object]) -> None:
    """Write a folder that any web server shows: the page, and the table that it reads in the browser.

    Args:
        folder: replaced if it was written before.
        page: what `page_folder` returns.
        write_table: writes the Parquet file to a path.

    Raises:
        OutputError: the folder holds something else.
    """
    require_replaceable(folder, METADATA_FILE)
    with atomic_folder(folder) as temporary:
        shutil.copytree(page, temporary, dirs_exist_ok=True, copy_function=shutil.copyfile)
        write_table(temporary / TABLE_FILE)
        write_json(temporary / METADATA_FILE, metadata_of(temporary / TABLE_FILE, is_static=True))
