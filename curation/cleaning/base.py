"""What earlier iterations processed, and what of it is decoded again."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pandas as pd

from curation.cleaning.accounting import named
from curation.cleaning.decoded_file import DecodedFile
from curation.core.errors import RawDataError, RawFilesGoneError
from curation.core.regular import is_file
from curation.raw.finding import RawFinder
from curation.raw.tracks import file_on_disk
from curation.tables.datapool import SOURCES
from curation.tables.files import empty_frame
from curation.tables.membership import is_among
from curation.tables.samples import IGNORED, SAMPLES


@dataclass(frozen=True)
class BaseTables:
    """The tables that `clean` needs of the datapool that this iteration builds on.

    Attributes:
        ledger: raw files processed before, columns of `curation.tables.datapool.LEDGER`.
        processed: all samples processed before, columns of an embedding shard without the embedding.
        selected: the datapool's own samples, columns of `curation.tables.datapool.SAMPLES`.
        sources: objects in buckets whose content is known, columns of `curation.tables.datapool.SOURCES`.
    """

    ledger: pd.DataFrame
    processed: pd.DataFrame
    selected: pd.DataFrame
    sources: pd.DataFrame = field(default_factory=partial(empty_frame, SOURCES))


def as_they_lie(raw: pd.DataFrame, ledger: pd.DataFrame, finder: RawFinder) -> pd.DataFrame:
    """Bring a listing up to date where it names files that the base has processed: `ingest` may list them still.

    Objects in a bucket are where their own listing has them.

    Args:
        raw: columns of `RAW_FILES`.
        ledger: of the base.
        finder: says where content lies.

    Returns:
        Columns of `RAW_FILES`, sorted by path: files that moved at their place, without those that are gone.
    """
    known = raw[is_among(raw["path"], ledger["path"]) | is_among(raw["content_hash"], ledger["content_hash"])]
    known = known[known["address"] == ""]
    gone = [path for path in known["path"].tolist() if not _is_there(finder.folder, path)]
    if not gone:
        return raw
    lost = known[known["path"].isin(set(gone))]
    places = finder.places(zip(lost["path"], lost["content_hash"], strict=True))
    moved = {path: place for (path, _), place in sorted(places.items(), reverse=True)}
    there = raw[~raw["path"].isin(set(gone))]
    back = lost.assign(path=lost["path"].map(moved)).dropna(subset="path").drop_duplicates("path")
    back = back[~back["path"].isin(set(there["path"]))]
    rows: pd.DataFrame = pd.concat([there, back]).sort_values("path", kind="stable", ignore_index=True)
    return rows


def _is_there(folder: Path, path: str) -> bool:
    """Return whether the file of a path is there; most paths are no tracks, and those of many files are asked for."""
    return is_file(f"{folder}/{path}") or file_on_disk(folder / path).is_file()


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
        RawFilesGoneError: the file of a datapool sample is gone.
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
        raise RawFilesGoneError(
            f"train.retrain embeds the whole datapool again, but {len(gone)} raw files of its samples are gone: "
            f"{named(gone)}. Restore them, list them again in what ingest.relevant_filenames_file names, or set "
            "train.retrain: false. train.migrate_missing: drop_embeddings keeps their samples in the datapool without "
            "an embedding",
            gone,
        )
    return again


def without_unreachable(
    again: Mapping[str, str], decoded: Iterable[DecodedFile], base: BaseTables, *, may_lack: bool = False
) -> Mapping[str, str]:
    """Leave out the objects in a bucket that could not be fetched.

    Args:
        again: paths to decode, by content hash.
        decoded: what came of these, and of others.
        base: what was processed before.
        may_lack: whether files of datapool samples may be among them.

    Raises:
        RawDataError: the file of a datapool sample is.
    """
    lost = {file.path: f"{file.path} ({file.reason})" for file in decoded if file.is_unreachable}
    if not lost:
        return again
    left = {content: path for content, path in again.items() if path not in lost}
    gone = {content: lost[path] for content, path in again.items() if path in lost}
    needed = base.selected.loc[base.selected["filename"].isin(base.processed["filename"]), "content_hash"]
    missed = sorted({gone[content] for content in needed if content in gone})
    if missed and not may_lack:
        raise RawDataError(
            f"train.retrain embeds the whole datapool again, but {len(missed)} objects of its samples cannot be read: "
            f"{named(missed)}. Run `dvc repro` again when they can, or set train.retrain: false. "
            "train.migrate_missing: drop_embeddings keeps their samples in the datapool without an embedding"
        )
    return left


def known_frames(processed: pd.DataFrame, again: Mapping[str, str]) -> dict[str, dict[int, str]]:
    """Return which frames of files that are decoded again were processed, whatever `ingest.fps` was then or is now.

    Args:
        processed: samples of the base, `content_hash`, `frame` and `pixel_hash`.
        again: paths to decode, by content hash.

    Returns:
        The pixel hash of each frame, by path and frame index.
    """
    known: dict[str, dict[int, str]] = {}
    if not again:
        return known
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
