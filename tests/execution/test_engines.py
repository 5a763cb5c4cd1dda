"""What every engine promises, tried with the local one, and with a cluster that loses nodes."""

import threading
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.core.errors import ClusterError, RawDataError
from curation.execution.cluster_engine import MOST_TRIES, ClusterEngine
from curation.execution.engine import Engine
from curation.execution.local import LocalEngine
from tests.execution.fake_cluster import FakeCluster


def engines() -> list[Engine]:
    return [
        LocalEngine(shards=3),
        ClusterEngine(FakeCluster(["a", "b"])),
        ClusterEngine(FakeCluster(["a", "b", "c"], {"a": 2, "c": 5}, cpus=4)),
    ]


class Sum:
    """An object with state."""

    def __init__(self, part: int) -> None:
        self.total = part

    def add(self, values: list[int], more: int = 0) -> int:
        self.total = 3 * self.total + sum(values) + more  # so that the order of calls counts
        return self.total

    def seen(self) -> int:
        return self.total

    def refuse(self) -> None:
        raise RawDataError(f"{self.total} is gone")


@pytest.mark.parametrize("engine", engines())
def test_every_item_has_one_result_under_its_number(engine: Engine) -> None:
    found = list(engine.run(lambda item: item * item, range(20), cpus=1))
    assert sorted(found) == [(number, number * number) for number in range(20)]


@given(st.integers(1, 30), st.integers(0, 40), st.integers(0, 40), st.integers(1, 5))
def test_results_are_the_same_whenever_nodes_die(items: int, first: int, second: int, cpus: int) -> None:
    cluster = FakeCluster(["a", "b", "c"], {"a": first, "b": second}, cpus=cpus)
    assert dict(ClusterEngine(cluster).run(str, range(items), cpus=1)) == {each: str(each) for each in range(items)}


@given(st.lists(st.tuples(st.sampled_from(["add", "one", "seen"]), st.integers(0, 9)), max_size=12), st.data())
def test_objects_have_the_same_state_whenever_nodes_die(calls: list[tuple[str, int]], data: st.DataObject) -> None:
    deaths = {node: data.draw(st.integers(0, 60)) for node in ("a", "b")}
    engines: list[Engine] = [LocalEngine(), ClusterEngine(FakeCluster(["a", "b", "c"], deaths))]
    histories = []
    for engine in engines:
        with engine.actors(Sum, [5, 6, 7, 8]) as actors:
            told = [
                actors.call("seen")
                if method == "seen"
                else actors.call("add", [value], value, only=None if method == "add" else value % 4, replayed=True)
                for method, value in calls
            ]
            histories.append([*told, actors.call("seen")])
    assert histories[0] == histories[1]


def test_a_dying_node_gets_no_second_chance() -> None:
    cluster = FakeCluster(["a", "b"], {"a": 0})
    with ClusterEngine(cluster).actors(Sum, [1, 2]) as actors:
        assert actors.call("seen") == [1, 2]
    assert [node for node, part in cluster.started if part == 1][1:] in ([], ["b"])
    assert {node for node, _ in cluster.started[2:]} == {"b"}


def test_a_loss_is_told_once(capsys: pytest.CaptureFixture[str]) -> None:
    lost = "warning: the cluster lost a node or process; what it worked on is done again (node b is gone)\n"
    assert len(list(ClusterEngine(FakeCluster(["a", "b"], {"b": 0}, cpus=6)).run(str, range(9), cpus=1))) == 9
    assert capsys.readouterr().err == lost
    with ClusterEngine(FakeCluster(["a", "b"], {"b": 0})).actors(Sum, [1, 2, 3, 4]) as actors:
        assert actors.call("seen") == [1, 2, 3, 4]
    assert capsys.readouterr().err == lost


def test_few_items_are_taken_ahead_and_what_is_open_is_given_up() -> None:
    cluster, taken = FakeCluster(["a"], cpus=3), list[int]()

    def items() -> Iterator[int]:
        for number in range(1000):
            taken.append(number)
            yield number

    for engine in (ClusterEngine(cluster), LocalEngine(cpus_per_task=1)):
        results = engine.run(str, items(), cpus=1)
        next(results)
        results.close()
        assert len(taken) < 300
        taken.clear()
    assert cluster.most_open == 6
    assert len(cluster.cancelled) == 5


@pytest.mark.parametrize("engine", engines()[:2])
def test_what_the_work_raises_arrives(engine: Engine) -> None:
    def work(item: int) -> int:
        if item == 3:
            raise RawDataError("a file is gone")
        return item

    with pytest.raises(RawDataError, match="a file is gone"):
        list(engine.run(work, range(5), cpus=1))
    with engine.actors(Sum, [1, 2]) as actors, pytest.raises(RawDataError, match=r"\d is gone"):
        actors.call("refuse")


def test_what_is_lost_again_and_again_ends_the_run() -> None:
    cluster = FakeCluster(["a"], {"a": 0})
    with pytest.raises(ClusterError, match=f"task \\(number 0\\) {MOST_TRIES} times \\(node a is gone\\)"):
        list(ClusterEngine(cluster).run(str, [1], cpus=1))
    cluster = FakeCluster(["a"], {"a": 0})
    with (
        ClusterEngine(cluster).actors(Sum, [1, 2]) as actors,
        pytest.raises(ClusterError, match=f"part 0 of the data {MOST_TRIES} times"),
    ):
        actors.call("seen")


def test_nodes_are_warmed_once_before_objects_are_made() -> None:
    cluster = FakeCluster(["a", "b"])
    with ClusterEngine(cluster).actors(Sum, [1, 2, 3, 4], warm=lambda: None) as actors:
        assert actors.call("seen") == [1, 2, 3, 4]
    assert cluster.warmed == ["a", "b"]
    done = threading.Event()
    with LocalEngine().actors(Sum, [1], warm=done.set):
        assert done.is_set()


def test_shards_are_as_many_as_tasks_fit() -> None:
    assert ClusterEngine(FakeCluster(["a"], cpus=9), cpus_per_task=2).shards == 4
    assert ClusterEngine(FakeCluster(["a"], cpus=1), cpus_per_task=2).shards == 1
    assert ClusterEngine(FakeCluster(["a"], cpus=9), wanted_shards=3).shards == 3
