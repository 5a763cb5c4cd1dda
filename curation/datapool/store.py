"""Reading and writing the files of a datapool folder."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv as pa_csv
from numpy.typing import NDArray

from curation.core.atomic import atomic_file, link_or_copy, write_json
from curation.core.errors import BaseError
from curation.core.hashing import sha256_of_bytes, sha256_of_file
from curation.embeddings.by_name import NamedEmbeddings
from curation.tables.datapool import ITERATIONS, LEDGER, REMOVED, SAMPLES, VALUE_WINDOWS
from curation.tables.files import empty_frame, read_csv, read_csv_if_any, write_csv

LATEST_CSV = "datapool_latest.csv"
SAMPLES_CSV = "samples.csv"
CHECKPOINT = "checkpoint_latest.ckpt"
ITERATIONS_CSV = "iterations.csv"
LEDGER_FOLDER = "ledger"
EMBEDDINGS_FOLDER = "embeddings"
OBJECTS_FOLDER = "objects"
"""Embeddings of objects, in shards likewise; only a datapool has it whose samples have some."""
WITHOUT_EMBEDDING = "without_embedding.json"
"""A list of the samples that have none; only a datapool has it that had lost raw files when it changed its model."""
VALUE_WINDOWS_CSV = "value_windows.csv"
"""The windows of pictures of more than 8 bits; only a datapool has it of which some were found."""
REMOVED_CSV = "removed.csv"
"""Tombstones of what was taken out for good; only a datapool has it of which something was."""
TAKEN_OUT_JSON = "taken_out.json"
"""A file that only a base has that lost samples, before it has become a datapool of its own: which ones."""
UNION_JSON = "union.json"
"""A file that only a union has, before it has become a datapool of its own."""


class Pair(NamedTuple):
    """A sample of a later datapool, and the one of an earlier that it resembles; None: equal pixels."""

    filename: str
    other: str
    distance: float | None


def read_samples(folder: Path) -> pd.DataFrame:
    """Read the provenance of every selected sample, in order of selection."""
    return read_csv(_existing(folder / SAMPLES_CSV), SAMPLES)


def read_iterations(folder: Path) -> pd.DataFrame:
    """Read the log: one row an iteration."""
    return read_csv(_existing(folder / ITERATIONS_CSV), ITERATIONS)


def read_ledger(folder: Path) -> pd.DataFrame:
    """Read all parts of the ledger: one row for every raw file that an iteration processed."""
    return join_ledger(sorted((folder / LEDGER_FOLDER).glob("*.csv")))


def ledger_parts(names: Iterable[str]) -> list[str]:
    """Return those of a datapool's files that are parts of its ledger, sorted.

    Args:
        names: paths in the datapool, with `/`.
    """
    return sorted(name for name in names if name.startswith(f"{LEDGER_FOLDER}/"))


def join_ledger(parts: Iterable[Path]) -> pd.DataFrame:
    """Read parts of a ledger, wherever they lie, as one table in their order."""
    tables = [read_csv(part, LEDGER) for part in parts]
    return pd.concat(tables, ignore_index=True) if tables else empty_frame(LEDGER)


def read_removed(folder: Path) -> pd.DataFrame:
    """Read the tombstones of samples that were taken out for good."""
    return read_csv_if_any(folder / REMOVED_CSV, REMOVED)


def read_value_windows(folder: Path) -> pd.DataFrame:
    """Read the windows through which pictures of more than 8 bits were seen."""
    return read_csv_if_any(folder / VALUE_WINDOWS_CSV, VALUE_WINDOWS)


def write_value_windows(folder: Path, windows: pd.DataFrame) -> None:
    """Write the windows through which pictures of more than 8 bits were seen; no file where there are none."""
    if len(windows):
        write_csv(windows, VALUE_WINDOWS, folder / VALUE_WINDOWS_CSV)


def checkpoint_hash(folder: Path) -> str | None:
    """Return the SHA-256 of the datapool's checkpoint, None where there is none yet."""
    path = folder / CHECKPOINT
    return sha256_of_file(path) if path.exists() else None


def embeddings_of(
    filenames: "pd.Series[str]", metadata: pd.DataFrame, embeddings: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Look up embeddings by filename.

    Args:
        filenames: m names.
        metadata: n rows with a column `filename`, each name once.
        embeddings: (n, d) float32.

    Returns:
        (m, d) float32, in the order of `filenames`.

    Raises:
        BaseError: a name has no embedding.
    """
    return NamedEmbeddings(list(metadata["filename"]), embeddings).of(
        list(filenames),
        lambda missing: BaseError(
            f"{len(missing)} samples of the datapool have no embedding, {missing[0]!r} for one: the datapool is "
            "damaged; restore it with `dvc checkout`, or take an earlier one with base.datapool"
        ),
    )


def read_without_embedding(folder: Path) -> set[str]:
    """Return the samples of the datapool that have no embedding, since their raw files were gone at a migration."""
    path = folder / WITHOUT_EMBEDDING
    return set(json.loads(path.read_text(encoding="utf-8"))) if path.exists() else set()


def write_without_embedding(folder: Path, names: set[str]) -> None:
    """Write which samples have no embedding; no file where all have one."""
    if names:
        write_json(folder / WITHOUT_EMBEDDING, sorted(names))


def write_embedded(
    folder: Path, samples: pd.DataFrame, metadata: pd.DataFrame, embeddings: NDArray[np.float32], lacking: set[str]
) -> None:
    """Write `datapool_latest.csv`, and which samples it lacks.

    Args:
        folder: of the datapool.
        samples: its samples, in order of selection.
        metadata: of n embeddings, with a column `filename`.
        embeddings: (n, d) float32.
        lacking: filenames of samples that have no embedding.

    Raises:
        BaseError: another sample has none.
    """
    write_without_embedding(folder, lacking)
    embedded = samples[~samples["filename"].isin(lacking)]
    found = embeddings_of(embedded["filename"], metadata, embeddings)
    write_latest_csv(folder, embedded["filename"], found, embedded["label"])


def write_samples(folder: Path, samples: pd.DataFrame) -> None:
    """Write `samples.csv`."""
    write_csv(samples, SAMPLES, folder / SAMPLES_CSV)


def write_iterations(folder: Path, iterations: pd.DataFrame) -> None:
    """Write `iterations.csv`."""
    write_csv(iterations, ITERATIONS, folder / ITERATIONS_CSV)


def write_ledger_part(folder: Path, part: pd.DataFrame, iteration: int) -> None:
    """Add one iteration's part to the ledger, under a name made of the iteration and the content."""
    identity = sha256_of_bytes("\n".join(part["path"] + "\t" + part["content_hash"]).encode())[:8]
    write_csv(part, LEDGER, folder / LEDGER_FOLDER / f"{iteration:05d}-{identity}.csv")


def write_latest_csv(
    folder: Path, filenames: "pd.Series[str]", embeddings: NDArray[np.float32], labels: "pd.Series[Any]"
) -> None:
    """Write `datapool_latest.csv`; see `write_embeddings_csv`."""
    write_embeddings_csv(folder / LATEST_CSV, filenames, embeddings, labels)


def write_embeddings_csv(
    path: Path, filenames: "pd.Series[str]", embeddings: NDArray[np.float32], labels: "pd.Series[Any]"
) -> None:
    """Write embeddings in the format of `lightly.utils.io.save_embeddings`.

    Args:
        path: the file.
        filenames: n names.
        embeddings: (n, d) float32, written as the shortest decimals that give the same float32 again.
        labels: n weak labels.
    """
    columns: dict[str, pa.Array] = {"filenames": pa.array(filenames, type=pa.string())}
    for index in range(embeddings.shape[1]):
        columns[f"embedding_{index}"] = pa.array(np.ascontiguousarray(embeddings[:, index]), type=pa.float32())
    columns["labels"] = pa.array(labels, type=pa.int32())
    with atomic_file(path) as temporary, temporary.open("wb") as file:
        file.write((",".join(columns) + "\n").encode())
        pa_csv.write_csv(pa.table(columns), file, pa_csv.WriteOptions(include_header=False, quoting_style="needed"))


def write_empty_datapool(folder: Path) -> None:
    """Write the datapool before the first iteration: all tables, no rows, no checkpoint."""
    write_samples(folder, empty_frame(SAMPLES))
    write_iterations(folder, empty_frame(ITERATIONS))
    write_latest_csv(folder, pd.Series([], dtype=str), np.empty((0, 0), np.float32), pd.Series([], dtype="int32"))


def mark_as_union(folder: Path, datapools: Sequence[str], pairs: Sequence[Pair] = (), near: str = "keep") -> None:
    """Note in a base that it unites several datapools, so that an iteration on it need not find anything new.

    Args:
        folder: of the base.
        datapools: their DVC hashes.
        pairs: samples of later ones that resemble one of an earlier.
        near: what became of the near duplicates among these: keep or drop.
    """
    write_json(
        folder / UNION_JSON, {"datapools": list(datapools), "near": near, "pairs": [list(pair) for pair in pairs]}
    )


def read_union(folder: Path) -> tuple[list[Pair], str]:
    """Return the pairs that `mark_as_union` noted in a base, and what became of the near ones; none for any other."""
    path = folder / UNION_JSON
    content = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return [Pair(*pair) for pair in content.get("pairs", [])], str(content.get("near", "keep"))


def read_taken_out(folder: Path) -> list[str]:
    """Return the filenames of the samples that were taken out of a base for good, by this iteration."""
    path = folder / TAKEN_OUT_JSON
    return list(json.loads(path.read_text(encoding="utf-8"))) if path.exists() else []


def may_lack_new_data(folder: Path) -> bool:
    """Return whether an iteration need not find anything new: it unites several datapools, or lost samples."""
    return (folder / UNION_JSON).exists() or (folder / TAKEN_OUT_JSON).exists()


def link_folder(source: Path, target: Path) -> None:
    """Give the files of `source` second names in `target`; files that are there already stay."""
    for file in sorted(source.glob("*")):
        if not (target / file.name).exists():
            link_or_copy(file, target / file.name)


def _existing(path: Path) -> Path:
    if not path.exists():
        raise BaseError(f"{path} is missing: restore the datapool with `dvc checkout`, or run `dvc repro base`")
    return path
