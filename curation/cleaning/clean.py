"""Cleaning: decode what is new, and account for everything."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from curation.cleaning import accounting
from curation.cleaning.base import BaseTables, earlier_samples, files_to_decode_again, known_frames
from curation.cleaning.crop_shards import is_crop_shard
from curation.cleaning.crops import crops_of
from curation.cleaning.decode_file import DecodedFile, Settings
from curation.cleaning.judging import Rules, judged
from curation.cleaning.results import Results
from curation.cleaning.sample_table import require_unique_names, sample_table
from curation.cleaning.spread import decode_with
from curation.cleaning.tasks import Boxes, Task, tasks_of
from curation.cleaning.value_windows import seen_otherwise, with_found, with_windows
from curation.execution.engine import Engine
from curation.execution.local import HERE
from curation.image.proxies import store_empty_shard, store_shards
from curation.image.window import ValueWindows
from curation.raw.naming import label_indices
from curation.raw.weak_labels import label_names
from curation.tables.files import empty_frame
from curation.tables.samples import IGNORED, KEPT, SAMPLES


@dataclass(frozen=True)
class Cleaned:
    """The tables that `clean` gives.

    Attributes:
        samples: columns of `SAMPLES`.
        dropped: columns of `DROPPED`.
        files: columns of `FILES`.
        crops: what was cut out of the samples' pictures, columns of `CROPS`.
    """

    samples: pd.DataFrame
    dropped: pd.DataFrame
    files: pd.DataFrame
    crops: pd.DataFrame


WhatToCut = Callable[[Iterable[tuple[str, str]], Mapping[str, str]], Mapping[str, Boxes]]
"""Takes path and media of each new file, and the paths that are decoded again by their content hashes; returns what to
cut out of files, by their paths."""


def clean(
    raw: pd.DataFrame,
    base: BaseTables,
    raw_folder: Path,
    proxy_folder: Path,
    settings: Settings,
    rules: Rules,
    *,
    workers: int,
    retrain: bool,
    may_lack: bool = False,
    what_to_cut: WhatToCut | None = None,
    engine: Engine = HERE,
    results: Results | None = None,
) -> Cleaned:
    """Decode what is new, and account for everything.

    Args:
        raw: columns of `RAW_FILES`, sorted by path.
        base: what was processed before.
        raw_folder: where the raw files are.
        proxy_folder: an existing, empty folder for the proxy shards; those of crops have temporary names in it.
        settings: of the decoders.
        rules: what is dropped although it decodes.
        workers: processes that decode side by side; without influence on the result.
        retrain: whether the samples of earlier iterations need their proxies again.
        may_lack: whether those may be left out then whose raw files are gone.
        what_to_cut: None for nothing.
        engine: decodes; without influence on the result.
        results: of earlier runs; without influence on the result. None for none.

    Raises:
        RawDataError: a known file changed, is needed but gone, or two files would give the same sample name.
    """
    accounting.require_unchanged(raw, base.ledger)
    plan = accounting.planned(raw, base.ledger)
    again = files_to_decode_again(raw, base, may_lack=may_lack) if retrain else {}
    new = set(plan.loc[(plan["status"] == accounting.NEW) & (plan["duplicate_of"] == ""), "path"])
    wanted = raw[raw["path"].isin({*new, *again.values()})]
    boxes = what_to_cut(_rows(raw[raw["path"].isin(new)], "path", "media"), again) if what_to_cut else {}
    tasks_for = partial(_tasks_for, files=wanted, known=known_frames(base.processed, again), boxes=boxes)
    where = (raw_folder, proxy_folder, settings, workers, engine, results)
    decoded, windows = _decoded(tasks_for, set(wanted["path"]), *where)
    content_hashes = dict(_rows(wanted, "path", "content_hash"))
    new_files, old_files = ([file for file in decoded if (file.path in new) is is_new] for is_new in (True, False))
    found = sample_table(new_files, content_hashes)
    require_unique_names(found, base.processed)
    found = judged(found, base.processed, rules)
    files = with_windows(accounting.accounted(plan, new_files, found, base.processed), decoded, windows)
    kept = found[found["status"] == KEPT]
    accounting.require_complete(raw, files, len(kept))
    old = earlier_samples(sample_table(old_files, content_hashes), base, again)
    samples = _together([with_labels(kept, raw, base.processed).assign(is_new=True), old])
    crops = crops_of(samples, decoded, content_hashes)
    return Cleaned(with_final_shards(samples, proxy_folder), accounting.dropped_table(files, found), files, crops)


def _rows(table: pd.DataFrame, *columns: str) -> Iterator[Any]:
    """Yield the values of some columns, row by row."""
    return zip(*(table[column] for column in columns), strict=True)


def _tasks_for(
    paths: Collection[str],
    *,
    files: pd.DataFrame,
    known: Mapping[str, Mapping[int, str]],
    boxes: Mapping[str, Boxes],
) -> list[Task]:
    rows = files[files["path"].isin(paths)]
    return tasks_of(_rows(rows, "path", "media", "frames"), known, boxes)


def _decoded(
    tasks_for: Callable[[Collection[str]], list[Task]],
    wanted: Collection[str],
    raw_folder: Path,
    proxy_folder: Path,
    settings: Settings,
    workers: int,
    engine: Engine,
    results: Results | None,
) -> tuple[list[DecodedFile], ValueWindows]:
    """Decode files; once more those whose folder turns out to have another window than their own.

    Args:
        tasks_for: returns the tasks for files, by their paths.
        wanted: paths of all files.
        raw_folder: where the raw files are.
        proxy_folder: an existing, empty folder for the proxy shards.
        settings: of the decoders.
        workers: processes that decode side by side.
        engine: decodes.
        results: of earlier runs; None for none.

    Returns:
        One entry for each file, sorted by path, and the windows of all folders.
    """
    tasks = tasks_for(wanted)
    decode = partial(decode_with, engine, results=results)
    decoded = decode(tasks, raw_folder, proxy_folder, settings, workers)
    windows = with_found(settings.windows, decoded)
    if otherwise := seen_otherwise(decoded, windows):
        settings = replace(settings, windows=windows)
        seen_again = decode(tasks_for(otherwise), raw_folder, proxy_folder, settings, workers, first=len(tasks))
        stays = [file for file in decoded if file.path not in otherwise]
        decoded = sorted([*stays, *seen_again], key=lambda file: file.path)
    return decoded, windows


def _together(parts: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Return samples as one table, columns of `SAMPLES`, sorted by filename."""
    filled = [part[SAMPLES.names] for part in parts if len(part)]
    samples = pd.concat(filled) if filled else empty_frame(SAMPLES)
    return samples.sort_values("filename", kind="stable", ignore_index=True)


def with_labels(samples: pd.DataFrame, raw: pd.DataFrame, processed: pd.DataFrame) -> pd.DataFrame:
    """Add the column `label`: the index of the top-level folder, for known folders the one that the base gave.

    Args:
        samples: with `label_name`.
        raw: columns of `RAW_FILES`; every top-level folder with an image or video gets an index.
        processed: samples of the base, `label` and `label_name`.
    """
    pairs = processed[["label_name", "label"]].drop_duplicates().sort_values("label", ascending=False)
    known = {str(name): int(label) for name, label in zip(pairs["label_name"], pairs["label"], strict=True)}
    names = label_names(raw.loc[raw["media"] != IGNORED, "path"])
    return samples.assign(label=samples["label_name"].map(label_indices(names, known)).astype("int32"))


def with_final_shards(samples: pd.DataFrame, folder: Path) -> pd.DataFrame:
    """Give the shards their final names, and leave out what no sample refers to.

    Args:
        samples: with the temporary names in `shard`.
        folder: where the shards are; at the end it holds one at least.
    """
    shards = [file for file in folder.iterdir() if not is_crop_shard(file.name)]
    names = store_shards(shards, folder, dict(iter(samples.groupby("shard", sort=True)["member"])))
    if not names:
        store_empty_shard(folder)
    return samples.assign(shard=samples["shard"].map(names).astype(str))
