"""Raw files that were overwritten in place, and with them their bytes in DVC's cache.

DVC may keep a raw file and the object in its cache as one file with two names (a hard link, or a symbolic one). The
objects are read-only, which keeps everybody but root from writing into them. What root writes into the raw file then
stands in the cache under the hash of the former bytes, and DVC takes it for them.
"""

import os
import shlex
import stat
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import pandas as pd

from curation.core.errors import BaseError, RawDataError
from curation.core.hashing import md5_of_file
from curation.history.dvc_cache import Cache, open_cache
from curation.history.dvc_lock import dependency_hash, parse_stages, stages_at
from curation.history.way_back import listing
from curation.inspection.revision import WORKSPACE, Revision
from curation.pipeline import paths

SAFE_LINKS = "reflink,copy"
"""What `cache.type` has to be where root works: no name of a file in the workspace is one of the cache."""


def changed_paths(former: Sequence[pd.DataFrame], present: pd.DataFrame) -> set[str]:
    """Return the paths whose content is another one than a former listing says.

    Args:
        former: columns of `curation.tables.samples.RAW_FILES` each.
        present: likewise.
    """
    read = [table[table["content_hash"] != ""] for table in (present, *former)]  # objects in buckets are not
    now, *before = [list(zip(table["path"].tolist(), table["content_hash"].tolist(), strict=True)) for table in read]
    contents = dict(now)
    return {path for rows in before for path, content in rows if contents.get(path, content) != content}


def require_cache_untouched(folder: Path, raw_paths: Iterable[str], changed: Collection[str]) -> None:
    """Make sure that none of the raw files that changed has changed the DVC cache with it.

    Where no raw file is linked and none is known to have changed, nothing is looked at. Otherwise the objects are read
    that have the former bytes of those that changed: the `changed` ones, and those that DVC has seen change since
    `ingest` ran last.

    Args:
        folder: of raw data.
        raw_paths: of all raw files, relative to it.
        changed: those that are known to have changed.

    Raises:
        RawDataError: naming the files, their objects, and the way out.
    """
    if not changed and not any(_is_linked(f"{folder}/{path}") for path in raw_paths):
        return
    try:
        with open_cache() as cache:
            found = sorted(set(_rewritten(folder, changed, cache)))
    except BaseError:
        return  # without a repository of DVC there is no cache
    if found:
        raise RawDataError(_message(found))


def _is_linked(file: str) -> bool:
    """Return whether a file has a second name, or is a link itself."""
    try:
        status = os.lstat(file)
    except OSError:
        return False
    return status.st_nlink > 1 or stat.S_ISLNK(status.st_mode)


def _rewritten(folder: Path, changed: Collection[str], cache: Cache) -> Iterator[tuple[Path, Path]]:
    """Yield file and object of each changed raw file whose former bytes are no longer what the object holds.

    By now DVC may have linked the file to the object of its new bytes, so that no link shows any more.
    """
    known = {path.removeprefix("./") for path in changed}
    present = listing(Revision(WORKSPACE, None, cache)) or {}
    for former in _former_listings(cache):
        for name in sorted(former.keys() & (known | {path for path in present if present[path] != former.get(path)})):
            stored = cache.path(former[name])
            if stored.is_file() and md5_of_file(stored) != former[name]:
                yield folder / name, stored


def _former_listings(cache: Cache) -> list[Mapping[str, str]]:
    """Return what the last runs of ingest have seen in data/raw: DVC's hash of each file, by its path."""
    lock = paths.DVC_LOCK.read_text(encoding="utf-8") if paths.DVC_LOCK.is_file() else None
    known = (parse_stages(lock), stages_at("HEAD", paths.DVC_LOCK))
    hashes = {dependency_hash(stages, "ingest", paths.RAW) for stages in known}
    return [cache.listing(one) for one in sorted(filter(None, hashes)) if cache.has(one)]


def _message(found: Sequence[tuple[Path, Path]]) -> str:
    listed = "".join(f"\n  {file} was {os.path.relpath(stored)}" for file, stored in found[:10])
    more = f"\n  and {len(found) - 10} more" if len(found) > 10 else ""
    file, place = (shlex.quote(os.path.relpath(path)) for path in found[0])
    return (
        f"{len(found)} raw files were overwritten in place, and with them their former bytes in the DVC cache, to "
        f"which they were linked (root may write there):{listed}{more}\n"
        "For each of them:\n"
        f"  - give the new content a new name, in a copy: `cp {file} {paths.RAW}/NEW_NAME`\n"
        f"  - take the damaged object away: `rm -f {file} {place}`\n"
        f"  - bring the former file back, where a remote holds it: `dvc get . {file} --rev HEAD -o {file}`; or leave "
        "it out, as every raw file that was processed may be\n"
        f"So that it cannot happen again: `dvc config --local cache.type {SAFE_LINKS}`, `dvc repro`, then "
        "`dvc checkout --relink`"
    )
