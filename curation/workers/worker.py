"""The program of a worker process: it works on one item after the other and reports each step. See `worker_processes`.

It imports next to nothing, so that a worker starts quickly; the work itself imports what it needs.
"""

import contextlib
import errno
import os
import pickle
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any, Generic, TypeVar

from curation.core.words import in_one_line

Item = TypeVar("Item")
Result = TypeVar("Result")

Announce = Callable[[int], None]
"""Called by work with the number of steps done since the last call: 0 only shows life, less than 0 takes steps back."""

Work = Callable[[Item, int, Announce], Result]
"""Takes an item, the number of threads to use, and `Announce`. It has to be picklable."""

NEAR = 0.75
"""Share of the memory limit above which a process counts as being at the limit."""

_OF_THE_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)
"""Errors that no file's content causes."""

_ANNOUNCE_S = 0.1
_PR_SET_PDEATHSIG = 1  # linux/prctl.h


@dataclass(frozen=True)
class Begun:
    """The worker begins the next item."""


@dataclass(frozen=True)
class Steps:
    """Progress on the item."""

    number: int


@dataclass(frozen=True)
class Finished(Generic[Result]):
    """The item is done; `steps` were not announced yet."""

    steps: int
    result: Result


@dataclass(frozen=True)
class OutOfMemory:
    """The item needs more memory than there is."""


@dataclass(frozen=True)
class Refused:
    """The work raised an error that the item is to blame for: `words` say what it was."""

    words: str


@dataclass(frozen=True)
class Raised:
    """The work raised an error, which is none of the item."""

    error: Exception


Message = Begun | Steps | Finished[Any] | OutOfMemory | Refused | Raised


def serve(descriptor: int, parent: int) -> None:
    """Work on what comes through a connection, until it is closed.

    Args:
        descriptor: file descriptor of the connection. First come the work and the memory limit in megabytes (or None),
            then lists of items, each with a number of threads.
        parent: process id of the process at the other end; this one ends with it.
    """
    _end_with(parent)
    _dump_no_core()
    connection = Connection(descriptor)
    try:
        work, memory_mb = connection.recv()
        memory = Memory(memory_mb)
        while True:
            items, threads = connection.recv()
            for item in items:
                connection.send(Begun())
                connection.send(_outcome(work, item, threads, connection, memory))
    except (EOFError, ConnectionError):
        return


def _outcome(work: Work[Item, Result], item: Item, threads: int, connection: Connection, memory: "Memory") -> Message:
    """Do the work on one item."""
    unsent, sent_at = 0, time.monotonic()

    def announce(steps: int) -> None:
        nonlocal unsent, sent_at
        unsent += steps
        if memory.is_near_limit():
            raise MemoryError
        now = time.monotonic()
        if now - sent_at >= _ANNOUNCE_S:
            try:
                connection.send(Steps(unsent))
            except OSError:  # nobody is left to work for, and a decoder must not catch this
                os._exit(1)
            unsent, sent_at = 0, now

    try:
        with memory.limited():
            result = work(item, threads, announce)
    except MemoryError:
        return OutOfMemory()
    except Exception as error:  # whatever a library raises that meets what it was not made for
        if _is_of_the_run(error):
            return Raised(_portable(error))
        return Refused(in_one_line(error))
    return Finished(unsent, result)


def _is_of_the_run(error: Exception) -> bool:
    """Return whether an error would meet every item alike: one of the project's own, or a full disk."""
    from curation.core.errors import CurationError

    return isinstance(error, CurationError) or (isinstance(error, OSError) and error.errno in _OF_THE_DISK)


def _portable(error: Exception) -> Exception:
    """Return an error that can be sent to another process, with its traceback as a note."""
    error.add_note("".join(traceback.format_exception(error)))
    try:
        pickle.loads(pickle.dumps(error))  # noqa: S301 (this process made it)
    except Exception:  # nearly anything goes wrong with classes that were not made for it
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error


class Memory:
    """This process's private writable memory, thread stacks included, and the limit set on it.

    The limit is `RLIMIT_DATA`: unlike `RLIMIT_AS` it leaves out code, read-only files and the 64 MB of addresses that
    the C library sets apart for each thread. Kernels other than Linux ignore it or count less: there is no limit then.

    Args:
        limit_mb: megabytes of 2**20 bytes; None = no limit.
    """

    def __init__(self, limit_mb: int | None) -> None:
        self._limit = None if limit_mb is None else limit_mb << 20
        self._page = os.sysconf("SC_PAGE_SIZE")
        self._statm = os.open("/proc/self/statm", os.O_RDONLY | os.O_CLOEXEC) if sys.platform == "linux" else -1

    @contextlib.contextmanager
    def limited(self) -> Iterator[None]:
        """Set the limit, and lift it again, so that telling of an error is not hindered."""
        if self._limit is None:
            yield
            return
        import resource

        soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
        wanted = [limit for limit in (self._limit, soft, hard) if limit != resource.RLIM_INFINITY]
        resource.setrlimit(resource.RLIMIT_DATA, (min(wanted), hard))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))

    def is_near_limit(self) -> bool:
        """Return whether so much is used that a library's allocations may fail soon: not all of them tell of that."""
        return self._limit is not None and self.used() > NEAR * self._limit

    def used(self) -> int:
        """Return the bytes that count for the limit; 0 where the kernel does not tell."""
        if self._statm < 0:
            return 0
        return int(os.pread(self._statm, 256, 0).split()[5]) * self._page  # proc_pid_statm(5): data and stack, in pages


def _end_with(parent: int) -> None:
    """Let the kernel end this process when its parent ends, where it can; a closed connection ends it as well."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def _dump_no_core() -> None:
    """Keep crashes from writing the whole memory anywhere, which takes time and disk."""
    import resource

    _, hard = resource.getrlimit(resource.RLIMIT_CORE)
    # One byte is too little for a file, and tells Linux not to start a program that collects crashes, as 0 would not.
    resource.setrlimit(resource.RLIMIT_CORE, (1 if hard else 0, hard))
