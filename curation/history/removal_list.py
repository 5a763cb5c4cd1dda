"""The list of what was taken out of the datapool for good, as the base rule sees it."""

import codecs
from pathlib import Path

from curation.core.errors import ParamsError
from curation.core.hashing import sha256_of_bytes
from curation.tables.given_lists import NotTextError, decoded

_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def removal_list_hash(path: str) -> str | None:
    """Return the hash of the list of what was taken out for good; None for a list without a line.

    Raises:
        ParamsError: it is not there.
    """
    try:
        content = Path(path).read_bytes()
        # A list in UTF-16, of an office program, counts as the same text in UTF-8.
        lines = (decoded(content).encode() if content.startswith(_UTF16) else content).splitlines()
    except NotTextError as error:
        raise ParamsError(f"base.removed_file: {path} is {error}") from None
    except OSError as error:
        raise ParamsError(
            f"base.removed_file: {path!r} cannot be read ({error.strerror}); `git checkout {path}` brings it back"
        ) from None
    return sha256_of_bytes(b"\n".join(lines)) if len(lines) > 1 else None
