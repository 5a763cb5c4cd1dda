"""Files that the parameters of a revision name, such as predictions: as git, or DVC, holds them for it."""

from pathlib import Path

from curation.core.atomic import link_or_copy
from curation.core.errors import BaseError
from curation.history import git
from curation.history.dvc_lock import output_hash
from curation.history.readable import parse_mapping
from curation.inspection.revision import Revision


def given_file(start: Revision, path: str, folder: Path) -> Path:
    """Return a file or folder with the content that it has at a revision.

    Args:
        start: the revision.
        path: from the project's folder.
        folder: an empty one, where it is laid out unless it lies in the workspace.

    Raises:
        BaseError: the revision has no such file, or it is neither in the cache nor in the remote.
    """
    given = Path(path)
    if start.commit is None and given.exists():
        return given
    if not given.is_absolute() and ".." not in given.parts:
        if start.commit is not None and git.unpack(start.commit, folder, given):
            return folder / given
        if _lay_out(start, given, folder):
            return folder / given
    where = "here" if start.commit is None else f"at {start.name}, in git or tracked by DVC"
    raise BaseError(f"there is no {path} {where}")


def _lay_out(start: Revision, path: Path, folder: Path) -> bool:
    """Link what DVC tracks at a path, or within a folder above it, out of the cache; return whether there is any.

    Raises:
        BaseError: neither the cache nor the remote holds it.
    """
    for tracked in (path, *path.parents[:-1]):
        found = _hash_of(start, tracked)
        if found is None:
            continue
        listing = start.cache.listing(found) if found.endswith(".dir") else {"": found}
        files = {(tracked / name).as_posix(): file_hash for name, file_hash in listing.items()}
        below = f"{path.as_posix()}/"
        wanted = {name: value for name, value in files.items() if name == path.as_posix() or name.startswith(below)}
        for name, file_hash in wanted.items():
            link_or_copy(start.cache.file(file_hash), folder / name)
        return bool(wanted)
    return False


def _hash_of(start: Revision, path: Path) -> str | None:
    """Return the hash by which a `.dvc` file, or a stage, tracks a path; None where none does."""
    dvc_file = path.with_name(f"{path.name}.dvc")
    for out in parse_mapping(start.text(dvc_file), dvc_file, start.commit).get("outs") or []:
        if out.get("path") == path.name and "md5" in out:
            return str(out["md5"])
    return output_hash(start.stages, path)
