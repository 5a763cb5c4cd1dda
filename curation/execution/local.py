"""The engine of this machine: threads of this process."""

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import Any

from curation.core.cores import available_cores
from curation.execution.engine import Actors, Item, Part, Result
from curation.execution.storage import Storage


@dataclass(frozen=True)
class LocalEngine:
    """Does work on threads of this process.

    Attributes:
        shards: parts that data is cut into.
        cpus_per_task: threads of a task.
    """

    shards: int = 1
    cpus_per_task: int = 1
    is_cluster: bool = False
    storage: Storage | None = None

    def __enter__(self) -> "LocalEngine":
        return self

    def __exit__(self, *_: object) -> None:
        return

    @property
    def slots(self) -> int:
        """The number of tasks that are worked on side by side."""
        return max(1, available_cores() // self.cpus_per_task)

    def require_alike(self, facts: Callable[[], Mapping[str, str]]) -> None:
        """Compare nodes: there is only this one."""

    def run(
        self, function: Callable[[Item], Result], items: Iterable[Item], *, cpus: int
    ) -> Generator[tuple[int, Result], None, None]:
        """Do work on items, see `Engine`. Results come in the order of the items."""
        threads = max(1, available_cores() // cpus)
        numbered = enumerate(items)
        waiting = deque[tuple[int, Future[Result]]]()
        with ThreadPoolExecutor(threads) as pool:
            try:
                while True:
                    for number, item in islice(numbered, 2 * threads - len(waiting)):
                        waiting.append((number, pool.submit(function, item)))
                    if not waiting:
                        return
                    number, future = waiting.popleft()
                    yield number, future.result()
            finally:
                pool.shutdown(cancel_futures=True)

    @contextmanager
    def actors(
        self,
        make: Callable[[Part], object],
        parts: Sequence[Part],
        *,
        cpus: int = 1,
        warm: Callable[[], object] | None = None,
    ) -> Iterator[Actors]:
        """Make an object of each part, see `Engine`."""
        if warm is not None:
            warm()
        with ThreadPoolExecutor(max(1, min(len(parts), available_cores() // cpus))) as pool:
            yield _Objects(list(pool.map(make, parts)), pool)


HERE = LocalEngine()
"""What does the work where nothing else is said."""


@dataclass(frozen=True)
class _Objects:
    """Objects in this process."""

    objects: list[object]
    pool: ThreadPoolExecutor

    def call(self, method: str, *args: Any, only: int | None = None, replayed: bool = False) -> list[Any]:
        """Call a method of every object, see `Actors`. Nothing is ever lost here."""
        called = self.objects if only is None else [self.objects[only]]
        return list(self.pool.map(lambda each: getattr(each, method)(*args), called))
