"""Stage `ingest`: lists all that lies in `data/raw/`, with the content hash of every image and video.

Reads `data/raw/`, the only stage that does, and the list of relevant files; writes `data/ingest/raw_files.parquet`
(columns `curation.tables.samples.RAW_FILES`) and the metrics `reports/ingest.json`, through which `resolve_base`
sees what changed, and which name the lines of the list that match nothing.

Objects that the listings of buckets in `data/raw/` name (`curation.buckets`) are listed with the files, as they were
pinned there: nothing is asked of a bucket.

Files that an accepted iteration has processed may go or move afterwards: where nothing else has changed since, the
table stays that of HEAD's iteration, byte for byte.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import click
import numpy as np
import pandas as pd

from curation.buckets.found import as_raw_files, besides, listed_objects, listings_in
from curation.buckets.listing import LISTING, is_listing
from curation.buckets.object_warnings import object_warnings
from curation.core.atomic import write_bytes, write_json
from curation.core.errors import RawDataError
from curation.core.hashing import md5_of_file
from curation.core.words import counted
from curation.history.accepted_inputs import accepted_table, processed_contents, tracked_files
from curation.history.cache_folders import cache_folders
from curation.history.listed_changes import told
from curation.history.rewritten import changed_paths, require_cache_untouched
from curation.params.schema import Params
from curation.pipeline import paths
from curation.pipeline.command import stage_command
from curation.pipeline.raw_contents import with_content
from curation.pipeline.raw_files import last_listing, stat_cache
from curation.raw.camera_files import warnings_of
from curation.raw.list_warnings import other_forms, unmatched_lines, warnings
from curation.raw.listing import ListedFile, list_raw_files, media_of_extension
from curation.raw.moves import Changes, came_back, changes
from curation.raw.pages import as_processed
from curation.raw.relevant import Pattern, read_patterns, relevance
from curation.raw.stat_cache import NOTHING_READ, StatCache
from curation.raw.tracks import file_paths
from curation.tables.files import empty_frame, write_parquet
from curation.tables.raw_files import read_raw_files
from curation.tables.samples import IGNORED, IMAGE, OBJECT_COLUMNS, PAGES, RAW_FILES, VIDEO

_DVC = Path(".dvc")


@dataclass(frozen=True)
class RelevantFiles:
    """The choice of relevant raw files.

    Attributes:
        name: of the list, for messages.
        patterns: its lines; none = every file.
    """

    name: str
    patterns: Sequence[Pattern] = ()


EVERY_FILE = RelevantFiles("")


class NothingListedError(RawDataError):
    """There is no file at all."""


def ingest(
    folder: Path,
    image_extensions: Sequence[str],
    video_extensions: Sequence[str],
    linked_folders: Sequence[Path] = (),
    relevant: RelevantFiles = EVERY_FILE,
    objects: pd.DataFrame | None = None,
    *,
    cache: StatCache = NOTHING_READ,
    all_tracks: bool = False,
    all_pages: bool = False,
) -> pd.DataFrame:
    """List and hash the raw files.

    Args:
        folder: of raw data.
        image_extensions: file name endings read as images, lower case, without the dot.
        video_extensions: likewise for videos.
        linked_folders: folders besides `folder` where links may lead to.
        relevant: others are neither read nor hashed, and listed as ignored.
        objects: in buckets, columns of `curation.buckets.listing.LISTING`; a local file of the same path stands before
            one. They are not read.
        cache: what earlier runs have read; files that are the same since are not read again.
        all_tracks: whether each further video track of a file has a row of its own, with a path inside that of the file
            (`curation.raw.tracks`).
        all_pages: whether image files of several images count as such.

    Returns:
        One row for each file, with the columns of `RAW_FILES`, sorted by path.

    Raises:
        NothingListedError: the folder is empty.
        RawDataError: it is missing, or holds no image or video.
    """
    wanted = (
        f"put images ({', '.join(image_extensions)}) or videos ({', '.join(video_extensions)}) there, in sub-folders "
        "or not, and run `dvc repro` again; ingest.image_extensions and ingest.video_extensions list the endings"
    )
    if not folder.is_dir():
        raise RawDataError(f"{folder} is missing: make this folder, {wanted}")
    media = media_of_extension(image_extensions, video_extensions)
    listed = [file for file in list_raw_files(folder, media, linked_folders) if not is_listing(file.path)]
    remote = besides(empty_frame(LISTING) if objects is None else objects, {file.path for file in listed})
    if not listed and remote.empty:
        raise NothingListedError(f"{folder} is empty: {wanted}")
    listed, remote = _with_relevance(listed, as_raw_files(remote, media), relevant)
    local = with_content(folder, listed, cache, all_tracks=all_tracks, all_pages=all_pages)
    table: pd.DataFrame = local.assign(**dict.fromkeys(OBJECT_COLUMNS, ""))[RAW_FILES.names]
    if not remote.empty:
        table = pd.concat([table, remote]).sort_values("path", kind="stable", ignore_index=True)
    if (table["media"] == IGNORED).all():
        first = table.iloc[0]
        raise RawDataError(
            f"{folder} holds {counted(len(table), 'file')}, but no image or video "
            f"(for one, {first['path']}: {first['reason']}): {wanted}"
        )
    return table


def _with_relevance(
    listed: Sequence[ListedFile], remote: pd.DataFrame, relevant: RelevantFiles
) -> tuple[list[ListedFile], pd.DataFrame]:
    """Mark what the list leaves out as ignored; what is ignored for a reason of its own keeps that."""
    is_relevant, _ = relevance([file.path for file in listed] + remote["path"].tolist(), relevant.patterns)
    reason = f"not in {relevant.name}"
    files = [
        file if keep or file.media == IGNORED else replace(file, media=IGNORED, reason=reason)
        for file, keep in zip(listed, is_relevant[: len(listed)], strict=True)
    ]
    left_out = ~np.array(is_relevant[len(listed) :], dtype=bool) & np.asarray(remote["media"] != IGNORED)
    if left_out.any():
        remote = remote.assign(
            media=remote["media"].mask(left_out, IGNORED), reason=remote["reason"].mask(left_out, reason)
        )
    return files, remote


def metrics(table: pd.DataFrame, table_hash: str) -> dict[str, int | str]:
    """Return the numbers of a table of raw files.

    Args:
        table: columns of `RAW_FILES`.
        table_hash: of its file, as DVC records it in dvc.lock.
    """
    counts = table["media"].value_counts()
    objects = int((table["address"] != "").sum())
    return {
        "raw_files": len(table),
        "images": int(counts.get(IMAGE, 0) + counts.get(PAGES, 0)),
        "videos": int(counts.get(VIDEO, 0)),
        "ignored": int(counts.get(IGNORED, 0)),
        "bytes": int(table.loc[table["media"] != IGNORED, "size"].sum()),
        "table": table_hash,
        **({"objects": objects} if objects else {}),
    }


def summary(numbers: dict[str, int | str], listings: int = 0) -> str:
    """Return the stage's closing line.

    Args:
        numbers: of `metrics`.
        listings: of buckets; their objects are among the raw files.
    """
    parts = (
        counted(int(numbers["videos"]), "video"),
        counted(int(numbers["images"]), "image"),
        f"{numbers['ignored']} ignored",
    )
    objects = (
        f"; {int(numbers.get('objects', 0)):,} of them objects in {counted(listings, 'listing')}" if listings else ""
    )
    return f"{counted(int(numbers['raw_files']), 'raw file')}: {', '.join(parts)}{objects}"


def _ignored_photographs(table: pd.DataFrame, patterns: Sequence[Pattern]) -> list[str]:
    """Return what to tell about RAW files of cameras that are ignored although they are relevant."""
    files = table[table["media"] == IGNORED]
    is_relevant, _ = relevance(files["path"].tolist(), patterns)
    return warnings_of(files.loc[list(is_relevant), "reason"])


def _changes(former: pd.DataFrame, table: pd.DataFrame) -> Changes:
    """Compare two listings, and look up what is new among all that the accepted datapool has taken in."""
    found = changes(former, table)
    if found.new and came_back(found, former, table, processed_contents()):
        return replace(found, new=(), back=found.new)
    return found


def run(params: Params) -> str:
    r"""List the raw files, with their content hashes.

    \b
    Reads   data/raw/, the list that ingest.relevant_filenames_file names
    Writes  data/ingest/raw_files.parquet, reports/ingest.json
    """
    settings, links = params.ingest, cache_folders(_DVC)
    name = settings.relevant_filenames_file
    relevant = RelevantFiles(name, read_patterns(Path(name)))
    accepted = accepted_table()
    former = read_raw_files(accepted) if accepted else None
    all_tracks, all_pages = settings.video_tracks == "all", settings.pages == "all"
    objects, listings = listed_objects(paths.RAW), len(listings_in(paths.RAW))
    try:
        table = ingest(
            *(paths.RAW, settings.image_extensions, settings.video_extensions, links, relevant, objects),
            cache=stat_cache(),
            all_tracks=all_tracks,
            all_pages=all_pages,
        )
    except NothingListedError:
        if former is None:
            raise
        table = former.iloc[:0]
    if former is not None:
        table = as_processed(table, former)
    known = [one for one in (former, last_listing()) if one is not None]
    local_paths = table.loc[table["address"] == "", "path"]
    require_cache_untouched(paths.RAW, local_paths, changed_paths(known, table))
    told_of_objects = object_warnings(objects, table, all_tracks=all_tracks, all_pages=all_pages)
    found = _changes(former, table) if former is not None else None
    if accepted and former is not None and found and not found.new:
        table = former
        write_bytes(paths.RAW_FILES, accepted.read_bytes())
    else:
        write_parquet(table, RAW_FILES, paths.RAW_FILES)
    _, unmatched = relevance(table["path"].tolist(), relevant.patterns)
    told_of_list = [*warnings(name, unmatched), *other_forms(name, table["path"].tolist(), relevant.patterns)]
    for warning in [*told_of_list, *_ignored_photographs(table, relevant.patterns), *told_of_objects]:
        click.echo(f"ingest: warning: {warning}", err=True)
    numbers = metrics(table, md5_of_file(paths.RAW_FILES))
    write_json(paths.INGEST_METRICS, {**numbers, "unmatched_relevant_lines": unmatched_lines(unmatched)})
    if former is None or found is None:
        return summary(numbers, listings)
    had_objects = bool((former["address"] != "").any())
    still_there = file_paths(former.loc[former["address"] == "", "path"]) - file_paths(found.gone)
    untracked = tracked_files(with_listings=had_objects) - len(still_there)
    return summary(numbers, listings) + told(found, untracked)


main = stage_command(run)

if __name__ == "__main__":
    main()
