"""Greedy k-center over shards: the arrays of one process, whatever the shards."""

import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from benchmarks import sharded_select
from benchmarks.coreset_properties import differences
from benchmarks.select_speed import image_like
from curation.execution.cluster_engine import ClusterEngine
from curation.execution.engine import Engine
from curation.execution.local import LocalEngine
from curation.params.execution import ExecutionParams
from curation.params.select import SelectParams
from curation.selection.kcenter import fast, plain, short_vectors
from curation.selection.rules import coreset as rule
from curation.selection.sharded import coreset as sharded
from curation.selection.sharded.coreset import coreset_on, parts_of, told
from curation.selection.sharded.driver import Call, Sizes, bound_of, farthest_first
from curation.selection.sharded.picking import Last, Picker, put_together
from curation.selection.sharded.shard import Far, Shard, Sketch
from curation.selection.stopping import squared_threshold
from curation.selection.traversal import Traversal
from tests.conftest import REPOSITORY
from tests.embedding_examples import KINDS, bases_for, embedding_sets, embeddings_of_kind
from tests.execution.fake_cluster import FakeCluster
from tests.selection.few_directions import few_directions_first, leaning_sets

COMPILED = pytest.mark.xdist_group("numba")
"""Compiled once, not once a process."""

Make = Callable[[int], Shard]
THREAD = ThreadPoolExecutor(1)


def shards_of(candidates: NDArray[np.float32], n_shards: int, tuning: fast.Tuning) -> tuple[int, Make]:
    """Return how many shards there are, and what makes one of them."""
    parts = parts_of(candidates, n_shards, 1)
    return len(parts), lambda number: Shard(parts[number].vectors, parts[number].first_row, THREAD, tuning)


def calling(n_shards: int, make: Make, lost_at: int | None = None) -> Call:
    """Return what calls shards; at one call, if any, the first shard is lost, made anew and told again."""
    shards = [make(number) for number in range(n_shards)]
    told: list[tuple[str, tuple[Any, ...]]] = []
    calls = 0

    def call(method: str, *args: Any, only: int | None = None, replayed: bool = False) -> list[Any]:
        nonlocal calls
        calls += 1
        if calls == lost_at:
            shards[0] = make(0)
            for earlier, with_args in told:
                getattr(shards[0], earlier)(*with_args)
        if replayed:
            told.append((method, args))
        return [getattr(shard, method)(*args) for shard in (shards if only is None else [shards[only]])]

    return call


def select(
    candidates: NDArray[np.float32],
    base: NDArray[np.float32],
    limit: int,
    threshold: np.float32,
    n_shards: int,
    sizes: Sizes,
    tuning: fast.Tuning | None = None,
    lost_at: int | None = None,
) -> Traversal:
    made = shards_of(candidates, n_shards, tuning or fast.Tuning(threads=1))
    return farthest_first(calling(*made, lost_at), len(candidates), base, limit, threshold, THREAD, sizes)


@pytest.mark.thorough
@COMPILED
@given(st.data())
@settings(max_examples=60, deadline=None)
def test_shards_give_the_arrays_of_one_process(data: st.DataObject) -> None:
    candidates = data.draw(embedding_sets(smallest=1, largest=80))
    candidates *= np.float32(data.draw(st.sampled_from([1, 30])))  # of no unit length
    base, limit = data.draw(bases_for(candidates)), data.draw(st.integers(0, 90))
    threshold = data.draw(st.sampled_from([None, 1e-3, 0.5, 2**0.5]).map(squared_threshold))
    tuning = fast.Tuning(
        group_size=data.draw(st.integers(2, 40)),
        run_radius=data.draw(st.sampled_from([0.0, 0.05, np.inf])),
        cluster_from=data.draw(st.sampled_from([0.0, np.inf])),
        window=data.draw(st.integers(1, 80)),
        threads=1,
    )
    sizes = Sizes(data.draw(st.integers(1, 60)), data.draw(st.integers(1, 40)))
    n_shards, lost_at = data.draw(st.integers(1, 6)), data.draw(st.none() | st.integers(2, 12))
    found = select(candidates, base, limit, threshold, n_shards, sizes, tuning, lost_at)
    assert differences(found, plain.farthest_first(candidates, base, limit, threshold)) == []


@pytest.mark.thorough
@COMPILED
@pytest.mark.parametrize("kind", KINDS)
def test_thousands_in_four_shards(kind: str) -> None:
    candidates, base = embeddings_of_kind(kind, 1500, 24, 1), embeddings_of_kind(kind, 40, 24, 2)
    expected = plain.farthest_first(candidates, base, 300, np.float32(0))
    assert differences(select(candidates, base, 300, np.float32(0), 4, Sizes(200, 150)), expected) == []


@pytest.mark.thorough
@COMPILED
@pytest.mark.parametrize("quick_from", [0, 10**9])
def test_long_embeddings_that_are_projected(quick_from: int) -> None:
    """Centres from other shards are judged by few directions first, or not."""
    candidates = image_like(2500, 200, 1)
    base, tuning = candidates[:0], fast.Tuning(threads=1, quick_from=quick_from)
    assert short_vectors.fit(candidates, base, 2500).n_leading > 0
    expected = plain.farthest_first(candidates, base, 2500, np.float32(0))
    assert differences(select(candidates, base, 2500, np.float32(0), 3, Sizes(500), tuning), expected) == []


@pytest.mark.thorough
@COMPILED
@given(st.data())
@settings(max_examples=150, deadline=None)
def test_shards_that_look_at_few_directions_first(data: st.DataObject) -> None:
    candidates, base = data.draw(leaning_sets(largest=80))
    limit, threshold = data.draw(st.integers(20, 85)), data.draw(st.sampled_from([None, 0.05]).map(squared_threshold))
    tuning = fast.Tuning(
        group_size=data.draw(st.integers(2, 20)),
        cluster_from=data.draw(st.sampled_from([0.0, np.inf])),
        width=data.draw(st.integers(1, 32)),
        window=data.draw(st.integers(1, 80)),
        quick_from=data.draw(st.sampled_from([0, 10])),
        threads=1,
    )
    sizes, n_shards = Sizes(data.draw(st.integers(1, 40)), data.draw(st.integers(1, 20))), data.draw(st.integers(1, 4))
    with few_directions_first():
        found = select(candidates, base, limit, threshold, n_shards, sizes, tuning)
    assert differences(found, plain.farthest_first(candidates, base, limit, threshold)) == []


@pytest.mark.thorough
@COMPILED
def test_few_of_very_many_that_are_equally_far_are_sent() -> None:
    """All corners are equally far from each other: a shard sends two of ten, and the lower rows come first."""
    corners = np.eye(40, dtype=np.float32)
    sent: list[int] = []
    n_shards, make = shards_of(corners, 4, fast.Tuning(threads=1))
    shards = calling(n_shards, make)

    def call(method: str, *args: Any, **how: Any) -> list[Any]:
        answers = shards(method, *args, **how)
        sent.extend(len(answer.rows) for answer in answers if method == "at_least")
        return answers

    found = farthest_first(call, 40, corners[:0], 40, np.float32(0), THREAD, Sizes(20, 2))
    assert found.picks.tolist() == list(range(40))
    assert max(sent) == 2


@pytest.mark.thorough
@COMPILED
def test_picks_end_where_what_was_left_out_could_come_next() -> None:
    """Once 0 is picked, 5 is as far as what was left out, which has lower rows if the last one at hand is 3."""
    vectors = np.array([[0], [2]], np.float32)
    at_hand = Far(np.array([0, 5]), np.array([9, 9], np.float32), np.array([2, 2]), vectors, False)
    for last, rows, nearest in ((3, [0], [2]), (7, [0, 5], [2, 10])):
        found = Picker(THREAD).pick(at_hand, Last(np.float32(4), last), 10, 9)
        assert (found.rows.tolist(), found.nearest.tolist()) == (rows, nearest)


@pytest.mark.thorough
@COMPILED
def test_what_is_far_from_all_candidates_of_a_shard_is_compared_exactly() -> None:
    """The distances differ by less than what rounding does to bounds."""
    rng = np.random.default_rng(0)
    around = rng.normal(size=(150, 24))
    around *= 1000 / np.linalg.norm(around, axis=1, keepdims=True)
    candidates = np.concatenate([around, 3e-5 * rng.normal(size=(150, 24))]).astype(np.float32)
    expected = plain.farthest_first(candidates, candidates[:0], 40, np.float32(0))
    assert differences(select(candidates, candidates[:0], 40, np.float32(0), 2, Sizes(50)), expected) == []


def far(rows: list[int], squared: list[float], is_all: bool = True) -> Far:
    n = len(rows)
    return Far(
        np.array(rows), np.array(squared, np.float32), np.zeros(n, np.int64), np.zeros((n, 2), np.float32), is_all
    )


def test_nothing_is_at_hand_beyond_the_first_that_was_left_out() -> None:
    parts = [far([2, 0], [9, 4], False), far([5, 6, 7], [4, 5, 3]), far([8, 9], [7, 3], False)]
    together, last = put_together(parts, np.float32(2))
    assert together.rows.tolist() == [0, 2, 6, 8]
    assert together.squared.tolist() == [4, 9, 5, 7]
    assert last == Last(np.float32(4), 0)


def test_everything_is_at_hand_where_nothing_was_left_out() -> None:
    together, last = put_together([far([3], [4]), far([], []), far([5, 6], [2, 5])], np.float32(2))
    assert together.rows.tolist() == [3, 5, 6]
    assert last.squared == 2
    assert last.row > 10**12


def test_bound_that_some_candidates_are_above() -> None:
    sketches = [
        Sketch(np.array([9, 5, 1], np.float32), np.array([1, 2, 4])),
        Sketch(np.array([7], np.float32), np.array([3])),
    ]
    assert [bound_of(sketches, aim) for aim in (1, 2, 4, 5, 6, 7, 100)] == [9, 7, 7, 5, 5, 1, 1]
    assert bound_of([Sketch(np.empty(0, np.float32), np.empty(0, np.int64))], 3) == 0


@pytest.mark.thorough
@COMPILED
@pytest.mark.parametrize(
    "engine",
    [
        LocalEngine(shards=3),
        ClusterEngine(FakeCluster(["a", "b"]), wanted_shards=4),
        ClusterEngine(FakeCluster(["a", "b", "c"], {"a": 3, "b": 40}, cpus=4), cpus_per_task=2, wanted_shards=5),
    ],
)
@pytest.mark.parametrize("threshold", [None, squared_threshold(0.7)])
def test_an_engine_gives_what_the_rule_gives(
    engine: Engine, threshold: np.float32 | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    candidates, base = embeddings_of_kind("duplicated", 600, 24, 1), embeddings_of_kind("clustered", 40, 24, 2)
    expected = rule.coreset(candidates, base, 400, threshold)
    monkeypatch.setattr(rule, "_PLAIN_UP_TO", 0)
    monkeypatch.setattr(sharded, "_FEWEST", 50)
    monkeypatch.setattr(sharded, "coreset", None)
    found = coreset_on(lambda: nullcontext(engine))(candidates, base, 400, threshold)
    assert differences(found, expected) == []


@pytest.mark.parametrize("patched", [{}, {"is_quick": lambda *_: False}, {"_FEWEST": 50}])
def test_what_is_quick_or_too_little_to_divide_is_done_here(
    patched: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    candidates = embeddings_of_kind("random", 200, 8, 1)
    expected = rule.coreset(candidates, candidates[:0], 20)
    for name, value in patched.items():
        monkeypatch.setattr(sharded, name, value)
    nowhere = pytest.fail  # not even a cluster that cannot be reached is asked for
    assert differences(coreset_on(nowhere)(candidates, candidates[:0], 20), expected) == []


def test_an_engine_of_one_shard_leaves_it_to_the_rule(monkeypatch: pytest.MonkeyPatch) -> None:
    candidates = embeddings_of_kind("random", 200, 8, 1)
    monkeypatch.setattr(sharded, "_FEWEST", 50)
    monkeypatch.setattr(sharded, "is_quick", lambda *_: False)
    found = coreset_on(lambda: nullcontext(LocalEngine()))(candidates, candidates[:0], 20)
    assert differences(found, rule.coreset(candidates, candidates[:0], 20)) == []


def test_what_a_cluster_takes_no_part_in_is_told() -> None:
    ray, few = ExecutionParams(engine="ray"), 3
    assert told(ray, SelectParams(n_samples=few)) is None
    assert told(ExecutionParams(), SelectParams(n_samples=few, method="kmeans")) is None
    assert (told(ray, SelectParams(n_samples=few, method="kmeans")) or "").startswith("select.method: kmeans is eval")
    diversity = {"input": {"type": "EMBEDDINGS"}, "strategy": {"type": "DIVERSITY"}}
    by_strategies = SelectParams.model_validate({"n_samples": few, "strategies": [diversity]})
    assert (told(ray, by_strategies) or "").startswith("select.strategies is evaluated")


_COMPILED_LATE = """
import numpy as np
from numba.core.dispatcher import Dispatcher
from curation.selection.kcenter import fast, kernels
from curation.selection.sharded.coreset import Part, make, warm
from tests.embedding_examples import embeddings_of_kind

def compiled():
    return {name: len(each.signatures) for name, each in vars(kernels).items() if isinstance(each, Dispatcher)}

warm()
before = compiled()
for kind, dimension in (("random", 3), ("clustered", 40), ("video", 60)):
    vectors = embeddings_of_kind(kind, 600, dimension, 1)
    vectors.flags.writeable = False
    shard = make(Part(vectors, 100, 1))
    shard.begin(vectors[:50], 5_000_000)
    shard.add(vectors[50:80], np.arange(150, 180))
    shard.at_least(np.float32(1e-6), 100)
    shard.finish()
print({name: count for name, count in compiled().items() if count != before[name]})
"""


@pytest.mark.thorough
@COMPILED
def test_nothing_is_compiled_after_what_is_done_once_a_node() -> None:
    shown = subprocess.run([sys.executable, "-c", _COMPILED_LATE], cwd=REPOSITORY, capture_output=True, text=True)
    assert (shown.stdout, shown.stderr) == ("{}\n", "")


@pytest.mark.thorough
@COMPILED
def test_benchmark_compares_with_one_process(monkeypatch: pytest.MonkeyPatch) -> None:
    case = ["--points", "3000", "--dimension", "8", "--picks", "200", "--base", "20", "--shards", "3"]
    shown = CliRunner().invoke(sharded_select.main, case)
    assert (shown.exit_code, shown.output.splitlines()[-1].split()[-1]) == (0, "equal")
    right = sharded_select.over_shards

    def wrong(*given: Any) -> tuple[Traversal, sharded_select.Account]:
        found, account = right(*given)
        return replace(found, nearest=found.nearest + 1), account

    monkeypatch.setattr(sharded_select, "over_shards", wrong)
    shown = CliRunner().invoke(sharded_select.main, case)
    assert (shown.exit_code, shown.output.splitlines()[-1].split()[-2:]) == (1, ["DIFFER:", "nearest"])
