"""A cluster is connected with when there is something to do, once, and left in any case."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

import pytest

from curation.core.errors import ClusterError
from curation.execution.cluster_engine import ClusterEngine
from curation.execution.engine import Engine
from curation.execution.late import at_first_use
from curation.execution.storage import Storage
from tests.execution.fake_cluster import FakeCluster


class Part:
    def __init__(self, number: int) -> None:
        self.number = number

    def seen(self) -> int:
        return self.number


def test_it_is_connected_with_once_and_left() -> None:
    told = list[str]()

    @contextmanager
    def connect() -> Iterator[Engine]:
        told.append("connected")
        yield ClusterEngine(FakeCluster(["a"], cpus=6), 4, 2, Storage("storage"))
        told.append("left")

    with at_first_use(connect) as engine:
        assert engine.is_cluster
        assert not told
        assert (engine.shards, engine.slots, engine.cpus_per_task, engine.storage) == (4, 3, 2, Storage("storage"))
        assert dict(engine.run(str, [5, 6], cpus=1)) == {0: "5", 1: "6"}
        engine.require_alike(lambda: {"Python": "3.11"})
        with engine.actors(Part, [7, 8], warm=lambda: None) as actors:
            assert actors.call("seen") == [7, 8]
        assert told == ["connected"]
    assert told == ["connected", "left"]
    with at_first_use(connect):
        pass
    assert told == ["connected", "left"]


def test_what_keeps_it_from_connecting_is_told_at_its_use() -> None:
    def connect() -> NoReturn:
        raise ClusterError("no node of the cluster answers")

    with pytest.raises(ClusterError, match="no node"), at_first_use(connect) as engine:
        assert engine.slots
