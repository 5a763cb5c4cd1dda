"""Cleaning: decode what is new, and account for everything."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from curation.cleaning import accounting
from curation.cleaning.base import BaseTables, earlier_samples, files_to_decode_again, known_frames
from curation.cleaning.decode_file import DecodedFile, Settings
from curation.cleaning.decode_files import decode_all
from curation.cleaning.judging import Rules, judged
from curation.cleaning.sample_table import require_unique_names, sample_table
from curation.cleaning.tasks import Task, tasks_of
from curation.cleaning.value_windows import seen_otherwise, with_found, with_windows
from curation.image.proxies import store_empty_shard, store_shard
from curation.image.window import ValueWindows
from curation.raw.naming import label_indices, label_name
from curation.tables.files import empty_frame
from curation.tables.samples import IGNORED, KEPT, SAMPLES


@dataclass(frozen=True)
class Cleaned:
    """The tables that `clean` writes: columns of `SAMPLES`, `DROPPED` and `FILES`."""

    samples: pd.DataFrame
    dropped: pd.DataFrame
    files: pd.DataFrame


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
) -> Cleaned:
    """Decode what is new, and account for everything.

    Args:
        raw: columns of `RAW_FILES`, sorted by path.
        base: what was processed before.
        raw_folder: where the raw files are.
        proxy_folder: an existing, empty folder for the proxy shards.
        settings: of the decoders.
        rules: what is dropped although it decodes.
        workers: processes that decode side by side; without influence on the result.
        retrain: whether the samples of earlier iterations need their proxies again.
        may_lack: whether those may be left out then whose raw files are gone.

    Raises:
        RawDataError: a known file changed, is needed but gone, or two files would give the same sample name.
    """
    accounting.require_unchanged(raw, base.ledger)
    plan = accounting.planned(raw, base.ledger)
    again = files_to_decode_again(raw, base, may_lack=may_lack) if retrain else {}
    new = plan.loc[(plan["status"] == accounting.NEW) & (plan["duplicate_of"] == ""), "path"]
    wanted = raw[raw["path"].isin({*new, *again.values()})]
    known = known_frames(base.processed, again)
    decoded, windows = _decoded(wanted, known, raw_folder, proxy_folder, settings, workers)
    is_new = set(new)
    content_hashes = dict(zip(wanted["path"], wanted["content_hash"], strict=True))
    new_files = [file for file in decoded if file.path in is_new]
    found = sample_table(new_files, content_hashes)
    require_unique_names(found, base.processed)
    found = judged(found, base.processed, rules)
    files = accounting.accounted(plan, new_files, found, base.processed)
    files = with_windows(files, decoded, windows)
    kept = found[found["status"] == KEPT]
    accounting.require_complete(raw, files, len(kept))
    kept = with_labels(kept, raw, base.processed).assign(is_new=True)
    old_files = [file for file in decoded if file.path not in is_new]
    samples = _together([kept, earlier_samples(sample_table(old_files, content_hashes), base, again)])
    return Cleaned(with_final_shards(samples, proxy_folder), accounting.dropped_table(files, found), files)


def _decoded(
    wanted: pd.DataFrame,
    known: Mapping[str, Mapping[int, str]],
    raw_folder: Path,
    proxy_folder: Path,
    settings: Settings,
    workers: int,
) -> tuple[list[DecodedFile], ValueWindows]:
    """Decode files; once more those whose folder turns out to have another window than their own.

    Args:
        wanted: rows of `RAW_FILES`.
        known: see `tasks_of`.
        raw_folder: where the raw files are.
        proxy_folder: an existing, empty folder for the proxy shards.
        settings: of the decoders.
        workers: processes that decode side by side.

    Returns:
        One entry for each file, sorted by path, and the windows of all folders.
    """

    def tasks_for(rows: pd.DataFrame) -> list[Task]:
        return tasks_of(zip(rows["path"], rows["media"], rows["frames"], strict=True), known)

    tasks = tasks_for(wanted)
    decoded = decode_all(tasks, raw_folder, proxy_folder, settings, workers)
    windows = with_found(settings.windows, decoded)
    if otherwise := seen_otherwise(decoded, windows):
        settings = replace(settings, windows=windows)
        again = tasks_for(wanted[wanted["path"].isin(otherwise)])
        seen_again = decode_all(again, raw_folder, proxy_folder, settings, workers, first=len(tasks))
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
    names = {label_name(path) for path in raw.loc[raw["media"] != IGNORED, "path"]}
    return samples.assign(label=samples["label_name"].map(label_indices(names, known)).astype("int32"))


def with_final_shards(samples: pd.DataFrame, folder: Path) -> pd.DataFrame:
    """Give the shards their final names, and leave out what no sample refers to.

    Args:
        samples: with the temporary names in `shard`.
        folder: where the shards are; at the end it holds one at least.
    """
    temporary = sorted(file.name for file in folder.iterdir())
    members = dict(iter(samples.groupby("shard", sort=True)["member"]))
    names: dict[str, str] = {}
    for shard in temporary:
        if shard in members:
            names[shard] = store_shard(folder / shard, folder, members[shard])
        else:
            (folder / shard).unlink()
    if not names:
        store_empty_shard(folder)
    return samples.assign(shard=samples["shard"].map(names).astype(str))
