"""Stage `clean`: decodes every new raw file once, drops what is damaged or seen before, keeps a proxy of the rest.

Reads `data/ingest/raw_files.parquet`, the raw files it names, and `data/base/`; writes
`data/clean/samples.parquet` (kept samples), `dropped.parquet` (what was dropped, and why), `files.parquet` (what became
of each raw file) and `proxies/` (shards of small JPEG images).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from curation.cleaning import accounting
from curation.cleaning.accounting import named
from curation.cleaning.decode_file import Settings, tasks_of
from curation.cleaning.decode_files import decode_all
from curation.cleaning.quality_limits import quality_limits
from curation.core.atomic import atomic_folder
from curation.core.cores import available_cores
from curation.core.errors import NothingToSelectError, RawDataError
from curation.datapool import store
from curation.embeddings.shards import read_metadata
from curation.image.proxies import store_empty_shard, store_shard
from curation.image.turbojpeg import require as require_turbojpeg
from curation.params.schema import Params
from curation.pipeline import paths
from curation.pipeline.command import stage_command
from curation.raw.naming import label_indices, label_name
from curation.tables.files import empty_frame, read_parquet, write_parquet
from curation.tables.samples import (
    CORRUPT,
    DROPPED,
    DROPPED_STATUSES,
    DUPLICATE,
    FILES,
    IGNORED,
    KEPT,
    LOW_QUALITY,
    NEAR_DUPLICATE,
    OVER_LIMIT,
    PROCESSED,
    RAW_FILES,
    SAMPLES,
    SKIPPED,
    TAKEN_IN,
)

_DROPPED_FILES = (
    (DUPLICATE, "duplicates of what is known"),
    (NEAR_DUPLICATE, "near duplicates (clean.near_duplicate_bits)"),
    (LOW_QUALITY, "of low quality (the limits in section clean)"),
    (OVER_LIMIT, "over a limit (clean.max_pixels)"),
)
_RARER_COUNTS = (
    (LOW_QUALITY, "of low quality"),
    (NEAR_DUPLICATE, "near duplicates"),
    (OVER_LIMIT, "over a limit"),
    (SKIPPED, "frames skipped"),
)


@dataclass(frozen=True)
class BaseTables:
    """What `clean` needs of the datapool that this iteration builds on.

    Attributes:
        ledger: raw files processed before, columns of `curation.tables.datapool.LEDGER`.
        processed: all samples processed before, columns of an embedding shard without the embedding.
        selected: the datapool's own samples, columns of `curation.tables.datapool.SAMPLES`.
    """

    ledger: pd.DataFrame
    processed: pd.DataFrame
    selected: pd.DataFrame


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
    rules: accounting.Rules,
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
    tasks = tasks_of(zip(wanted["path"], wanted["media"], wanted["frames"], strict=True), known)
    decoded = decode_all(tasks, raw_folder, proxy_folder, settings, workers)

    is_new = set(new)
    content_hashes = dict(zip(wanted["path"], wanted["content_hash"], strict=True))
    new_files = [file for file in decoded if file.path in is_new]
    found = accounting.sample_table(new_files, content_hashes)
    accounting.require_unique_names(found, base.processed)
    found = accounting.judged(found, base.processed, rules)
    files = accounting.accounted(plan, new_files, found, base.processed)
    kept = found[found["status"] == KEPT]
    accounting.require_complete(raw, files, len(kept))

    kept = with_labels(kept, raw, base.processed).assign(is_new=True)
    old_files = [file for file in decoded if file.path not in is_new]
    parts = [kept, earlier_samples(accounting.sample_table(old_files, content_hashes), base, again)]
    filled = [part[SAMPLES.names] for part in parts if len(part)]
    samples = pd.concat(filled) if filled else empty_frame(SAMPLES)
    samples = with_final_shards(samples.sort_values("filename", kind="stable", ignore_index=True), proxy_folder)
    return Cleaned(samples, accounting.dropped_table(files, found), files)


def still_there(raw: pd.DataFrame, ledger: pd.DataFrame, folder: Path) -> pd.DataFrame:
    """Leave out the files that the base has processed and that are gone: `ingest` may list them still.

    Args:
        raw: columns of `RAW_FILES`.
        ledger: of the base.
        folder: of raw data.
    """
    known = raw["path"].isin(set(ledger["path"]))
    gone = [is_known and not (folder / path).is_file() for path, is_known in zip(raw["path"], known, strict=True)]
    return raw[[not one for one in gone]].reset_index(drop=True)


def files_to_decode_again(raw: pd.DataFrame, base: BaseTables, *, may_lack: bool = False) -> dict[str, str]:
    """Find the raw files of earlier iterations whose samples need their proxies again.

    A file that moved is found by its content. Files of which no sample is in the datapool may be gone.

    Args:
        raw: columns of `RAW_FILES`.
        base: what was processed before.
        may_lack: whether files of datapool samples may be gone, too.

    Returns:
        Path to decode, by content hash.

    Raises:
        RawDataError: the file of a datapool sample is gone.
    """
    known = base.processed[["raw_path", "content_hash"]].drop_duplicates().sort_values(["content_hash", "raw_path"])
    usable = raw[raw["media"] != IGNORED]
    present = set(zip(usable["path"], usable["content_hash"], strict=True))
    media_of_path = dict(zip(base.ledger["path"], base.ledger["media"], strict=True))
    by_content = {
        (str(row.content_hash), str(row.media)): str(row.path)
        for row in usable.sort_values("path", ascending=False).itertuples()
    }
    again: dict[str, str] = {}
    for path, content in zip(known["raw_path"], known["content_hash"], strict=True):
        moved = by_content.get((content, str(media_of_path.get(path, ""))))
        if (path, content) in present:
            again[content] = path
        elif moved is not None:
            again.setdefault(content, moved)
    needed = base.selected.loc[base.selected["filename"].isin(base.processed["filename"])]
    gone = sorted(set(needed.loc[~needed["content_hash"].isin(again.keys()), "raw_path"]))
    if gone and not may_lack:
        raise RawDataError(
            f"train.retrain embeds the whole datapool again, but {len(gone)} raw files of its samples are gone: "
            f"{named(gone)}. Restore them (`dvc checkout data/raw.dvc`, or from a backup), list them again in what "
            "ingest.relevant_filenames_file names, or set train.retrain: false. train.migrate_missing: drop_embeddings "
            "keeps their samples in the datapool without an embedding"
        )
    return again


def known_frames(processed: pd.DataFrame, again: Mapping[str, str]) -> dict[str, dict[int, str]]:
    """Return which frames of files that are decoded again were processed, whatever `ingest.fps` was then or is now.

    Args:
        processed: samples of the base, `content_hash`, `frame` and `pixel_hash`.
        again: paths to decode, by content hash.

    Returns:
        The pixel hash of each frame, by path and frame index.
    """
    known: dict[str, dict[int, str]] = {}
    for content, frame, pixels in processed[["content_hash", "frame", "pixel_hash"]].itertuples(index=False):
        if content in again:
            known.setdefault(again[content], {})[int(frame)] = str(pixels)
    return known


def earlier_samples(decoded: pd.DataFrame, base: BaseTables, again: Mapping[str, str]) -> pd.DataFrame:
    """Return the samples of earlier iterations as the base knows them, with their new proxies.

    Args:
        decoded: what their raw files gave now, of `accounting.sample_table`.
        base: what was processed before.
        again: paths that were decoded again, by content hash.

    Returns:
        Columns of `SAMPLES`.

    Raises:
        RawDataError: a file gives other pixels than it did.
    """
    earlier = base.processed[base.processed["content_hash"].isin(again.keys())]
    keys = ["content_hash", "pixel_hash"]
    at_frame = decoded[["content_hash", "frame", "pixel_hash"]]
    merged = earlier.merge(at_frame, on=["content_hash", "frame"], how="left", suffixes=("", "_now"))
    differing = sorted(set(merged.loc[merged["pixel_hash"] != merged["pixel_hash_now"], "raw_path"]))
    if differing:
        raise RawDataError(
            f"{len(differing)} raw files decode to other pixels than when they were processed: {named(differing)}. "
            "Install the locked versions of av and pillow (`make setup`), set clean.jpeg_draft as it was then, or set "
            "train.retrain: false"
        )
    proxies = decoded.loc[decoded["member"] != "", [*keys, "shard", "member"]].drop_duplicates(keys)
    samples: pd.DataFrame = earlier.merge(proxies, on=keys, how="left").assign(is_new=False)[SAMPLES.names]
    return samples


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


def require_something_new(cleaned: Cleaned, base: BaseTables, *, may_be_empty: bool) -> None:
    """Make sure that there is something to go on with.

    Args:
        cleaned: what this iteration found.
        base: what was processed before.
        may_be_empty: whether the run makes sense without a new sample.

    Raises:
        RawDataError: there has never been a sound sample.
        NothingToSelectError: nothing new was found.
    """
    if cleaned.samples["is_new"].any() or (may_be_empty and len(base.processed)):
        return
    files = cleaned.files
    if not len(base.processed):
        reasons = _reasons(files[files["status"].isin(DROPPED_STATUSES)])
        raise RawDataError(
            f"none of the {int((files['media'] != IGNORED).sum())} images and videos in data/raw can be used: "
            f"{reasons}. Replace them with sound files, and run `dvc repro` again"
        )
    of_status = files["status"].value_counts()
    found = [f"{of_status[status]} {words}" for status, words in _DROPPED_FILES if status in of_status]
    corrupt = files[files["status"] == CORRUPT]
    found += [f"{len(corrupt)} corrupt: {_reasons(corrupt)}"] if len(corrupt) else []
    what = f"the new files give no new sample ({'; '.join(found)})" if found else "there is no new file in data/raw"
    raise NothingToSelectError(what)


def _reasons(files: pd.DataFrame) -> str:
    return named([f"{path} ({reason})" for path, reason in zip(files["path"], files["reason"], strict=True)])


def summary(cleaned: Cleaned) -> str:
    """Return the stage's closing line."""
    files, samples = cleaned.files, cleaned.samples
    status = files["status"]
    decoded = int(status.isin([*TAKEN_IN, OVER_LIMIT]).sum())
    again = int((~samples["is_new"]).sum())
    parts = [
        f"{int(samples['is_new'].sum())} samples kept",
        f"{int(files['duplicate'].sum())} duplicates",
        f"{int(files['corrupt'].sum())} corrupt",
    ]
    parts += [f"{int(files[count].sum())} {words}" for count, words in _RARER_COUNTS if files[count].any()]
    parts += [f"{again} earlier samples decoded again"] if again else []
    return (
        f"{decoded} new files ({int((status == CORRUPT).sum())} corrupt), "
        f"{int((status == PROCESSED).sum())} reused from the base: {', '.join(parts)}"
    )


def run(params: Params) -> str:
    r"""Decode the new raw files: drop what is damaged or known, keep a proxy of the rest.

    \b
    Reads   data/ingest/raw_files.parquet, data/raw/, data/base/
    Writes  data/clean/: samples.parquet, dropped.parquet, files.parquet, proxies/
    """
    base = BaseTables(
        store.read_ledger(paths.BASE),
        read_metadata(paths.BASE / store.EMBEDDINGS_FOLDER),
        store.read_samples(paths.BASE),
    )
    raw = still_there(read_parquet(paths.RAW_FILES)[RAW_FILES.names], base.ledger, paths.RAW)
    limits = quality_limits(
        min_luma=params.clean.min_luma,
        max_luma=params.clean.max_luma,
        min_contrast=params.clean.min_contrast,
        min_sharpness=params.clean.min_sharpness,
        max_uniform_rows=params.clean.max_uniform_rows,
    )
    rules = accounting.Rules(tuple(limits), params.clean.near_duplicate_bits, store.read_removed(paths.BASE))
    settings = Settings.of(params.clean, params.ingest.fps, params.ingest.max_frames_per_video)
    workers = params.clean.workers or available_cores()
    require_turbojpeg()
    with atomic_folder(paths.PROXIES) as folder:
        retrain = params.train.retrain
        may_lack = params.train.migrate_missing == "drop_embeddings"
        cleaned = clean(
            raw, base, paths.RAW, folder, settings, rules, workers=workers, retrain=retrain, may_lack=may_lack
        )
        may_be_empty = params.select.process_all or params.train.retrain or store.may_lack_new_data(paths.BASE)
        require_something_new(cleaned, base, may_be_empty=may_be_empty)
    write_parquet(cleaned.samples, SAMPLES, paths.SAMPLES)
    write_parquet(cleaned.dropped, DROPPED, paths.DROPPED)
    write_parquet(cleaned.files, FILES, paths.FILES)
    return summary(cleaned)


main = stage_command(run)

if __name__ == "__main__":
    main()
