"""A cluster in this process whose nodes die when they are told to."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import count
from typing import Any

from curation.execution.cluster import LostError


@dataclass
class FakeCluster:
    """Nodes by name; work is done when its result is asked for, the latest first where there is a choice.

    Attributes:
        nodes: those that work.
        dying: those that are gone, though the cluster goes on to give them work.
        deaths: after how many results asked for a node goes, by node.
        cpus: of all nodes.
    """

    nodes: list[str]
    deaths: dict[str, int] = field(default_factory=dict)
    cpus: int = 2
    dying: set[str] = field(default_factory=set)
    tickets: dict[int, tuple[str, Callable[[], Any]]] = field(default_factory=dict)
    started: list[tuple[str, Any]] = field(default_factory=list)
    cancelled: list[int] = field(default_factory=list)
    most_open: int = 0
    warmed: list[str] = field(default_factory=list)
    _numbers: Iterator[int] = field(default_factory=count)
    _asked: int = 0

    def sound_nodes(self) -> list[str]:
        return [node for node in self.nodes if node not in self.dying]

    def each_node(self, function: Callable[[], Any]) -> dict[str, Any]:
        self.warmed += self.sound_nodes()
        return {node: function() for node in self.sound_nodes()}

    def submit(self, function: Callable[[Any], Any], item: Any, cpus: int, node: str | None) -> int:
        return self._ticket(node, lambda: function(item))

    def first_done(self, tickets: Sequence[int]) -> int:
        return max(tickets)

    def result(self, ticket: int) -> Any:
        node, work = self.tickets.pop(ticket)
        self._asked += 1
        self.dying |= {name for name, after in self.deaths.items() if self._asked > after}
        if node in self.dying:
            raise LostError(f"node {node} is gone")
        return work()

    def cancel(self, tickets: Sequence[int]) -> None:
        self.cancelled += tickets

    def start(self, make: Callable[[Any], object], part: Any, cpus: int, node: str | None) -> tuple[str, Any]:
        where = node or self._any()
        self.started.append((where, part))
        return where, cache(lambda: make(part))

    def ask(self, handle: tuple[str, Any], method: str, arguments: Sequence[Any]) -> int:
        node, opened = handle
        return self._ticket(node, lambda: getattr(opened(), method)(*arguments))

    def shared(self, value: Any) -> Any:
        return value

    def end(self, handles: Sequence[Any]) -> None:
        return

    def _any(self) -> str:
        """Give every node work in turn, those that are dying as well."""
        return self.nodes[next(self._numbers) % len(self.nodes)]

    def _ticket(self, node: str | None, work: Callable[[], Any]) -> int:
        number = next(self._numbers) * 10 + len(self.tickets)
        self.tickets[number] = (node or self._any(), work)
        self.most_open = max(self.most_open, len(self.tickets))
        return number
