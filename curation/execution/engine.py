"""What an engine does: work on many items, and objects that live on nodes. Which one does it never changes a result.

What is handed to an engine, and what it gives back, may travel to another machine: functions of modules, arguments that
can be pickled, and results of plain values, bytes and arrays.
"""

from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol, TypeVar

from curation.execution.storage import Storage

Item = TypeVar("Item")
Part = TypeVar("Part")
Result = TypeVar("Result")


class Actors(Protocol):
    """Objects that keep their state between calls, one for each part of the data."""

    def call(self, method: str, *args: Any, only: int | None = None, replayed: bool = False) -> list[Any]:
        """Call a method of every object, side by side.

        Args:
            method: its name.
            args: the same for all; arrays among them must not be changed afterwards.
            only: number of the one part whose object is called; None: all are.
            replayed: whether the call changes the objects' state, so that it must be repeated, in the order of calls,
                on an object that is made anew because its node was lost.

        Returns:
            What the method gave, in the order of the parts; arrays may be read-only.

        Raises:
            ClusterError: nodes were lost again and again.
            Exception: what the method raised.
        """
        ...


class Engine(Protocol):
    """Does work, here or elsewhere."""

    @property
    def is_cluster(self) -> bool:
        """Whether the work may leave this machine, so that it has to be cut into parts that stand for themselves."""
        ...

    @property
    def shards(self) -> int:
        """The number of parts that data is cut into which objects on nodes keep: at least 1."""
        ...

    @property
    def slots(self) -> int:
        """The number of tasks that are worked on side by side: at least 1."""
        ...

    @property
    def cpus_per_task(self) -> int:
        """The CPUs that a task takes, and the threads that it should use."""
        ...

    @property
    def storage(self) -> Storage | None:
        """Where nodes leave what is large; None: they send it."""
        ...

    def require_alike(self, facts: Callable[[], Mapping[str, str]]) -> None:
        """Compare what a function gives here with what it gives on every node, before it counts.

        Args:
            facts: gives values by the names under which a message shows them.

        Raises:
            ClusterError: they differ; the message names every difference.
        """
        ...

    def run(
        self, function: Callable[[Item], Result], items: Iterable[Item], *, cpus: int
    ) -> Generator[tuple[int, Result], None, None]:
        """Do work on items, those first that come first; few are taken ahead of those that are being worked on.

        Args:
            function: what is done with an item. It must give the same again, since items of lost nodes are worked on
                again.
            items: taken in the calling thread.
            cpus: that the work on one item takes.

        Yields:
            The number of an item and what the function gave for it, as the results come.

        Raises:
            ClusterError: nodes were lost again and again.
            Exception: what the function raised.
        """
        ...

    def actors(
        self,
        make: Callable[[Part], object],
        parts: Sequence[Part],
        *,
        cpus: int = 1,
        warm: Callable[[], object] | None = None,
    ) -> AbstractContextManager[Actors]:
        """Make an object of each part, which lives as long as the context.

        Args:
            make: gives the object of a part.
            parts: what the objects are made of.
            cpus: that each of them takes.
            warm: called once on every node before the objects are made, so that what is compiled there is compiled
                once.
        """
        ...
