"""Every sample that a revision knows, and what became of it."""

from collections.abc import Callable, Collection, Sequence
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from curation.datapool import store
from curation.explore.schema import CANDIDATE, COLUMNS, DROPPED, FIGURES, NOT_SELECTED, ROW, SELECTED, X, Y
from curation.inspection.recorded import known_tables
from curation.inspection.revision import Revision
from curation.raw.naming import label_name
from curation.tables.datapool import ITERATIONS, LEDGER, SAMPLES
from curation.tables.files import empty_frame, read_parquet
from curation.tables.samples import DROPPED as DROPPED_TABLE
from curation.tables.selection import CANDIDATES

KNOWN = pa.schema([(column.name, column.type) for column in COLUMNS if column.name not in (ROW, X, Y)])
"""The columns that need neither embeddings nor pictures."""

_EMBEDDED = ["filename", "raw_path", "frame", "time_s", "label_name", *FIGURES]
_POOL = ["filename", "raw_path", "frame", "time_s", "label_name", "iteration", "rank", "distance", "nearest"]
_MAY_BE_EMPTY = ("nearest", "covered_by", "nearest_in_base", "reason", "duplicate_of")


Predictions = Callable[[Collection[str]], "pd.Series[str] | None"]
"""Reads the predicted class of samples, by filename, for the names of all samples that have an embedding."""


def known_samples(start: Revision, candidates: Path, dropped: Path, predictions: Predictions | None = None) -> pa.Table:
    """Gather the samples of a revision. Takes about 1.3 kB of memory a sample at most, and nothing for embeddings.

    Args:
        start: the revision.
        candidates: the output that holds the candidates of an iteration (`CANDIDATES`).
        dropped: the output that holds what it dropped (`curation.tables.samples.DROPPED`).
        predictions: reads what a model predicts.

    Returns:
        Columns `KNOWN`, sorted by filename, each once.
    """
    has = start.has_datapool
    pool = start.samples if has else empty_frame(SAMPLES)
    iterations = start.iterations if has else empty_frame(ITERATIONS)
    last = int(iterations["iteration"].max()) if len(iterations) else 0
    decided = _read(start.embedding_shards if has else [])
    undecided = _without(_read(start.undecided_shards), pd.concat([decided["filename"], pool["filename"]]))
    left = _not_selected(start, _without(decided, pool["filename"]), candidates)
    embedded = pd.concat([decided["filename"], undecided["filename"], pool["filename"]])
    parts = [
        _selected(pool, decided),
        left,
        undecided.assign(state=CANDIDATE, iteration=last + 1),
        _without(_dropped(start, dropped, last + (len(undecided) > 0)), embedded),
    ]
    gone = _gone(start) if has else pd.Series([], dtype=str)
    classes = predictions(set(embedded)) if predictions is not None else None
    table = pa.concat_tables([_as_arrow(_without(part, gone), classes) for part in parts])
    return table.take(pc.sort_indices(table["filename"]))


def _read(shards: Sequence[Path]) -> pd.DataFrame:
    """Return what shards hold besides embeddings, each sample once."""
    tables = [read_parquet(shard, _EMBEDDED) for shard in shards]
    return (
        pd.concat(tables, ignore_index=True).drop_duplicates("filename") if tables else pd.DataFrame(columns=_EMBEDDED)
    )


def _without(table: pd.DataFrame, names: "pd.Series[str]") -> pd.DataFrame:
    rest: pd.DataFrame = table[~table["filename"].isin(names)]
    return rest


def _gone(start: Revision) -> "pd.Series[str]":
    """Return the samples and raw files that were taken out for good."""
    removed = start.removed
    names: pd.Series[str] = pd.concat([removed["filename"], removed.loc[removed["content_hash"] != "", "raw_path"]])
    return names


def _selected(pool: pd.DataFrame, decided: pd.DataFrame) -> pd.DataFrame:
    """Return the datapool's samples, with the figures of those that have an embedding."""
    figures = decided[["filename", *FIGURES]]
    return pool[_POOL].merge(figures, on="filename", how="left").assign(state=SELECTED)


def _not_selected(start: Revision, left: pd.DataFrame, candidates: Path) -> pd.DataFrame:
    """Return what was embedded and not selected, as the last iteration that considered a sample left it."""
    tables = [read_parquet(path, CANDIDATES.names) for _, path in known_tables(start, candidates)]
    decisions = pd.concat(tables, ignore_index=True) if tables else empty_frame(CANDIDATES)
    decisions = decisions.drop(columns="selected").drop_duplicates("filename")
    ledger = start.ledger if start.has_datapool else empty_frame(LEDGER)
    first = ledger.groupby("path")["iteration"].min()
    found = left.merge(decisions, on="filename", how="left")
    return found.assign(state=NOT_SELECTED, iteration=found["raw_path"].map(first))


def _dropped(start: Revision, output: Path, newest: int) -> pd.DataFrame:
    """Return what this and former iterations dropped, as the last one that met a sample did.

    Args:
        start: the revision.
        output: that holds it.
        newest: number of the iteration that the revision's own table belongs to.
    """
    tables = []
    for recorded, path in known_tables(start, output):
        iteration = newest if recorded is start else _number(recorded)
        tables.append(read_parquet(path).assign(iteration=iteration))
    found = pd.concat(tables, ignore_index=True) if tables else empty_frame(DROPPED_TABLE)
    found["label_name"] = found["raw_path"].map(label_name)
    return found.drop_duplicates("filename").rename(columns={"status": "dropped_as"}).assign(state=DROPPED)


def _number(recorded: Revision) -> int | None:
    """Return the number of a recorded iteration, None where the cache does not hold its log (any more)."""
    cache = recorded.cache
    if not cache.has(recorded.datapool_hash):
        return None
    log = recorded.datapool_files.get(store.ITERATIONS_CSV)
    return int(recorded.iterations["iteration"].max()) if log is not None and cache.has(log) else None


def _as_arrow(part: pd.DataFrame, classes: "pd.Series[str] | None") -> pa.Table:
    """Bring samples into the columns and types of `KNOWN`; what is not known is null."""
    if classes is not None:
        part = part.assign(predicted_class=part["filename"].map(classes))
    for name in _MAY_BE_EMPTY:
        if name in part:
            part = part.assign(**{name: part[name].where(part[name] != "", None)})
    return pa.Table.from_pandas(
        part.reindex(columns=KNOWN.names), schema=KNOWN, preserve_index=False
    ).replace_schema_metadata()
