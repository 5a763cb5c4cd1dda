"""Jobs done by several threads, each with means of its own; what they give comes in the order of the jobs."""

import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import AbstractContextManager, suppress
from itertools import count
from queue import Empty, Full, Queue
from typing import Generic, TypeVar

Job = TypeVar("Job")
Result = TypeVar("Result")

Alive = Callable[[], object]
"""Called as a sign of life."""

OpenWorker = Callable[[Alive], AbstractContextManager[Callable[[Job], Iterator[Result]]]]
"""Opens what a thread needs, and gives what does its jobs, one after the other and in ascending order."""

_RESULTS_AHEAD = 16
"""Results that wait, those of all threads together; each may have two."""

_WAIT_S = 0.1


def side_by_side(
    jobs: Sequence[Job], open_worker: OpenWorker[Job, Result], threads: int, alive: Alive
) -> Generator[Result, None, None]:
    """Yield what jobs give, in the order of the jobs.

    Args:
        jobs: to be done.
        open_worker: called once in each thread.
        threads: that work.
        alive: called in the calling thread now and then, as long as threads show signs of life.

    Raises:
        Exception: what a job raised, or the opening of a thread that should have done it, when its turn comes.
    """
    work = _Work[Job, Result](jobs, max(2, _RESULTS_AHEAD // max(threads, 1)))
    workers = [threading.Thread(target=_do_jobs, args=(work, open_worker)) for _ in range(threads)]
    for worker in workers:
        worker.start()
    try:
        for results in work.results:
            yield from _arriving(results, work, alive)
    finally:
        work.is_over.set()
        for worker in workers:
            worker.join()


class _OverError(Exception):
    """Nobody wants results any more."""


class _Work(Generic[Job, Result]):
    """The state that the threads share.

    Args:
        jobs: to be done.
        ahead: results of a job that may wait.

    Attributes:
        jobs: see there.
        results: of each job, in a list that is empty after the last one; or what was raised.
        is_over: set when nobody wants results any more.
        signs: of life, so far.
    """

    def __init__(self, jobs: Sequence[Job], ahead: int) -> None:
        self.jobs = jobs
        self.results: list[Queue[list[Result] | Exception]] = [Queue(ahead) for _ in jobs]
        self.is_over = threading.Event()
        self.signs = 0
        self._numbers = count()

    def next_number(self) -> int | None:
        """Return which job is to be done next, if one is left."""
        number = next(self._numbers)  # one step, which no other thread interrupts
        return number if number < len(self.jobs) and not self.is_over.is_set() else None

    def show_life(self) -> None:
        """Count a sign of life; a lost one does no harm."""
        self.signs += 1

    def put(self, number: int, result: list[Result] | Exception) -> None:
        """Hand over a result, when there is room."""
        while not self.is_over.is_set():
            try:
                self.results[number].put(result, timeout=_WAIT_S)
            except Full:
                continue
            return
        raise _OverError


def _do_jobs(work: _Work[Job, Result], open_worker: OpenWorker[Job, Result]) -> None:
    """Do jobs until none is left, or something goes wrong, which is told in place of results."""
    with suppress(_OverError):
        number: int | None = None
        try:
            with open_worker(work.show_life) as do:
                while (number := work.next_number()) is not None:
                    for result in do(work.jobs[number]):
                        work.put(number, [result])
                    work.put(number, [])
        except _OverError:
            raise
        except Exception as error:
            number = work.next_number() if number is None else number
            if number is not None:
                work.put(number, error)


def _arriving(results: "Queue[list[Result] | Exception]", work: _Work[Job, Result], alive: Alive) -> Iterator[Result]:
    """Yield the results of one job as they come."""
    seen = work.signs
    while True:
        try:
            result = results.get(timeout=_WAIT_S)
        except Empty:
            if work.signs != seen:
                seen = work.signs
                alive()
            continue
        if isinstance(result, Exception):
            raise result
        if not result:
            return
        yield from result
