"""The raw files of this project, wherever they lie now."""

from pathlib import Path

import pandas as pd

from curation.buckets.found import with_present_addresses
from curation.code.closure import CodeReader
from curation.history.cache_folders import cache_folders
from curation.params.ingest import IngestParams
from curation.pipeline import paths
from curation.raw.finding import RawFinder
from curation.raw.listing import extension_of, media_of_extension
from curation.raw.stat_cache import NOTHING_READ, StatCache
from curation.tables.datapool import SOURCES
from curation.tables.files import empty_frame
from curation.tables.raw_files import read_raw_files
from curation.tables.samples import IGNORED, RAW_FILES

_DVC = Path(".dvc")


def last_listing() -> pd.DataFrame | None:
    """Return the listing that ingest wrote last, columns of `RAW_FILES`; None where there is none that can be read."""
    try:
        return read_raw_files(paths.RAW_FILES)
    except (OSError, ValueError, KeyError):  # gone, damaged, or of another version of the template
        return None


def raw_finder(settings: IngestParams | None = None, sources: pd.DataFrame | None = None) -> RawFinder:
    """Return what finds raw files by their content: from the last listing, and from what lies there now.

    Args:
        settings: which file name endings count; None: those that the last listing has.
        sources: objects in buckets of which a datapool knows the content; None for none.
    """
    last = last_listing()
    listing = empty_frame(RAW_FILES) if last is None else with_present_addresses(last, paths.RAW)
    if settings is None:
        used = listing[listing["media"] != IGNORED]
        pairs = zip(used["path"].to_numpy(object), used["media"].to_numpy(object), strict=True)
        media = {extension_of(path): kind for path, kind in pairs}
    else:
        media = media_of_extension(settings.image_extensions, settings.video_extensions)
    known = empty_frame(SOURCES) if sources is None else sources
    return RawFinder(paths.RAW, listing, media, cache_folders(_DVC), known)


def stat_cache() -> StatCache:
    """Return what earlier runs of ingest have read of the raw files; without DVC there is no place for it."""
    if not _DVC.is_dir():
        return NOTHING_READ
    return StatCache(paths.STAT_CACHE, CodeReader(Path(), paths.CODE_MEMORY).digest("python -m stages.ingest"))
