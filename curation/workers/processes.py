"""Work on files in processes of its own, so that a fault in native code costs one file and never the run.

Decoders are written in C and read files from strangers: they crash, run for ever or take all memory, and no exception
tells of it. So worker processes do the work, and this module watches over them:

- A worker announces each item that it begins, and its progress, so what it was doing when it ended is known.
- An item whose worker dies, or runs out of memory, is tried once more: alone, with one thread, in a new worker. So what
  becomes of it does not depend on what other items or programs took of the machine.
- A worker without progress is ended, and its item is given up.
- An exception that is not the project's own costs its item, too: libraries raise nearly every type there is.
- Workers end when the process that started them ends, however that ends: on Linux at once, elsewhere when they have
  something to tell.

Workers are started with `subprocess` and not with `multiprocessing`, whose processes import the main module and all
that it needs: a worker is ready within 0.2 s, with nothing loaded but what its work needs.
"""

import os
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Pipe, wait
from pathlib import Path
from resource import RUSAGE_SELF, getrusage
from typing import Any, Generic, Literal

from curation.workers.worker import (
    NEAR,
    Begun,
    Finished,
    Item,
    Message,
    OutOfMemory,
    Raised,
    Refused,
    Result,
    Steps,
    Work,
)

WAITING_FACTOR = 5
"""A worker that waits instead of computing gets so many times the limit: a busy machine makes workers wait."""

_MOST_READINGS = 8
_TICK_S = 0.2
_MAX_FAILED_STARTS = 5
_EXIT_S = 60.0
"""A worker whose connection is closed is ending already; its exit status is worth waiting for, since it is told."""
_START = (
    "import sys; sys.path[:] = sys.argv[3:]; from curation.workers.worker import serve; serve(*map(int, sys.argv[1:3]))"
)
_ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
"""Keeps numpy's libraries from starting threads of their own."""


@dataclass(frozen=True)
class Limits:
    """The limits of one item.

    Attributes:
        timeout_s: seconds without progress after which an item is given up, if its worker has also computed for that
            long meanwhile (all threads together); five times as many if not. Time in which the watching process itself
            stood still does not count. Progress is an announcement, or that the worker reads on: up to eight times the
            size of the item, so that no endless loop passes for progress.
        memory_mb: megabytes (2**20 bytes) that a worker may take, see `workers.worker.Memory`; None = no limit.
            Allocations beyond it fail. More than three quarters of it at an announcement count as out of memory, too,
            since libraries do not always tell that an allocation failed.
    """

    timeout_s: float
    memory_mb: int | None


@dataclass(frozen=True)
class Progress:
    """Steps of an item that are done since it was last heard of; less than 0 where it begins again."""

    steps: int


@dataclass(frozen=True)
class Done(Generic[Result]):
    """An item is done."""

    result: Result


@dataclass(frozen=True)
class Failure:
    """An item is given up.

    Attributes:
        kind: its worker died, made no progress, or took too much memory, or the work raised an error.
        exit_status: of a worker that died; less than 0 for the number of a signal.
        words: of the error that was raised.
    """

    kind: Literal["died", "time", "memory", "raised"]
    exit_status: int = 0
    words: str = ""


def run_in_workers(
    work: Work[Item, Result],
    batches: Sequence[Sequence[Item]],
    *,
    workers: int,
    cores: int,
    limits: Limits,
    size_of: Callable[[Item], int] = lambda _: 0,
) -> Generator[tuple[Item, Progress | Done[Result] | Failure], None, None]:
    """Do work on items in worker processes, and tell what happens.

    Args:
        work: what is done with each item. A `CurationError` that it raises ends the whole run, as does a full disk; any
            other exception costs the item.
        batches: the items, in the order in which they are handed out: one batch to each worker, the next when it is
            done.
        workers: processes at most; at least one is used.
        cores: how many threads all workers together should use. A batch gets its share when it is handed out, a larger
            one where fewer batches are left than there are workers.
        limits: of each item.
        size_of: bytes that an item has to read.

    Yields:
        Items with what happens to them; the order depends on timing. Each item ends with one `Done` or `Failure`.

    Raises:
        ChildProcessError: workers end before they begin.
    """
    run = _Run(work, batches, max(1, workers), max(1, cores), limits, size_of)
    try:
        while run.hand_out():
            yield from run.events()
    finally:
        run.end()


class _Worker(Generic[Item, Result]):
    """A worker process as seen from the process that watches over it.

    Attributes:
        connection: to the process.
        items: what it still has to do.
        has_begun: whether it does the first of them now.
        steps: announced for that one.
        is_second_try: whether it was started for an item that failed before.
    """

    def __init__(self, work: Work[Item, Result], limits: Limits, *, is_second_try: bool) -> None:
        self.items: deque[Item] = deque()
        self.has_begun = False
        self.steps = 0
        self.is_second_try = is_second_try
        self._limits = limits
        self._is_heard = True
        self._elapsed_s = 0.0
        self._cpu_s: float | None = None
        self._read = 0
        self._may_read: int | None = None
        self._size = 0
        self.connection, theirs = Pipe()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-c", _START, str(theirs.fileno()), str(os.getpid()), *sys.path],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                env=os.environ | _ONE_THREAD,
                pass_fds=[theirs.fileno()],
                process_group=0,  # Ctrl-C goes to the main process alone, which ends its workers
            )
        self._peak_of_parent = getrusage(RUSAGE_SELF).ru_maxrss  # it never falls, so no less than when it started
        self._send((work, limits.memory_mb))

    def give(self, items: Sequence[Item], threads: int) -> None:
        """Hand out a batch."""
        self.items.extend(items)
        self._send((list(items), threads))

    def begin(self, size: int) -> None:
        """Note that the worker begins the next item, which has `size` bytes to read."""
        self.has_begun, self.steps = True, 0
        self._size, self._may_read = size, None

    def receive(self) -> Message | None:
        """Return what the worker says; None if it has ended."""
        try:
            message: Message = self.connection.recv()
        except (EOFError, OSError):
            return None
        self._is_heard = True
        return message

    def is_overdue(self, elapsed_s: float) -> bool:
        """Return whether to give up what it does, `elapsed_s` seconds after this was asked last."""
        if not self.has_begun:
            return False
        cpu_s, reads_on = _cpu_seconds(self._process.pid), self._reads_on()
        if self._is_heard or reads_on:
            self._is_heard, self._elapsed_s, self._cpu_s = False, 0.0, cpu_s
            return False
        self._elapsed_s += elapsed_s
        computed_s = 0.0 if cpu_s is None or self._cpu_s is None else cpu_s - self._cpu_s
        limit_s = self._limits.timeout_s
        return self._elapsed_s >= (limit_s if computed_s >= limit_s else WAITING_FACTOR * limit_s)

    def _reads_on(self) -> bool:
        """Return whether the worker has read anything since this was asked last, but not too often."""
        read = _bytes_read(self._process.pid)
        if self._may_read is None:
            self._may_read = read + _MOST_READINGS * self._size
        goes_on = self._read < read <= self._may_read
        self._read = read
        return goes_on

    def end(self, *, grace_s: float = 0.0) -> Failure:
        """End the process, unless it ends by itself in time; return how it ended."""
        self.connection.close()
        if self._process.returncode is None:
            deadline = time.monotonic() + grace_s
            pid, status, usage = os.wait4(self._process.pid, os.WNOHANG)
            while not pid and time.monotonic() < deadline:
                time.sleep(0.01)
                pid, status, usage = os.wait4(self._process.pid, os.WNOHANG)
            if not pid:
                os.kill(self._process.pid, signal.SIGKILL)  # not `Popen.kill`, which may take note of its end before us
                _, status, usage = os.wait4(self._process.pid, 0)
            self._process.returncode = os.waitstatus_to_exitcode(status)
            limit_mb = self._limits.memory_mb
            # Linux lets a new process begin with the peak of the one that started it.
            is_own_peak = sys.platform == "linux" and usage.ru_maxrss > self._peak_of_parent
            if is_own_peak and limit_mb is not None and usage.ru_maxrss > NEAR * limit_mb * 1024:
                return Failure("memory")
        return Failure("died", self._process.returncode)

    def _send(self, message: Any) -> None:
        try:
            self.connection.send(message)
        except OSError:  # it has ended, as will be noticed when something is to be received from it
            return


class _Run(Generic[Item, Result]):
    """The state of `run_in_workers`."""

    def __init__(
        self,
        work: Work[Item, Result],
        batches: Sequence[Sequence[Item]],
        workers: int,
        cores: int,
        limits: Limits,
        size_of: Callable[[Item], int],
    ) -> None:
        self._work = work
        self._size_of = size_of
        self._waiting = deque(list(batch) for batch in batches if batch)
        self._failed: deque[Item] = deque()
        self._pool: list[_Worker[Item, Result]] = []
        self._workers = workers
        self._cores = cores
        self._limits = limits
        self._tick_s = min(_TICK_S, limits.timeout_s)
        self._asked_at = time.monotonic()
        self._failed_starts = 0

    def hand_out(self) -> bool:
        """Give every worker something to do, the failed items last; return whether anything is being done."""
        while self._waiting:
            idle = next((worker for worker in self._pool if not worker.items), None)
            if idle is None and len(self._pool) == self._workers:
                break
            worker = idle or self._started(is_second_try=False)
            batch = self._waiting.popleft()
            worker.give(batch, max(1, self._cores // min(self._workers, self._busy() + 1 + len(self._waiting))))
        if not self._busy() and self._failed:
            self.end()
            self._started(is_second_try=True).give([self._failed.popleft()], 1)
        return bool(self._busy())

    def events(self) -> Iterator[tuple[Item, Progress | Done[Result] | Failure]]:
        """Wait until something happens, for a short time, and tell what it was."""
        ready = wait([worker.connection for worker in self._pool], self._tick_s)
        for worker in [each for each in self._pool if each.connection in ready]:
            yield from self._heard(worker)
        now = time.monotonic()
        if now - self._asked_at >= self._tick_s:
            elapsed_s, self._asked_at = min(now - self._asked_at, 2 * self._tick_s), now
            for worker in [each for each in self._pool if each.is_overdue(elapsed_s)]:
                worker.end()
                yield from self._ended(worker, Failure("time"))

    def end(self) -> None:
        """End all workers."""
        while self._pool:
            self._pool.pop().end()

    def _busy(self) -> int:
        return sum(bool(worker.items) for worker in self._pool)

    def _started(self, *, is_second_try: bool) -> _Worker[Item, Result]:
        worker = _Worker(self._work, self._limits, is_second_try=is_second_try)
        self._pool.append(worker)
        return worker

    def _heard(self, worker: _Worker[Item, Result]) -> Iterator[tuple[Item, Progress | Done[Result] | Failure]]:
        """Take in one message of a worker."""
        match worker.receive():
            case Begun():
                worker.begin(self._size_of(worker.items[0]))
                self._failed_starts = 0
            case Steps(number):
                worker.steps += number
                yield worker.items[0], Progress(number)
            case Finished(steps, result):
                worker.has_begun = False
                item = worker.items.popleft()
                yield item, Progress(steps)
                yield item, Done(result)
            case OutOfMemory():
                worker.end()
                yield from self._ended(worker, Failure("memory"))
            case Refused(words):
                worker.has_begun = False
                item = worker.items.popleft()
                yield item, Progress(-worker.steps)
                yield item, Failure("raised", words=words)
            case Raised(error):
                raise error
            case None:
                yield from self._ended(worker, worker.end(grace_s=_EXIT_S))

    def _ended(
        self, worker: _Worker[Item, Result], failure: Failure
    ) -> Iterator[tuple[Item, Progress | Done[Result] | Failure]]:
        """Decide what becomes of the items of a worker that has ended."""
        self._pool.remove(worker)
        if worker.has_begun:
            item = worker.items.popleft()
            yield item, Progress(-worker.steps)
            if failure.kind == "time" or worker.is_second_try:
                yield item, failure
            else:
                self._failed.append(item)
        elif worker.items:
            self._failed_starts += 1
            if self._failed_starts > _MAX_FAILED_STARTS:
                raise ChildProcessError(
                    f"worker processes ended before they began to work (exit status {failure.exit_status}); what they "
                    "wrote above may tell why"
                )
            if worker.is_second_try:
                self._failed.appendleft(worker.items.popleft())
        if worker.items:
            self._waiting.appendleft(list(worker.items))


def _bytes_read(pid: int) -> int:
    """Return how many bytes a process has read from files, cached or not; 0 where that cannot be known."""
    try:
        counts = Path(f"/proc/{pid}/io").read_text().split()
    except OSError:
        return 0
    return int(counts[1])  # proc_pid_io(5): rchar


def _cpu_seconds(pid: int) -> float | None:
    """Return the seconds that a process has computed, all its threads together; None where that cannot be known."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
