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

import time
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from multiprocessing.connection import wait
from typing import Generic

from curation.workers.outcomes import Done, Failure, Limits, Lost, Progress
from curation.workers.spare import SpareWorkers
from curation.workers.weights import Weights
from curation.workers.worker import (
    Begun,
    Finished,
    Item,
    OutOfMemory,
    Raised,
    Refused,
    Result,
    Steps,
    Work,
)
from curation.workers.worker_process import WorkerProcess

_TICK_S = 0.2
_MAX_FAILED_STARTS = 5
_EXIT_S = 60.0
"""A worker whose connection is closed is ending already; its exit status is worth waiting for, since it is told."""


def run_in_workers(
    work: Work[Item, Result],
    batches: Sequence[Sequence[Item]],
    *,
    workers: int,
    cores: int,
    limits: Limits,
    size_of: Callable[[Item], int] = lambda _: 0,
    weight_of: Callable[[Item], int] = lambda _: 0,
    most_weight: int = 0,
    spare: SpareWorkers | None = None,
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
        weight_of: what an item takes, while it is worked on, of something that all workers share; 0 for nothing.
        most_weight: that is taken at once. An item that weighs more is worked on when no other takes anything.
        spare: workers of former runs, which take part, and take in those of this one that are idle at its end; None:
            all are started anew, and end.

    Yields:
        Items with what happens to them; the order depends on timing. Each item ends with one `Done` or `Failure`.

    Raises:
        ChildProcessError: workers end before they begin.
    """
    run = _Run(work, batches, max(1, workers), max(1, cores), limits, size_of, Weights(weight_of, most_weight), spare)
    try:
        while run.hand_out():
            yield from run.events()
    finally:
        run.spare_idle()
        run.end()


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
        weights: Weights[Item],
        spare: SpareWorkers | None,
    ) -> None:
        self._work = work
        self._spare = spare
        self._size_of = size_of
        self._weights = weights
        self._waiting = deque(list(batch) for batch in batches if batch)
        self._failed: deque[Item] = deque()
        self._pool: list[WorkerProcess[Item, Result]] = []
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
            if not self._weights.admit(self._waiting[0], [worker.items for worker in self._pool]):
                break
            worker = idle or self._started(is_second_try=False)
            batch = self._waiting.popleft()
            worker.give(batch, max(1, self._cores // min(self._workers, self._busy() + 1 + len(self._waiting))))
        if not self._busy() and self._failed:
            self.end()
            if self._spare is not None:
                self._spare.end()
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

    def spare_idle(self) -> None:
        """Keep the workers that have nothing to do for other runs, where they are wanted."""
        if self._spare is None:
            return
        for worker in [each for each in self._pool if not each.items and not each.is_second_try]:
            self._pool.remove(worker)
            self._spare.keep(worker, self._work, self._limits)

    def end(self) -> None:
        """End all workers."""
        while self._pool:
            self._pool.pop().end()

    def _busy(self) -> int:
        return sum(bool(worker.items) for worker in self._pool)

    def _started(self, *, is_second_try: bool) -> WorkerProcess[Item, Result]:
        ready = self._spare.take(self._work, self._limits) if self._spare is not None and not is_second_try else None
        worker = ready or WorkerProcess(self._work, self._limits, is_second_try=is_second_try)
        self._pool.append(worker)
        return worker

    def _heard(self, worker: WorkerProcess[Item, Result]) -> Iterator[tuple[Item, Progress | Done[Result] | Failure]]:
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
        self, worker: WorkerProcess[Item, Result], failure: Failure
    ) -> Iterator[tuple[Item, Progress | Done[Result] | Failure]]:
        """Decide what becomes of the items of a worker that has ended."""
        self._pool.remove(worker)
        if worker.has_begun:
            item = worker.items.popleft()
            yield item, Lost(-worker.steps)
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
