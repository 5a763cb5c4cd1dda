"""Stage `ingest`: lists all that lies in `data/raw/`, with the content hash of every image and video.

Reads `data/raw/`, the only stage that does, and the list of relevant files; writes `data/ingest/raw_files.parquet`
(columns `curation.tables.samples.RAW_FILES`) and the metrics `reports/ingest.json`, through which `resolve_base`
sees what changed, and which name the lines of the list that match nothing.

Files that an accepted iteration has processed may go or move afterwards: where nothing else has changed since, the
table stays that of HEAD's iteration, byte for byte.
"""

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from time import time_ns
from typing import Any

import click
import numpy as np
import pandas as pd
from tqdm import tqdm

from curation.core.atomic import write_bytes, write_json
from curation.core.cores import available_cores
from curation.core.errors import RawDataError
from curation.core.hashing import md5_of_file, sha256_of_file
from curation.core.words import counted
from curation.history.accepted_inputs import accepted_table, processed_contents, tracked_files
from curation.history.cache_folders import cache_folders
from curation.history.listed_changes import told
from curation.history.rewritten import changed_paths, require_cache_untouched
from curation.image.pages import page_counts_of
from curation.params.schema import Params
from curation.pipeline import paths
from curation.pipeline.command import stage_command
from curation.pipeline.raw_files import last_listing, stat_cache
from curation.raw.listing import ListedFile, list_raw_files, media_of_extension
from curation.raw.moves import Changes, came_back, changes
from curation.raw.pages import as_processed
from curation.raw.relevant import Pattern, in_other_form, read_patterns, relevance
from curation.raw.stat_cache import NOTHING_READ, StatCache, stamps_of, with_answers
from curation.raw.tracks import file_paths
from curation.tables.files import read_parquet, write_parquet
from curation.tables.samples import IGNORED, IMAGE, PAGES, RAW_FILES, VIDEO
from curation.video.declared import declared_frames_of, further_tracks_of

_DVC = Path(".dvc")
_WARNINGS = 20
"""Lines that match nothing are printed one by one up to this many; all are in `reports/ingest.json`."""


@dataclass(frozen=True)
class RelevantFiles:
    """The choice of relevant raw files.

    Attributes:
        name: of the list, for messages.
        patterns: its lines; none = every file.
    """

    name: str
    patterns: Sequence[Pattern] = ()


Row = tuple[str, str, str, int, str]
"""Path, media, reason, size and content hash of a raw file."""

EVERY_FILE = RelevantFiles("")


class NothingListedError(RawDataError):
    """There is no file at all."""


def ingest(
    folder: Path,
    image_extensions: Sequence[str],
    video_extensions: Sequence[str],
    linked_folders: Sequence[Path] = (),
    relevant: RelevantFiles = EVERY_FILE,
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
    listed = list_raw_files(folder, media_of_extension(image_extensions, video_extensions), linked_folders)
    if not listed:
        raise NothingListedError(f"{folder} is empty: {wanted}")
    listed = _with_relevance(listed, relevant)
    table = _with_content(folder, listed, cache, all_tracks=all_tracks, all_pages=all_pages)
    if (table["media"] == IGNORED).all():
        first = table.iloc[0]
        raise RawDataError(
            f"{folder} holds {len(table)} files, but no image or video "
            f"(for one, {first['path']}: {first['reason']}): {wanted}"
        )
    return table


def _with_relevance(listed: Sequence[ListedFile], relevant: RelevantFiles) -> list[ListedFile]:
    """Mark what the list leaves out as ignored; what is ignored for a reason of its own keeps that."""
    is_relevant, _ = relevance([file.path for file in listed], relevant.patterns)
    reason = f"not in {relevant.name}"
    return [
        file if keep or file.media == IGNORED else replace(file, media=IGNORED, reason=reason)
        for file, keep in zip(listed, is_relevant, strict=True)
    ]


def metrics(table: pd.DataFrame, table_hash: str) -> dict[str, int | str]:
    """Return the numbers of a table of raw files.

    Args:
        table: columns of `RAW_FILES`.
        table_hash: of its file, as DVC records it in dvc.lock.
    """
    counts = table["media"].value_counts()
    return {
        "raw_files": len(table),
        "images": int(counts.get(IMAGE, 0) + counts.get(PAGES, 0)),
        "videos": int(counts.get(VIDEO, 0)),
        "ignored": int(counts.get(IGNORED, 0)),
        "bytes": int(table.loc[table["media"] != IGNORED, "size"].sum()),
        "table": table_hash,
    }


def summary(numbers: dict[str, int | str]) -> str:
    """Return the stage's closing line."""
    parts = (
        counted(int(numbers["videos"]), "video"),
        counted(int(numbers["images"]), "image"),
        f"{numbers['ignored']} ignored",
    )
    return f"{counted(int(numbers['raw_files']), 'raw file')}: {', '.join(parts)}"


def unmatched_lines(unmatched: Iterable[Pattern]) -> list[dict[str, int | str]]:
    """Return lines of the list of relevant files that match no file, for `reports/ingest.json`."""
    return [{"line": pattern.line, "text": pattern.text} for pattern in unmatched]


def warnings(name: str, unmatched: Sequence[Pattern]) -> list[str]:
    """Return what to tell about lines of the list of relevant files that match no file.

    Args:
        name: of the list.
        unmatched: its patterns that match no file.
    """
    lines = [f"{name}, line {one.line}: no file in data/raw matches {one.text!r}" for one in unmatched[:_WARNINGS]]
    more = len(unmatched) - _WARNINGS
    return lines + ([f"{name}: {more} more lines match no file"] if more > 0 else [])


def _other_forms(name: str, listed: Sequence[str], patterns: Sequence[Pattern]) -> list[str]:
    """Return what to tell about lines of the list of relevant files in another Unicode form than the files' names."""
    found = in_other_form(listed, patterns)
    if not found:
        return []
    first = f"line {found[0].line}: {found[0].text!r}"
    return [
        f"{name}: {counted(len(found), 'line')} in another Unicode form than the names in data/raw (systems write "
        f"accents differently); the files whose names look the same are taken; {first}"
    ]


def _changes(former: pd.DataFrame, table: pd.DataFrame) -> Changes:
    """Compare two listings, and look up what is new among all that the accepted datapool has taken in."""
    found = changes(former, table)
    if found.new and came_back(found, former, table, processed_contents()):
        return replace(found, new=(), back=found.new)
    return found


def _with_content(
    folder: Path, listed: Sequence[ListedFile], cache: StatCache, *, all_tracks: bool, all_pages: bool
) -> pd.DataFrame:
    """Read every accepted file that is new, for its hash and, of videos, the declared frames."""
    began, stamps = time_ns(), stamps_of(folder, [file.path for file in listed if file.media != IGNORED])
    read = cache.recall(stamps)
    rows = _rows(folder, listed, read.content_hashes)
    read.content_hashes = {path: content for path, *_, content in rows if content}
    if all_tracks:
        files = [path for path, media, *_ in rows if media == VIDEO]
        read.tracks = with_answers(folder, read.tracks, files, further_tracks_of)
        rows += [(path, VIDEO, "", 0, content) for path, content in read.further_tracks()]
    table = pd.DataFrame(rows, columns=[name for name in RAW_FILES.names if name != "frames"])
    videos, images = (table.loc[table["media"] == media, "path"].tolist() for media in (VIDEO, IMAGE))
    read.frames = with_answers(folder, read.frames, videos, declared_frames_of)
    read.pages = with_answers(folder, read.pages, images if all_pages else [], page_counts_of)
    cache.remember(stamps, read, began)
    of_several = {path for path, count in read.pages.items() if count > 1}
    table.loc[table["path"].isin(of_several), "media"] = PAGES
    frames = dict.fromkeys(images, 1) | read.pages | read.frames
    table["frames"] = np.array([frames.get(path, 0) for path in table["path"]], dtype=np.int64)
    return table.sort_values("path", kind="stable", ignore_index=True)


def _rows(folder: Path, listed: Sequence[ListedFile], known: Mapping[str, str]) -> list[Row]:
    """Return the rows of the table but for the frames; files of unknown content hash are read, several at a time."""
    new = [file for file in listed if file.path not in known]
    total = sum(file.size for file in new if file.media != IGNORED)
    with (
        tqdm(total=total, unit="B", unit_scale=True, desc="hashing", disable=None) as bar,
        ThreadPoolExecutor(available_cores()) as threads,
    ):
        rows = list(threads.map(lambda file: _row(folder, file, bar), new))
    old = [(file.path, file.media, "", file.size, known[file.path]) for file in listed if file.path in known]
    return rows + old


def _row(folder: Path, file: ListedFile, bar: "tqdm[Any]") -> Row:
    """Return one row of the table but for the frames; a file that cannot be read is ignored with the reason."""
    if file.media == IGNORED:
        return (file.path, IGNORED, file.reason, file.size, "")
    try:
        content_hash = sha256_of_file(folder / file.path, bar.update)
    except OSError as error:
        return (file.path, IGNORED, f"cannot be read: {error.strerror}", file.size, "")
    return (file.path, file.media, "", file.size, content_hash)


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
    former = read_parquet(accepted)[RAW_FILES.names] if accepted else None
    try:
        table = ingest(
            *(paths.RAW, settings.image_extensions, settings.video_extensions, links, relevant),
            cache=stat_cache(),
            all_tracks=settings.video_tracks == "all",
            all_pages=settings.pages == "all",
        )
    except NothingListedError:
        if former is None:
            raise
        table = former.iloc[:0]
    if former is not None:
        table = as_processed(table, former)
    known = [one for one in (former, last_listing()) if one is not None]
    require_cache_untouched(paths.RAW, table["path"], changed_paths(known, table))
    found = _changes(former, table) if former is not None else None
    if accepted and former is not None and found and not found.new:
        table = former
        write_bytes(paths.RAW_FILES, accepted.read_bytes())
    else:
        write_parquet(table, RAW_FILES, paths.RAW_FILES)
    _, unmatched = relevance(table["path"].tolist(), relevant.patterns)
    for warning in [*warnings(name, unmatched), *_other_forms(name, table["path"].tolist(), relevant.patterns)]:
        click.echo(f"ingest: warning: {warning}", err=True)
    numbers = metrics(table, md5_of_file(paths.RAW_FILES))
    write_json(paths.INGEST_METRICS, {**numbers, "unmatched_relevant_lines": unmatched_lines(unmatched)})
    if former is None or found is None:
        return summary(numbers)
    still_there = file_paths(former["path"]) - file_paths(found.gone)
    return summary(numbers) + told(found, tracked_files() - len(still_there))


main = stage_command(run)

if __name__ == "__main__":
    main()
