"""Git's view of this repository, read at a revision and never from the workspace.

All paths are relative to the current directory, so that a DVC repository in a sub-directory of a git repository works.
"""

import os
import subprocess
import tarfile
from pathlib import Path

from curation.core.errors import BaseError


def git(*arguments: str) -> str | None:
    """Run git and return what it prints, None where it fails.

    Variables such as GIT_DIR and GIT_INDEX_FILE, which git exports to hooks, are not handed on: they would point the
    command to another repository or index.
    """
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    try:
        result = subprocess.run(["git", *arguments], capture_output=True, check=False, env=environment)
    except FileNotFoundError:
        raise BaseError("git is not installed: the history of the datapool is git history; install git") from None
    return result.stdout.decode(errors="surrogateescape") if result.returncode == 0 else None


def require_repository() -> None:
    """Make sure that the current directory is inside a git repository.

    Raises:
        BaseError: it is not.
    """
    if git("rev-parse", "--git-dir") is None:
        raise BaseError(
            "this is not a git repository, and an iteration builds on the datapool of git's HEAD: "
            "run `git init`, or clone the template with git"
        )


def read_file(revision: str, path: Path) -> str | None:
    """Return a file's text at a revision, None where the revision or the file does not exist."""
    return git("show", f"{revision}:./{path.as_posix()}")


def unpack(commit: str, folder: Path, *wanted: Path) -> bool:
    """Put files of a commit, below the project's folder, into a folder; return whether git could give them.

    Args:
        commit: whose.
        folder: where they go.
        wanted: files or folders; none: all.
    """
    archive = folder.absolute() / "commit.tar"
    names = [f":(literal){path.as_posix()}" for path in wanted]
    if git("archive", "--format=tar", f"--output={archive}", commit, "--", *names) is None:
        archive.unlink(missing_ok=True)
        return False
    with tarfile.open(archive) as files:
        # Python 3.11 knows filters from 3.11.4 on.
        files.extraction_filter = getattr(tarfile, "data_filter", None)
        files.extractall(folder)  # noqa: S202  (filtered, and what git made of a commit)
    archive.unlink()
    return True


def commit_of(revision: str) -> str | None:
    """Return the commit that a revision names, None where it names none."""
    found = git("rev-parse", "--quiet", "--verify", "--end-of-options", f"{revision}^{{commit}}")
    return found.strip() if found else None


def merge_heads() -> list[str]:
    """Return the commits that are being merged into HEAD; none while no merge is going on."""
    location = git("rev-parse", "--git-path", "MERGE_HEAD")
    if location is None:
        return []
    path = Path(location.strip())
    return path.read_text().split() if path.exists() else []


def parents_in_range(commits: str) -> list[tuple[str, list[str]]]:
    """Return the commits of a range such as `main..HEAD`, oldest first, each with its parents.

    Raises:
        BaseError: git does not know the range.
    """
    listing = git("rev-list", "--reverse", "--parents", "--end-of-options", commits)
    if listing is None:
        raise BaseError(
            f"{commits!r} is not a range of commits here; {missing_history() or 'give one such as main..HEAD'}"
        )
    return [(line.split()[0], line.split()[1:]) for line in listing.splitlines()]


def parents_of(commit: str) -> list[str]:
    """Return the parents of a commit, as far as they are here."""
    return (git("rev-list", "--parents", "--max-count=1", commit) or "").split()[1:]


def cut_off_commits() -> frozenset[str]:
    """Return the commits whose parents a shallow clone does not hold; none in a whole one."""
    location = git("rev-parse", "--git-path", "shallow")
    path = Path(location.strip()) if location else None
    return frozenset(path.read_text().split()) if path is not None and path.is_file() else frozenset()


def missing_history() -> str | None:
    """Say that this clone is shallow, and how to fetch what it lacks; None where it is whole."""
    if not cut_off_commits():
        return None
    return (
        "this is a shallow clone, which holds the newest commits alone: `git fetch --unshallow` brings the others "
        "(`fetch-depth: 0`, or `GIT_DEPTH: 0`, in continuous integration)"
    )


def rebasing() -> bool:
    """Return whether a rebase is going on."""
    found = [git("rev-parse", "--git-path", name) for name in ("rebase-merge", "rebase-apply")]
    return any(Path(location.strip()).is_dir() for location in found if location)
