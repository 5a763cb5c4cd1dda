"""The contents of local raw files: hashes, frames and pages, of those that the stat cache does not know."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import time_ns
from typing import Any

import numpy as np
import pandas as pd
from tqdm import tqdm

from curation.core.cores import available_cores
from curation.core.hashing import sha256_of_file
from curation.image.pages import page_counts_of
from curation.raw.listing import ListedFile
from curation.raw.stat_cache import StatCache, stamps_of, with_answers
from curation.tables.samples import IGNORED, IMAGE, PAGES, VIDEO
from curation.video.declared import declared_frames_of, further_tracks_of

Row = tuple[str, str, str, int, str]
"""Path, media, reason, size and content hash of a raw file."""


def with_content(
    folder: Path, listed: Sequence[ListedFile], cache: StatCache, *, all_tracks: bool, all_pages: bool
) -> pd.DataFrame:
    """Read every accepted file that is new, for its hash and, of videos, the declared frames.

    Args:
        folder: of raw data.
        listed: what lies there.
        cache: what earlier runs have read; takes what is read now.
        all_tracks: whether each further video track has a row of its own.
        all_pages: whether image files of several images count as such.

    Returns:
        One row for each file, with the columns of `RAW_FILES` but those of objects, sorted by path.
    """
    began, stamps = time_ns(), stamps_of(folder, [file.path for file in listed if file.media != IGNORED])
    read = cache.recall(stamps)
    rows = _rows(folder, listed, read.content_hashes)
    read.content_hashes = {path: content for path, *_, content in rows if content}
    if all_tracks:
        files = [path for path, media, *_ in rows if media == VIDEO]
        read.tracks = with_answers(folder, read.tracks, files, further_tracks_of)
        rows += [(path, VIDEO, "", 0, content) for path, content in read.further_tracks()]
    table = pd.DataFrame(rows, columns=["path", "media", "reason", "size", "content_hash"])
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
