"""What an engine asks of a cluster, whichever it is."""

from collections.abc import Callable, Sequence
from typing import Any, Protocol


class LostError(Exception):
    """What was asked for is lost: its node, or the process on it, is gone."""


class Cluster(Protocol):
    """Processes on nodes, any of which may go at any time.

    Tickets and handles are whatever the cluster gives; only it knows what they are. A ticket may be asked for its
    result once.
    """

    @property
    def cpus(self) -> int:
        """The CPUs of all nodes together as they are now; at least 1."""
        ...

    def sound_nodes(self) -> list[str]:
        """Return the nodes that answer, sorted; one that is dying, though the cluster may still list it, does not."""
        ...

    def each_node(self, function: Callable[[], Any]) -> dict[str, Any]:
        """Call a function once on every node that answers, side by side, and return what it gave, by node."""
        ...

    def submit(self, function: Callable[[Any], Any], item: Any, cpus: int, node: str | None) -> Any:
        """Begin work on an item, on a certain node or on any, and return a ticket."""
        ...

    def first_done(self, tickets: Sequence[Any]) -> Any:
        """Wait until one of some tickets has a result, or is lost, and return it."""
        ...

    def result(self, ticket: Any) -> Any:
        """Wait for what a ticket stands for.

        Raises:
            LostError: it is lost.
            Exception: what the work raised.
        """
        ...

    def cancel(self, tickets: Sequence[Any]) -> None:
        """Give up what tickets stand for."""
        ...

    def start(self, make: Callable[[Any], object], part: Any, cpus: int, node: str | None) -> Any:
        """Begin to make an object of a part, on a certain node or on any, and return a handle for it."""
        ...

    def ask(self, handle: Any, method: str, arguments: Sequence[Any]) -> Any:
        """Call a method of an object, after all that was asked of it before, and return a ticket."""
        ...

    def shared(self, value: Any) -> Any:
        """Return what stands for a value in the arguments of several calls, so that it is sent to a node once."""
        ...

    def end(self, handles: Sequence[Any]) -> None:
        """Let objects go."""
        ...
