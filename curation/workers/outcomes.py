"""The limits of an item that a worker process works on, and what becomes of it."""

from dataclasses import dataclass
from typing import Generic, Literal

from curation.workers.worker import Result


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
class Lost(Progress):
    """The worker of an item has ended: its steps are taken back. The item is tried once more, or given up next."""


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
