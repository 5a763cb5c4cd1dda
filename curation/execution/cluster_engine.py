"""The engine of a cluster: a bounded window of tasks, and objects that are made anew when their node is lost.

What is lost is done again, on a node that answers. So a node that is dying, though the cluster has not found out yet,
does not get the same thing a second time.
"""

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import click

from curation.core.errors import ClusterError
from curation.execution.cluster import Cluster, LostError
from curation.execution.engine import Actors, Item, Part, Result
from curation.execution.nodes import require_alike
from curation.execution.storage import Storage

MOST_TRIES = 6
"""Times that the same thing may be tried: what is lost that often is at fault itself, or the cluster is."""

_WINDOW = 2
"""Tasks that are begun or waiting, for each that the cluster has the CPUs for: none of these waits for the next one."""


@dataclass(frozen=True)
class ClusterEngine:
    """Does work on the nodes of a cluster.

    Attributes:
        cluster: that does it.
        wanted_shards: parts that data is cut into; None: as many as the cluster has CPUs for.
        cpus_per_task: CPUs, and threads, of a task.
        storage: folder that all nodes see.
    """

    cluster: Cluster
    wanted_shards: int | None = None
    cpus_per_task: int = 1
    storage: Storage | None = None
    is_cluster: bool = True

    @property
    def slots(self) -> int:
        """The number of tasks that are worked on side by side."""
        return max(1, self.cluster.cpus // self.cpus_per_task)

    @property
    def shards(self) -> int:
        """The number of parts that data is cut into."""
        return self.wanted_shards or self.slots

    def require_alike(self, facts: Callable[[], Mapping[str, str]]) -> None:
        """Compare what a function gives here with what it gives on every node, see `Engine`."""
        require_alike(facts(), self.cluster.each_node(facts))

    def run(
        self, function: Callable[[Item], Result], items: Iterable[Item], *, cpus: int
    ) -> Generator[tuple[int, Result], None, None]:
        """Do work on items, see `Engine`."""
        numbered = enumerate(items)
        begun: dict[Any, _Try] = {}
        shared = self.cluster.shared(function)
        is_told = False
        try:
            while True:
                window = _WINDOW * max(1, self.cluster.cpus // cpus)
                for number, item in islice(numbered, max(0, window - len(begun))):
                    begun[self.cluster.submit(shared, item, cpus, None)] = _Try(number, item)
                if not begun:
                    return
                ticket = self.cluster.first_done(list(begun))
                this = begun.pop(ticket)
                try:
                    result = self.cluster.result(ticket)
                except LostError as lost:
                    again = this.next(lost)
                    if not is_told:  # a node's loss is that of many tasks
                        _tell_lost(lost)
                    is_told = True
                    node = _nth(self.cluster.sound_nodes(), again.number + again.tries)
                    begun[self.cluster.submit(shared, again.item, cpus, node)] = again
                    continue
                yield this.number, result
        finally:
            self.cluster.cancel(list(begun))

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
            self.cluster.each_node(warm)
        # Objects that together want more than there is would wait for ever: then they share the CPUs.
        each = cpus if cpus * len(parts) <= self.cluster.cpus else 0
        nodes = None if each else self.cluster.sound_nodes()
        handles = [self.cluster.start(make, part, each, _nth(nodes, place)) for place, part in enumerate(parts)]
        actors = _ClusterActors(self.cluster, make, parts, handles)
        try:
            yield actors
        finally:
            self.cluster.end(actors.handles)


@dataclass(frozen=True)
class _Try:
    """An item that is being worked on, for the n-th time."""

    number: int
    item: Any
    tries: int = 1

    def next(self, lost: LostError) -> "_Try":
        """Return the next try.

        Raises:
            ClusterError: there were enough.
        """
        if self.tries == MOST_TRIES:
            raise _too_often(f"a task (number {self.number})", lost)
        return _Try(self.number, self.item, self.tries + 1)


@dataclass
class _ClusterActors:
    """Objects on nodes, and the calls that their state came from."""

    cluster: Cluster
    make: Callable[[Any], object]
    parts: Sequence[Any]
    handles: list[Any]
    _replayed: list[tuple[str, list[Any], int | None]] = field(default_factory=list)

    def call(self, method: str, *args: Any, only: int | None = None, replayed: bool = False) -> list[Any]:
        """Call a method of every object, see `Actors`."""
        given = [self.cluster.shared(value) for value in args]
        called = range(len(self.parts)) if only is None else [only]
        found: dict[int, Any] = {}
        missing = list(called)
        for tries in range(1, MOST_TRIES + 1):
            lost = self._asked(method, given, missing, found)
            missing = [part for part in called if part not in found]
            if lost is None:
                break
            if tries == MOST_TRIES:
                raise _too_often(f"part {missing[0]} of the data", lost)
            if tries == 1:
                _tell_lost(lost)
            self._make_anew(missing, tries)
        if replayed:
            self._replayed.append((method, given, only))
        return [found[part] for part in called]

    def _asked(
        self, method: str, given: Sequence[Any], wanted: Sequence[int], found: dict[int, Any]
    ) -> LostError | None:
        """Call a method of some objects, add what it gives to `found`, and return what was lost, if anything was."""
        tickets = {part: self.cluster.ask(self.handles[part], method, given) for part in wanted}
        lost: LostError | None = None
        for part, ticket in tickets.items():
            try:
                found[part] = self.cluster.result(ticket)
            except LostError as error:
                lost = error
        return lost

    def _make_anew(self, lost: Sequence[int], tries: int) -> None:
        """Make objects anew on nodes that answer, and bring them to the state that they had."""
        nodes = self.cluster.sound_nodes()
        self.cluster.end([self.handles[part] for part in lost])
        for place, part in enumerate(lost):
            self.handles[part] = self.cluster.start(self.make, self.parts[part], 0, _nth(nodes, place + tries))
        for method, given, only in self._replayed:
            # What is lost meanwhile is lost in the call that follows, too, and then made anew once more.
            self._asked(method, given, [part for part in lost if only in (None, part)], {})


def _nth(nodes: Sequence[str] | None, number: int) -> str | None:
    """Return a node, one after the other; None where there is none to choose."""
    return nodes[number % len(nodes)] if nodes else None


def _tell_lost(lost: LostError) -> None:
    click.echo(f"warning: the cluster lost a node or process; what it worked on is done again ({lost})", err=True)


def _too_often(what: str, lost: LostError) -> ClusterError:
    return ClusterError(
        f"the cluster lost the node or process that worked on {what} {MOST_TRIES} times ({lost}): look at the nodes' "
        "logs and memory, then run the same command again; what was finished is not lost"
    )
