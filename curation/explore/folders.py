"""Folders that are written as a whole, and never in the place of anything else."""

from pathlib import Path

from curation.core.errors import OutputError


def require_replaceable(folder: Path, mark: Path) -> None:
    """Make sure that nothing is lost where a folder is replaced: it is missing, empty, or was written before.

    Args:
        folder: that is to be written.
        mark: a file, below it, that shows that it was.

    Raises:
        OutputError: it holds something else.
    """
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise OutputError(f"explore: {folder} is no folder: name another")
    if folder.is_dir() and any(folder.iterdir()) and not (folder / mark).is_file():
        raise OutputError(f"explore: {folder} holds something else, which would be lost: name a new folder")
