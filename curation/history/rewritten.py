"""Raw files that were overwritten in place, and with them their bytes in DVC's cache.

DVC may keep a raw file and the object in its cache as one file with two names (a hard link, or a symbolic one). The
objects are read-only, which keeps everybody but root from writing into them. What root writes into the raw file then
stands in the cache under the hash of the former bytes, and DVC takes it for them.
"""

import os
import shlex
from collections.abc import Collection, Iterator, Sequence
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


def changed_paths(former: Sequence[pd.DataFrame], present: pd.DataFrame) -> list[str]:
    """Return the paths whose content is another one than a former listing says, sorted.

    Args:
        former: columns of `curation.tables.samples.RAW_FILES` each.
        present: likewise.
    """
    now = dict(zip(present["path"], present["content_hash"], strict=True))
    rows = [row for table in former for row in zip(table["path"], table["content_hash"], strict=True)]
    return sorted({path for path, content in rows if content and now.get(path) and now[path] != content})


def require_cache_untouched(changed: Collection[str]) -> None:
    """Make sure that none of the raw files that changed has changed the DVC cache with it.

    Only files that are an object of the cache are read for that.

    Args:
        changed: their paths, relative to data/raw.

    Raises:
        RawDataError: naming the files, their objects, and the way out.
    """
    if not changed:
        return
    try:
        with open_cache() as cache:
            found = sorted(set(_rewritten(changed, cache)))
    except BaseError:
        return  # without a repository of DVC there is no cache
    if found:
        raise RawDataError(_message(found))


def _rewritten(changed: Collection[str], cache: Cache) -> Iterator[tuple[str, Path]]:
    """Yield path and object of each file that is, by a link, an object of the cache under the hash of other bytes."""
    for former in _former_listings(cache):
        for path in changed:
            name = path.removeprefix("./")
            if name not in former:
                continue
            file, stored = paths.RAW / name, cache.path(former[name])
            if stored.exists() and stored.samefile(file) and md5_of_file(stored) != former[name]:
                yield path, stored


def _former_listings(cache: Cache) -> Iterator[dict[str, str]]:
    """Yield what the last runs of ingest have seen in data/raw: DVC's hash of each file, by its path."""
    lock = paths.DVC_LOCK.read_text(encoding="utf-8") if paths.DVC_LOCK.is_file() else None
    known = (parse_stages(lock), stages_at("HEAD", paths.DVC_LOCK))
    hashes = {dependency_hash(stages, "ingest", paths.RAW) for stages in known}
    for folder_hash in sorted(filter(None, hashes)):
        if cache.has(folder_hash):
            yield cache.listing(folder_hash)
    yield dict(listing(Revision(WORKSPACE, None, cache)) or {})


def _message(found: Sequence[tuple[str, Path]]) -> str:
    (path, stored), raw = found[0], paths.RAW
    listed = "".join(f"\n  {raw / name} is {os.path.relpath(place)}" for name, place in found[:10])
    more = f"\n  and {len(found) - 10} more" if len(found) > 10 else ""
    file, place = shlex.quote((raw / path).as_posix()), shlex.quote(os.path.relpath(stored))
    return (
        f"{len(found)} raw files were overwritten in place, and with them their former bytes in the DVC cache, to "
        f"which they are linked (root may write there):{listed}{more}\n"
        "For each of them:\n"
        f"  - give the new content a new name, in a copy: `cp {file} {raw}/NEW_NAME`\n"
        f"  - take the damaged object away: `rm -f {file} {place}`\n"
        f"  - bring the former file back, where a remote holds it: `dvc get . {file} --rev HEAD -o {file}`; or leave "
        "it out, as every raw file that was processed may be\n"
        f"So that it cannot happen again: `dvc config --local cache.type {SAFE_LINKS}`, then `dvc checkout --relink`"
    )
