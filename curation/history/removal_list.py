"""The list of what was taken out of the datapool for good, as the base rule sees it."""

from pathlib import Path

from curation.core.errors import ParamsError
from curation.core.hashing import sha256_of_bytes


def removal_list_hash(path: str) -> str | None:
    """Return the hash of the list of what was taken out for good; None for a list without a line.

    Raises:
        ParamsError: it is not there.
    """
    try:
        lines = Path(path).read_bytes().splitlines()
    except OSError as error:
        raise ParamsError(
            f"base.removed_file: {path!r} cannot be read ({error.strerror}); `git checkout {path}` brings it back"
        ) from None
    return sha256_of_bytes(b"\n".join(lines)) if len(lines) > 1 else None
