"""How a datapool grows: the base, and what an iteration selected."""

from collections.abc import Iterable, Set
from pathlib import Path

import numpy as np
import pandas as pd

from curation.core.atomic import link_or_copy
from curation.core.hashing import sha256_of_file
from curation.datapool import store
from curation.datapool.pictures import carry_on
from curation.datapool.sources import SOURCES_FOLDER, new_sources, read_sources, write_sources_part
from curation.datapool.value_windows import united_windows, windows_in
from curation.embeddings.shards import read_shards, shard_files, shard_rows
from curation.tables.datapool import ITERATIONS, LEDGER, SAMPLES
from curation.tables.membership import is_among
from curation.tables.samples import COMING_AGAIN, COUNTS, KEPT, TAKEN_IN


def merged_samples(
    base: pd.DataFrame, selection: pd.DataFrame, processed: pd.DataFrame, iteration: int
) -> pd.DataFrame:
    """Append the selection to the base's samples.

    Args:
        base: samples of the base, in order of selection.
        selection: filename, rank, distance, nearest, in order of selection.
        processed: metadata of all processed samples, among them the selected ones.
        iteration: number of this iteration.

    Raises:
        RuntimeError: a sample would be in the datapool twice, or is unknown: a defect of the selection.
    """
    new = selection.merge(processed, on="filename", how="left", validate="one_to_one").assign(iteration=iteration)
    if new["pixel_hash"].isna().any() or new["filename"].isin(base["filename"]).any():
        raise RuntimeError("the selection holds samples that are unknown or already in the datapool")
    rows: pd.DataFrame = pd.concat([base, new[SAMPLES.names].astype(base.dtypes.to_dict())], ignore_index=True)
    return rows


def ledger_part(base: pd.DataFrame, files: pd.DataFrame, iteration: int) -> pd.DataFrame:
    """Return one row for each raw file that this iteration processed for the first time.

    Args:
        base: ledger of the base.
        files: what became of each raw file.
        iteration: number of this iteration.
    """
    done = files["status"].isin(TAKEN_IN) & ~is_among(files["path"], base["path"])
    part = files[done].rename(columns={"samples": "frames"}).assign(iteration=iteration)
    rows: pd.DataFrame = part[LEDGER.names].reset_index(drop=True)
    return rows


def iteration_row(
    iteration: int, part: pd.DataFrame, candidates: pd.DataFrame, size_before: int, selected: int, checkpoint_hash: str
) -> pd.DataFrame:
    """Return this iteration's row of the log.

    Args:
        iteration: its number.
        part: its part of the ledger.
        candidates: all candidates, with their distance to the nearest selected sample.
        size_before: samples in the base.
        selected: new samples.
        checkpoint_hash: SHA-256 of the checkpoint.
    """
    row = {
        "iteration": iteration,
        "raw_files": len(part),
        "samples": int(part["frames"].sum()),
        **{count: int(part[count].sum()) for count in COUNTS if count not in (KEPT, *COMING_AGAIN)},
        "candidates": len(candidates),
        "selected": selected,
        "size_before": size_before,
        "size_after": size_before + selected,
        "checkpoint_hash": checkpoint_hash,
        "coverage_radius": float(candidates["distance"].max()) if len(candidates) else np.nan,
    }
    return pd.DataFrame([row], columns=ITERATIONS.names)


def embedding_sources(base: Path, new: Path | None, *, same_checkpoint: bool) -> list[Path]:
    """List the shards of a datapool: the base's too, if they come from the same checkpoint; none without rows.

    Args:
        base: folder of the base's shards, of samples or of objects.
        new: folder of this iteration's; None for none.
        same_checkpoint: whether the same checkpoint made both.
    """
    folders = [*([base] if same_checkpoint else []), *([new] if new is not None else [])]
    return [shard for shard in shard_files(folders) if shard_rows(shard)]


def merge_datapool(
    target: Path,
    base: Path,
    checkpoint: Path,
    new_embeddings: Path,
    tables: dict[str, pd.DataFrame],
    lost: Set[str] = frozenset(),
    new_objects: Path | None = None,
) -> str:
    """Write the datapool into an empty folder.

    Args:
        target: the folder to fill.
        base: the datapool to build on.
        checkpoint: of this iteration.
        new_embeddings: shards of this iteration.
        tables: `files`, `selection` and `candidates`.
        lost: samples of the base that could not be embedded again.
        new_objects: shards of this iteration's objects; None for none.

    Returns:
        What was done, in words.
    """
    former, iterations = store.read_samples(base), store.read_iterations(base)
    iteration = int(iterations["iteration"].max()) + 1 if len(iterations) else 1
    checkpoint_hash = sha256_of_file(checkpoint)
    same_checkpoint = store.checkpoint_hash(base) in (checkpoint_hash, None)
    shards = embedding_sources(base / store.EMBEDDINGS_FOLDER, new_embeddings, same_checkpoint=same_checkpoint)
    objects = embedding_sources(base / store.OBJECTS_FOLDER, new_objects, same_checkpoint=same_checkpoint)
    processed, embeddings = read_shards(shards, wanted=SAMPLES.names)
    _require_unique(processed["filename"])

    samples = merged_samples(former, tables["selection"], processed, iteration)
    part = ledger_part(store.read_ledger(base), tables["files"], iteration)
    row = iteration_row(iteration, part, tables["candidates"], len(former), len(samples) - len(former), checkpoint_hash)
    link_or_copy(checkpoint, target / store.CHECKPOINT)
    _link(shards, target / store.EMBEDDINGS_FOLDER)
    _link(objects, target / store.OBJECTS_FOLDER)
    _take_over(base, target)
    windows = united_windows(store.read_value_windows(base), windows_in(tables["files"]))
    store.write_value_windows(target, windows)
    if len(part):
        store.write_ledger_part(target, part, iteration)
    write_sources_part(target, new_sources(read_sources(base), tables["files"]), iteration)
    store.write_samples(target, samples)
    store.write_iterations(target, pd.concat([iterations, row.astype(iterations.dtypes.to_dict())], ignore_index=True))
    store.write_embedded(target, samples, processed, embeddings, store.read_without_embedding(base) | lost)
    return (
        f"iteration {iteration}: {len(former)} + {len(samples) - len(former)} = {len(samples)} samples in the datapool"
    )


def _link(files: Iterable[Path], folder: Path) -> None:
    for file in files:
        link_or_copy(file, folder / file.name)


def _take_over(base: Path, target: Path) -> None:
    """Link what an iteration adds to or leaves as it is: ledger, sources, pictures, and the list of removed samples."""
    for folder in (store.LEDGER_FOLDER, SOURCES_FOLDER):
        store.link_folder(base / folder, target / folder)
    carry_on(base, target)
    if (base / store.REMOVED_CSV).exists():
        link_or_copy(base / store.REMOVED_CSV, target / store.REMOVED_CSV)


def _require_unique(filenames: "pd.Series[str]") -> None:
    if filenames.duplicated().any():
        raise RuntimeError(f"sample {filenames[filenames.duplicated()].iloc[0]!r} has more than one embedding")
