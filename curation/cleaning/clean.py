"""Cleaning: decode what is new, and account for everything."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from curation.cleaning import accounting
from curation.cleaning.base import (
    BaseTables,
    earlier_samples,
    files_to_decode_again,
    known_frames,
    without_unreachable,
)
from curation.cleaning.crop_shards import is_crop_shard
from curation.cleaning.crops import crops_of
from curation.cleaning.decode_file import DecodedFile, Settings
from curation.cleaning.fetched import Fetching
from curation.cleaning.judging import Rules, judged
from curation.cleaning.objects import (
    fetching_for,
    is_unread,
    pinned,
    sources_of,
    with_known_contents,
    with_read,
)
from curation.cleaning.results import Results
from curation.cleaning.sample_table import require_unique_names, sample_table
from curation.cleaning.spread import decode_with
from curation.cleaning.tasks import Boxes, Task, tasks_of
from curation.cleaning.unchanged import require_unchanged
from curation.cleaning.value_windows import seen_otherwise, with_found, with_windows
from curation.execution.engine import Engine
from curation.execution.local import HERE
from curation.image.proxies import store_empty_shard, store_shards
from curation.image.window import ValueWindows
from curation.raw.naming import label_indices
from curation.raw.weak_labels import label_names
from curation.tables.files import empty_frame
from curation.tables.membership import is_among
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
    prefetch_bytes: int = Fetching.most_bytes,
    results: Results | None = None,
) -> Cleaned:
    """Decode what is new, and account for everything.

    Objects in a bucket are read once, where the base does not know their content. Copies among them are known only
    then: what came of these is left out, so that all tables are as those of the same files in the folder.

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
        prefetch_bytes: of objects that are in `proxy_folder` at once.
        results: of earlier runs; without influence on the result. None for none.

    Raises:
        RawDataError: a known file changed, is needed but gone, or two files would give the same sample name.
    """
    with fetching_for(raw, base.sources, base.ledger, proxy_folder, prefetch_bytes) as fetching:
        decode = _Decoding(raw_folder, proxy_folder, workers, engine, results, fetching)
        raw, unknown = _with_contents(raw, base, partial(decode, settings=settings))
        require_unchanged(raw, base.ledger)
        present = pd.concat([raw, pinned(base.sources, base.ledger, raw)]) if retrain else raw
        again: Mapping[str, str] = {}
        if retrain:
            again = files_to_decode_again(present, base, may_lack=may_lack)
        plan = accounting.planned(raw, base.ledger)
        new = _new_paths(plan) - {file.path for file in unknown}
        wanted = present[present["path"].isin({*new, *again.values()})]
        boxes = what_to_cut(_rows(raw[raw["path"].isin(new)], "path", "media"), again) if what_to_cut else {}
        tasks_for = partial(_tasks_for, files=wanted, known=known_frames(base.processed, again), boxes=boxes)

        def alone(read: Sequence[DecodedFile]) -> Sequence[DecodedFile]:
            return _without_copies(read, raw, base.ledger, set(again.values()))

        decoded, windows = _decoded(tasks_for, set(wanted["path"]), decode, settings, alone)
    again = without_unreachable(again, decoded, base, may_lack=may_lack)
    if any(file.content_hash for file in decoded):
        raw = with_read(raw, decoded, base.ledger)
        plan = accounting.planned(raw, base.ledger)
    new_paths, old_paths = _new_paths(plan), set(again.values())
    new_files = [file for file in (*unknown, *decoded) if file.path in new_paths]
    old_files = [file for file in decoded if file.path in old_paths]
    content_hashes = dict(_rows(wanted, "path", "content_hash")) | dict(_rows(raw, "path", "content_hash"))
    found = sample_table(new_files, content_hashes)
    require_unique_names(found, base.processed)
    found = judged(found, base.processed, rules)
    used = [*new_files, *old_files]
    files = with_windows(accounting.accounted(plan, new_files, found, base.processed), used, windows)
    kept = found[found["status"] == KEPT]
    accounting.require_complete(raw, files, len(kept))
    old = earlier_samples(sample_table(old_files, content_hashes), base, again)
    samples = _together([with_labels(kept, raw, base.processed).assign(is_new=True), old])
    crops = crops_of(samples, used, content_hashes)
    return Cleaned(with_final_shards(samples, proxy_folder), accounting.dropped_table(files, found), files, crops)


def _rows(table: pd.DataFrame, *columns: str) -> Iterator[Any]:
    """Yield the values of some columns, row by row."""
    return zip(*(table[column] for column in columns), strict=True)


def _new_paths(plan: pd.DataFrame) -> set[str]:
    """Return the files that are to be decoded: new ones that are no copies of others."""
    return set(plan.loc[(plan["status"] == accounting.NEW) & (plan["duplicate_of"] == ""), "path"])


def _tasks_for(
    paths: Collection[str],
    *,
    files: pd.DataFrame,
    known: Mapping[str, Mapping[int, str]],
    boxes: Mapping[str, Boxes],
) -> list[Task]:
    rows = files[files["path"].isin(paths)]
    return tasks_of(_rows(rows, "path", "media", "frames"), known, boxes, sources_of(rows))


@dataclass(frozen=True)
class _Decoding:
    """Where and how files are decoded; see `decode_with`."""

    raw_folder: Path
    proxy_folder: Path
    workers: int
    engine: Engine
    results: Results | None
    fetching: Fetching | None

    def __call__(
        self, tasks: Sequence[Task], settings: Settings, first: int = 0, *, only_hashes: bool = False
    ) -> list[DecodedFile]:
        """Decode all tasks, or find out no more than the content hashes of objects."""
        # What is only hashed gives no pack: none to send, none to keep.
        engine, results = (HERE, None) if only_hashes else (self.engine, self.results)
        fetching = None if self.fetching is None else replace(self.fetching, only_hashes=only_hashes)
        where = (engine, tasks, self.raw_folder, self.proxy_folder, settings, self.workers)
        return decode_with(*where, first=first, results=results, fetching=fetching)


def _with_contents(
    raw: pd.DataFrame, base: BaseTables, decode: Callable[..., list[DecodedFile]]
) -> tuple[pd.DataFrame, list[DecodedFile]]:
    """Fill in the contents that have to be known before anything is decoded: those at paths that the base knows.

    Returns:
        Columns of `RAW_FILES`; and objects at such paths that could not be fetched.
    """
    raw = with_known_contents(raw, base.sources, base.ledger)
    asked = raw[is_unread(raw)]  # none, as a rule
    asked = asked[is_among(asked["path"], base.ledger["path"])]
    if asked.empty:
        return raw, []
    tasks = tasks_of(_rows(asked, "path", "media", "frames"), sources=sources_of(asked))
    read = decode(tasks, only_hashes=True)
    return with_read(raw, read, base.ledger), [file for file in read if file.is_unreachable]


def _without_copies(
    read: Sequence[DecodedFile], raw: pd.DataFrame, ledger: pd.DataFrame, again: Collection[str]
) -> Sequence[DecodedFile]:
    """Leave out objects that are copies of others, or known to the base, as was seen when they were read.

    Args:
        read: the outcome of decoding.
        raw: columns of `RAW_FILES`.
        ledger: of the base.
        again: paths of files that are decoded again.
    """
    if not any(file.content_hash for file in read):
        return read
    new = _new_paths(accounting.planned(with_read(raw, read, ledger), ledger))
    return [file for file in read if file.path in new or file.path in again]


def _decoded(
    tasks_for: Callable[[Collection[str]], list[Task]],
    wanted: Collection[str],
    decode: _Decoding,
    settings: Settings,
    alone: Callable[[Sequence[DecodedFile]], Sequence[DecodedFile]],
) -> tuple[list[DecodedFile], ValueWindows]:
    """Decode files; once more those whose folder turns out to have another window than their own.

    Args:
        tasks_for: returns the tasks for files, by their paths.
        wanted: paths of all files.
        decode: decodes tasks.
        settings: of the decoders.
        alone: leaves out files that count for nothing.

    Returns:
        One entry for each file, sorted by path, and the windows of all folders.
    """
    tasks = tasks_for(wanted)
    decoded = decode(tasks, settings)
    counting = alone(decoded)
    windows = with_found(settings.windows, counting)
    if otherwise := seen_otherwise(counting, windows):
        seen_again = decode(tasks_for(otherwise), replace(settings, windows=windows), len(tasks))
        stays = {file.path: file for file in decoded}
        # An object that can no longer be fetched is still one whose content is known.
        seen = {file.path: replace(file, content_hash=stays[file.path].content_hash) for file in seen_again}
        decoded = sorted((stays | seen).values(), key=lambda file: file.path)
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
