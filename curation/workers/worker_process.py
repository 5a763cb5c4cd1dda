"""A worker process as seen from the process that watches over it: what it does, and whether it gets on."""

import os
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Sequence
from multiprocessing.connection import Pipe
from pathlib import Path
from resource import RUSAGE_SELF, getrusage
from typing import Any, Generic

from curation.workers.outcomes import Failure, Limits
from curation.workers.worker import NEAR, Item, Message, Result, Work

WAITING_FACTOR = 5
"""A worker that waits instead of computing gets so many times the limit: a busy machine makes workers wait."""

_MOST_READINGS = 8
_START = (
    "import sys; sys.path[:] = sys.argv[3:]; from curation.workers.worker import serve; serve(*map(int, sys.argv[1:3]))"
)
_ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
"""Keeps numpy's libraries from starting threads of their own."""


class WorkerProcess(Generic[Item, Result]):
    """A worker process.

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
