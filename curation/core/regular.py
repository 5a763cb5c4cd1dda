"""Files that other programs may remove or replace by something else at any time."""

import errno
import os
import stat
from io import BufferedReader
from pathlib import Path


def open_regular(path: Path) -> BufferedReader:
    """Open a regular file for reading; a pipe or device in its place is refused at once, and never waited for.

    Raises:
        OSError: it cannot be opened, or is not a regular file.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "not a regular file", os.fspath(path))
    return os.fdopen(descriptor, "rb")


def size_of(path: Path) -> int:
    """Return the bytes of a file; 0 if it is gone."""
    try:
        return path.stat().st_size
    except OSError:
        return 0


def is_file(path: Path | str) -> bool:
    """Return whether a file is there; a name that the file system cannot have is none."""
    return os.path.isfile(path)  # noqa: PTH113  (that of `Path` raises an error where a name is too long)
