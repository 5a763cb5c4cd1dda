"""The candidates of an iteration, before anything is selected: what `dvc repro embed` has recorded, or a commit."""

from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd
import pyarrow as pa

from curation.core.errors import BaseError
from curation.datapool import store
from curation.embeddings.given import MASKED
from curation.embeddings.given import SELECTED as MARKED_SELECTED
from curation.history.dvc_lock import output_hash
from curation.inspection.pictures import members, proxies_of
from curation.inspection.revision import Revision
from curation.pipeline import paths
from curation.tables.datapool import ITERATIONS, SAMPLES
from curation.tables.embeddings import MARKS
from curation.tables.files import empty_frame, read_csv, read_parquet

_COLUMNS = [name for name in SAMPLES.names if name not in ("iteration", "rank", "distance", "nearest")]
_SIZES = ["width", "height"]


@dataclass(frozen=True)
class IterationCandidates:
    """What an iteration may select, and what it is numbered by.

    Attributes:
        iteration: its number.
        samples: one row a candidate, sorted by filename: columns of the datapool's samples without `distance` and
            `nearest`, `rank` missing, and `width` and `height` in pixels. `iteration` is the one that found it.
        known: all samples with a picture that the datapool has or may get: `filename`, `raw_path`, `iteration` and
            `label_name`.
        ledger: of the datapool that the iteration builds on (`curation.tables.datapool.LEDGER`).
    """

    iteration: int
    samples: pd.DataFrame
    known: pd.DataFrame
    ledger: pd.DataFrame


def candidates_in(start: Revision) -> IterationCandidates:
    """Read the candidates of an iteration.

    What a review or a held-out set leaves out is among them.

    Raises:
        BaseError: the revision has not got as far as `embed`.
    """
    for output, stage in ((paths.SAMPLES, "clean"), (paths.MARKS, "embed")):
        if output_hash(start.stages, output) is None:
            raise BaseError(f"{start.name}: stage {stage} has not run there: run `dvc repro embed`")
    files = start.cache.listing(start.hash_of(paths.BASE))
    selected = _csv(start, files, store.SAMPLES_CSV, SAMPLES)
    ledger = store.join_ledger(start.cache.file(files[name]) for name in store.ledger_parts(files))
    iterations = _csv(start, files, store.ITERATIONS_CSV, ITERATIONS)
    number = max(map(int, iterations["iteration"]), default=0) + 1
    new = start.parquet(paths.SAMPLES)
    new = new[new["is_new"].astype(bool)][_COLUMNS + _SIZES].assign(iteration=number)
    marks = start.csv(paths.MARKS, MARKS)
    left = _left_over(start, files, ledger) if (start.params.get("select") or {}).get("process_all") else new[:0]
    every = pd.concat([new, left], ignore_index=True).drop_duplicates("filename")
    out = {*selected["filename"], *marks["filename"][marks["mark"].isin([MASKED, MARKED_SELECTED])]}
    rows = every[~every["filename"].isin(out)].sort_values("filename", kind="stable", ignore_index=True)
    rows["rank"] = pd.array([pd.NA] * len(rows), dtype="Int64")
    columns = ["filename", "raw_path", "iteration", "label_name"]
    known = pd.concat([selected[columns], every[columns]], ignore_index=True)
    return IterationCandidates(number, rows, known, ledger)


def _csv(start: Revision, files: dict[str, str], name: str, schema: pa.Schema) -> pd.DataFrame:
    """Read a table of the datapool that an iteration builds on; without rows, where there is none yet."""
    return read_csv(start.cache.file(files[name]), schema) if name in files else empty_frame(schema)


def _left_over(start: Revision, files: dict[str, str], ledger: pd.DataFrame) -> pd.DataFrame:
    """Return all samples that earlier iterations processed, each with the iteration that did."""
    shards = [files[name] for name in sorted(files) if name.startswith(f"{store.EMBEDDINGS_FOLDER}/")]
    tables = [read_parquet(start.cache.file(shard), _COLUMNS + _SIZES) for shard in shards]
    rows = pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=_COLUMNS + _SIZES)
    iteration = dict(zip(ledger["path"], ledger["iteration"], strict=True))
    return rows.assign(iteration=rows["raw_path"].map(iteration).fillna(0).astype("int64"))


def proxies_in(start: Revision, samples: pd.DataFrame) -> Iterator[tuple[str, bytes]]:
    """Yield filename and JPEG of each sample whose proxy the cache holds, shard by shard.

    Args:
        start: the revision; what its own iteration did not make is looked for in its history.
        samples: `filename`.
    """
    wanted = set(samples["filename"])
    folder = output_hash(start.stages, paths.PROXIES)
    if folder is not None and wanted:
        shards = start.cache.listing(folder)
        places = start.parquet(paths.SAMPLES)[["filename", "shard", "member"]]
        for shard, rows in places[places["filename"].isin(wanted)].groupby("shard", sort=True):
            yield from members(start.cache.file(shards[str(shard)]), rows)
            wanted.difference_update(rows["filename"])
    if wanted:
        yield from sorted(proxies_of(start, wanted).items())
