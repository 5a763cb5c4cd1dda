"""What earlier iterations processed, and what of it is decoded again."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from curation.cleaning.accounting import named
from curation.core.errors import RawDataError
from curation.tables.samples import IGNORED, SAMPLES


@dataclass(frozen=True)
class BaseTables:
    """The tables that `clean` needs of the datapool that this iteration builds on.

    Attributes:
        ledger: raw files processed before, columns of `curation.tables.datapool.LEDGER`.
        processed: all samples processed before, columns of an embedding shard without the embedding.
        selected: the datapool's own samples, columns of `curation.tables.datapool.SAMPLES`.
    """

    ledger: pd.DataFrame
    processed: pd.DataFrame
    selected: pd.DataFrame


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
