"""Worker processes that wait for the next run of the same work: starting one takes as long as decoding many images."""

import pickle
from pathlib import Path

from curation.workers.outcomes import Limits
from curation.workers.worker import Item, Result, Work
from curation.workers.worker_process import WorkerProcess


class SpareWorkers:
    """Workers of one kind of work that have nothing to do. They end with this process, or when other work begins."""

    def __init__(self) -> None:
        self._purpose = b""
        self._waiting: list[WorkerProcess[object, object]] = []

    def take(self, work: Work[Item, Result], limits: Limits) -> WorkerProcess[Item, Result] | None:
        """Return a worker that does this work within these limits, if one is left."""
        if self._purpose != _purpose_of(work, limits):
            self.end()
        while self._waiting:
            worker = self._waiting.pop()
            if not worker.connection.poll():  # it would have nothing to say, but that it has ended
                return worker  # type: ignore[return-value]
            worker.end()
        return None

    def keep(self, worker: WorkerProcess[Item, Result], work: Work[Item, Result], limits: Limits) -> None:
        """Keep a worker that has nothing to do.

        Args:
            worker: one that is healthy.
            work: that it does.
            limits: of each item.
        """
        purpose = _purpose_of(work, limits)
        if self._purpose != purpose:
            self.end()
        self._purpose = purpose
        self._waiting.append(worker)  # type: ignore[arg-type]

    def end(self) -> None:
        """End all of them."""
        while self._waiting:
            self._waiting.pop().end()


def _purpose_of(work: Work[Item, Result], limits: Limits) -> bytes:
    """Return what two workers have in common where one can stand for the other; both are where they were started."""
    return pickle.dumps((work, limits, str(Path.cwd())))
