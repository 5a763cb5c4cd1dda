"""Raw files that are objects in a bucket, in the tables: what the base knows of them, and what reading them adds."""

import os
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd

from curation.buckets.objects import RawObject, raw_objects, source_ids
from curation.cleaning.accounting import named
from curation.cleaning.decoded_file import DecodedFile
from curation.cleaning.fetched import Fetching, write_known
from curation.core.atomic import TEMPORARY_PREFIX
from curation.core.words import counted
from curation.raw.pages import as_processed
from curation.tables.files import empty_frame
from curation.tables.samples import IGNORED, RAW_FILES


@contextmanager
def fetching_for(
    raw: pd.DataFrame, sources: pd.DataFrame, ledger: pd.DataFrame, folder: Path, most_bytes: int
) -> Iterator[Fetching | None]:
    """Give how objects are fetched; None where there are none, in the listing or in the base.

    Args:
        raw: columns of `RAW_FILES`.
        sources: of the base.
        ledger: of the base: its contents need not be decoded.
        folder: beside which a file is, for as long as this goes on.
        most_bytes: of objects that are here at once.
    """
    if sources.empty and not (raw["address"] != "").any():
        yield None
        return
    with TemporaryDirectory(dir=folder.parent, prefix=f"{TEMPORARY_PREFIX}{os.getpid()}-known-") as scratch:
        known = Path(scratch).resolve() / "contents.npy"
        write_known(zip(ledger["content_hash"], ledger["media"], strict=True), known)
        yield Fetching(most_bytes, known)


def with_known_contents(raw: pd.DataFrame, sources: pd.DataFrame, ledger: pd.DataFrame) -> pd.DataFrame:
    """Give objects the content hash that they had when they were read, where path, size, etag and version are the same.

    Args:
        raw: columns of `RAW_FILES`.
        sources: of the base, columns of `curation.tables.datapool.SOURCES`.
        ledger: of the base.
    """
    asked = is_unread(raw)
    if sources.empty or not asked.any():
        return raw
    known = dict(zip(_keys(sources), sources["content_hash"], strict=True))
    contents = [known.get(key, "") for key in _keys(raw[asked])]
    filled = raw.copy()
    filled.loc[asked, "content_hash"] = contents
    return as_processed(filled, ledger)


def is_unread(raw: pd.DataFrame) -> "pd.Series[bool]":
    """Tell which raw files are objects that have to be read, since their content is unknown."""
    return (raw["address"] != "") & (raw["content_hash"] == "") & (raw["media"] != IGNORED)


def with_read(raw: pd.DataFrame, read: Iterable[DecodedFile], ledger: pd.DataFrame) -> pd.DataFrame:
    """Give objects the content hash and the frames that were found out when they were read.

    Args:
        raw: columns of `RAW_FILES`.
        read: what was decoded, or only hashed.
        ledger: of the base.
    """
    found = {file.path: file for file in read if file.content_hash}
    if not found:
        return raw
    contents = raw["path"].map({path: file.content_hash for path, file in found.items()})
    frames = raw["path"].map({path: file.declared or 0 for path, file in found.items()})
    filled = raw.assign(
        content_hash=contents.astype(raw["content_hash"].dtype).fillna(raw["content_hash"]),
        frames=frames.astype("float64").fillna(raw["frames"]).astype(raw["frames"].dtype),
    )
    return as_processed(filled, ledger)


def pinned(sources: pd.DataFrame, ledger: pd.DataFrame, raw: pd.DataFrame) -> pd.DataFrame:
    """Return objects that the listing no longer has, of which the bucket keeps the version that was processed.

    Args:
        sources: of the base.
        ledger: of the base.
        raw: columns of `RAW_FILES`, as listed now.

    Returns:
        Columns of `RAW_FILES`, each path once.
    """
    kept = sources[(sources["version"] != "") & ~sources["path"].isin(set(raw["path"]))]
    if kept.empty:
        return empty_frame(RAW_FILES)
    rows = kept.drop_duplicates("path", keep="last").merge(ledger[["path", "content_hash", "media", "frames"]])
    filled: pd.DataFrame = rows.assign(reason="")[RAW_FILES.names]
    return filled.sort_values("path", kind="stable", ignore_index=True)


def sources_of(raw: pd.DataFrame) -> dict[str, RawObject]:
    """Return those raw files that are objects, by path."""
    return {found.path: found for found in raw_objects(raw)}


def way_back_in_bucket(raw_paths: Collection[str], raw: pd.DataFrame, sources: pd.DataFrame) -> str:
    """Say how objects that have other content now come back; nothing where none of the files is an object.

    Args:
        raw_paths: of raw files.
        raw: columns of `RAW_FILES`.
        sources: of the base.
    """
    remote = raw[raw["path"].isin(set(raw_paths)) & (raw["address"] != "")]
    if remote.empty:
        return ""
    former = sources[sources["path"].isin(set(remote["path"])) & (sources["version"] != "")]
    former = former.drop_duplicates("path", keep="last")
    versions = [f"{one.address} in version {one.version}" for one in raw_objects(former)]
    kept = f" (it may have kept what was processed: {named(versions)})" if versions else ""
    return (
        f"{counted(len(remote), 'file')} of these lie in a bucket, which DVC cannot bring back: restore them there"
        f"{kept}, then `python -m curate update` and `dvc repro`"
    )


def _keys(table: pd.DataFrame) -> Iterable[tuple[str, str]]:
    return zip(table["path"], source_ids(table), strict=True)
