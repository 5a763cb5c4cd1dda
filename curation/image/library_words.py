"""The words of libraries that write to standard error what they would better raise."""

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock

_ONE_AT_A_TIME = Lock()
"""Standard error is that of the whole process."""

_MOST_BYTES = 10_000


@contextmanager
def caught_words() -> Iterator[Callable[[], list[str]]]:
    """Keep from the terminal what a library writes to standard error, where nobody could tell which file is meant.

    Returns:
        What gives the lines so far; a library that writes very much is cut short.
    """
    with _ONE_AT_A_TIME, tempfile.TemporaryFile() as caught:
        try:
            former = os.dup(2)
        except OSError:  # it is closed
            yield list
            return
        os.dup2(caught.fileno(), 2)
        try:
            yield lambda: os.pread(caught.fileno(), _MOST_BYTES, 0).decode(errors="replace").splitlines()
        finally:
            os.dup2(former, 2)
            os.close(former)
