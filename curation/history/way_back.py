"""How raw files that are gone, or have other content now, can come back: from which commit, by which command."""

import os.path
import shlex
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from curation.core.errors import BaseError, RawDataError, RawFilesChangedError, RawFilesError
from curation.history import git
from curation.history.dvc_cache import Cache, open_cache
from curation.inspection.revision import WORKSPACE, Revision
from curation.pipeline import paths
from curation.raw.tracks import file_path

Listing = Mapping[str, str]
"""DVC's hash of each raw file, by its path below data/raw."""

TRACKED = paths.RAW.with_name(f"{paths.RAW.name}.dvc")
_NOWHERE = "No commit of this repository lists them: only a backup can bring them back"
BESIDE = Path(".dvc/tmp/raw")
"""Where a former folder of raw files is put before its files are copied to their places: git and DVC ignore it."""

_MOST_COMMITS = 100
"""Commits that are looked through."""


def with_way_back(error: RawFilesError, last_listed: Mapping[str, str] = MappingProxyType({})) -> RawDataError:
    """Return an error about raw files with how they can come back."""
    way = way_back(error.raw_paths, last_listed, are_changed=isinstance(error, RawFilesChangedError))
    return RawDataError(f"{error.message}. {way}")


def way_back(
    raw_paths: Collection[str], last_listed: Mapping[str, str] = MappingProxyType({}), *, are_changed: bool = False
) -> str:
    """Say how raw files can come back, in a sentence without its full stop.

    Args:
        raw_paths: of the files, relative to data/raw, as tables name them.
        last_listed: where some of them lay last, if they had moved.
        are_changed: whether other files are at their paths now: what `data/raw.dvc` lists there then is of no use.
    """
    wanted = [
        [name.removeprefix("./") for name in map(file_path, (path, last_listed.get(path, path)))] for path in raw_paths
    ]
    try:
        with open_cache() as cache:
            present = listing(Revision(WORKSPACE, None, cache)) or {}
            if not are_changed and all(any(name in present for name in names) for names in wanted):
                return f"`dvc checkout {TRACKED}`, or `dvc pull {TRACKED}`, brings them back"
            return _from_history(wanted, present, cache)
    except BaseError:
        return _nowhere()


@dataclass(frozen=True)
class _Source:
    """A commit that lists some of the wanted files, with which hashes."""

    commit: str
    listed: Listing


def listing(recorded: Revision) -> Listing | None:
    """Return what a revision's `data/raw.dvc` lists; None where the cache does not hold its list."""
    hashes = [str(out["md5"]) for out in recorded.raw_outputs if "md5" in out]
    if not hashes or not hashes[0].endswith(".dir") or not recorded.cache.has(hashes[0]):
        return None
    return recorded.cache.listing(hashes[0])


def _from_history(wanted: Sequence[Sequence[str]], present: Listing, cache: Cache) -> str:
    """Say which commit still has most of the files."""
    best, unknown = _Source("", {}), 0
    for commit in _commits():
        found = listing(Revision(commit, commit, cache))
        unknown += found is None
        then = {path: value for path, value in (found or {}).items() if value != present.get(path)}
        alike = _by_bare_name(then)
        listed = {name: then[name] for names in wanted if (name := _listed_as(names, then, alike))}
        if len(listed) > len(best.listed):
            best = _Source(commit[:12], listed)
        if len(listed) == len(wanted):
            break
    if best.listed:
        return _from_commit(best, len(wanted), is_held=all(map(cache.has, best.listed.values())))
    if unknown:
        return (
            f"What {TRACKED} listed in {unknown} commits is not in the DVC cache: `dvc fetch --all-commits` brings it, "
            "where a remote holds it, and then this message names the commit that has them"
        )
    return _nowhere()


def _nowhere() -> str:
    """Say that no commit lists the files, as far as this clone has the history."""
    missing = git.missing_history()
    return f"No commit that is here lists them, but {missing}" if missing else _NOWHERE


def _by_bare_name(paths_: Iterable[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for path in paths_:
        found.setdefault(Path(path).name, []).append(path)
    return found


def _listed_as(names: Sequence[str], then: Listing, alike: Mapping[str, Sequence[str]]) -> str:
    """Return the path of a file in a listing: one that it had, else the only one of its bare name; else nothing."""
    if found := next((name for name in names if name in then), ""):
        return found
    of_that_name = alike.get(Path(names[-1]).name, ())
    return of_that_name[0] if len(of_that_name) == 1 else ""


def _commits() -> Iterator[str]:
    text = git.git("log", f"--max-count={_MOST_COMMITS}", "--format=%H", "--", f"./{TRACKED.as_posix()}")
    yield from (text or "").split()


def _from_commit(source: _Source, wanted: int, *, is_held: bool) -> str:
    """Name the command that brings files back from a commit."""
    files = sorted(source.listed)
    whole = files[0] if len(files) == 1 else os.path.commonpath([Path(path).parent for path in files])
    place = paths.RAW / whole
    target = place if len(files) == 1 else BESIDE
    command = f"dvc get . {_quoted(place)} --rev {source.commit} -o {_quoted(target)}"
    command += " --force" if len(files) == 1 and place.exists() else ""
    copying = "" if len(files) == 1 else f", then `cp -rn {target}/. {_quoted(place)}` and `rm -r {target}`,"
    where = "" if is_held else " (from the remote)"
    which = "them" if len(files) == wanted else f"{len(files)} of them"
    return f"Commit {source.commit} still lists {which}: `{command}`{copying} brings them back{where}"


def _quoted(path: Path) -> str:
    return shlex.quote(path.as_posix())
