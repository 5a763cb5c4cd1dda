"""The files of embeddings that another program made, and their hash. Imports nothing heavy."""

from pathlib import Path

from curation.core.errors import ParamsError
from curation.core.hashing import sha256_of_bytes, sha256_of_file

KEY = "embed.embeddings_file"


def files_of(path: str) -> list[Path]:
    """Return the file, and the one with the names where they stand in another."""
    given = Path(path)
    return [given, given.with_suffix(".txt")] if given.suffix == ".npy" else [given]


def hash_of(path: str) -> str | None:
    """Return a hash of the content of the files; None where one is not there."""
    files = files_of(path)
    if not all(file.is_file() for file in files):
        return None
    return (
        sha256_of_file(files[0]) if len(files) == 1 else sha256_of_bytes("".join(map(sha256_of_file, files)).encode())
    )


def require_unchanged(path: str, recorded: str) -> None:
    """Refuse another content than the one that this iteration was decided on.

    Args:
        path: `embed.embeddings_file`.
        recorded: its hash when the iteration began.

    Raises:
        ParamsError: a file is gone, or has changed.
    """
    found = hash_of(path)
    if found is None:
        raise ParamsError(f"{KEY}: there is no file {' and '.join(map(str, files_of(path)))}; bring it back")
    if found != recorded:
        raise ParamsError(f"{KEY}: {path} has changed since this run began: run `dvc repro` again")
