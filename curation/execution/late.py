"""An engine that is connected with at its first use: a cluster takes seconds to start, often to find nothing to do."""

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache

from curation.execution.engine import Actors, Engine, Item, Part, Result
from curation.execution.storage import Storage


@contextmanager
def at_first_use(connect: Callable[[], AbstractContextManager[Engine]]) -> Iterator[Engine]:
    """Give an engine of a cluster that is connected with when it is used first, and left at the end of the context.

    Args:
        connect: called then, in the calling thread; what it raises is raised there.
    """
    with ExitStack() as stack:
        yield _LateEngine(cache(lambda: stack.enter_context(connect())))


@dataclass(frozen=True)
class _LateEngine:
    """An engine of a cluster, see `Engine`.

    Attributes:
        connected: returns the engine that does it all.
    """

    connected: Callable[[], Engine]
    is_cluster: bool = True

    @property
    def shards(self) -> int:
        """The number of parts that data is cut into."""
        return self.connected().shards

    @property
    def slots(self) -> int:
        """The number of tasks that are worked on side by side."""
        return self.connected().slots

    @property
    def cpus_per_task(self) -> int:
        """The CPUs of a task."""
        return self.connected().cpus_per_task

    @property
    def storage(self) -> Storage | None:
        """Where nodes leave what is large."""
        return self.connected().storage

    def require_alike(self, facts: Callable[[], Mapping[str, str]]) -> None:
        """Compare nodes, see `Engine`."""
        self.connected().require_alike(facts)

    def run(
        self, function: Callable[[Item], Result], items: Iterable[Item], *, cpus: int
    ) -> Generator[tuple[int, Result], None, None]:
        """Do work on items, see `Engine`."""
        return self.connected().run(function, items, cpus=cpus)

    def actors(
        self,
        make: Callable[[Part], object],
        parts: Sequence[Part],
        *,
        cpus: int = 1,
        warm: Callable[[], object] | None = None,
    ) -> AbstractContextManager[Actors]:
        """Make an object of each part, see `Engine`."""
        return self.connected().actors(make, parts, cpus=cpus, warm=warm)
