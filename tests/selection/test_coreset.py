"""Exact greedy k-center: every program against ten lines that state the rule."""

from functools import partial

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from benchmarks import coreset_properties
from benchmarks.coreset_properties import differences, failures_of, traversal
from curation.selection.distance import squared_distances
from curation.selection.kcenter import plain
from curation.selection.rules import coreset as coreset_module
from curation.selection.rules.coreset import coreset
from curation.selection.stopping import squared_threshold
from curation.selection.traversal import Traversal
from tests.embedding_examples import KINDS, bases_for, embedding_sets, embeddings_of_kind
from tests.selection.few_directions import few_directions_first, leaning, leaning_sets

ONE_PROCESS = pytest.mark.xdist_group("numba")
"""Compiled once, which takes a quarter of a minute, not once a process."""


def assert_equal(one: Traversal, other: Traversal) -> None:
    assert differences(one, other) == []


thresholds = st.sampled_from([None, 1e-3, 0.1, 0.5, 1.4142135623730951]).map(squared_threshold)


def test_rule_by_hand() -> None:
    """Four points on a line and a base: the case is small enough to be solved in the head."""
    candidates = np.array([[0], [1], [5], [5]], np.float32)
    base = np.array([[2], [7]], np.float32)
    expected = Traversal(
        picks=np.array([0, 2, 1, 3]),
        pick_squared=np.array([4, 4, 1, 0], np.float32),
        pick_nearest=np.array([0, 1, 0, 3]),
        base_squared=np.array([4, 1, 4, 4], np.float32),
        base_nearest=np.array([0, 0, 1, 1]),
        squared=np.zeros(4, np.float32),
        nearest=np.array([2, 4, 3, 5]),
    )
    assert_equal(traversal(candidates, base, 9, np.float32(0)), expected)
    assert_equal(coreset(candidates, base, 9), expected)


@given(st.data())
@settings(max_examples=100, deadline=None)
def test_plain_program_is_the_rule(data: st.DataObject) -> None:
    candidates = data.draw(embedding_sets(smallest=1, largest=40))
    base, limit, threshold = data.draw(bases_for(candidates)), data.draw(st.integers(0, 45)), data.draw(thresholds)
    expected = traversal(candidates, base, limit, threshold)
    assert_equal(plain.farthest_first(candidates, base, limit, threshold), expected)


@pytest.mark.thorough
@ONE_PROCESS
@given(st.data())
@settings(max_examples=150, deadline=None)
def test_fast_program_is_the_rule(data: st.DataObject) -> None:
    from curation.selection.kcenter import fast

    candidates = data.draw(embedding_sets(smallest=1, largest=120))
    base, limit, threshold = data.draw(bases_for(candidates)), data.draw(st.integers(0, 125)), data.draw(thresholds)
    tuning = fast.Tuning(
        group_size=data.draw(st.integers(2, 40)),
        run_radius=data.draw(st.sampled_from([0.0, 0.05, np.inf])),
        cluster_from=data.draw(st.sampled_from([0.0, np.inf])),
        outer=data.draw(st.integers(1, 60)),
        inner=data.draw(st.integers(1, 40)),
        width=data.draw(st.integers(4, 64)),
        window=data.draw(st.integers(1, 80)),
        threads=data.draw(st.integers(1, 3)),
    )
    found = fast.farthest_first(candidates, base, limit, threshold, tuning)
    assert_equal(found, plain.farthest_first(candidates, base, limit, threshold))


@given(st.data())
@settings(max_examples=100, deadline=None)
def test_batched_program_is_the_rule(data: st.DataObject) -> None:
    from curation.selection.kcenter import batched

    candidates = data.draw(embedding_sets(smallest=1, largest=120))
    base, limit, threshold = data.draw(bases_for(candidates)), data.draw(st.integers(0, 125)), data.draw(thresholds)
    found = batched.farthest_first(candidates, base, limit, threshold, "cpu", data.draw(st.integers(1, 60)))
    assert_equal(found, plain.farthest_first(candidates, base, limit, threshold))


@pytest.mark.thorough
@ONE_PROCESS
def test_cases_of_the_property_check() -> None:
    assert [line for case in range(60) for line in failures_of(2, case)] == []


@ONE_PROCESS
def test_property_check_finds_a_wrong_program(monkeypatch: pytest.MonkeyPatch) -> None:
    right = plain.farthest_first

    def wrong(
        candidates: NDArray[np.float32], base: NDArray[np.float32], limit: int, threshold: np.float32
    ) -> Traversal:
        return right(candidates, base[::-1], limit, threshold)

    monkeypatch.setattr(coreset_properties, "programs", lambda rng: {"wrong": wrong})
    result = CliRunner().invoke(coreset_properties.main, ["--cases", "30"])
    assert result.exit_code == 1
    assert "of seed 1: wrong: " in result.output


@pytest.mark.thorough
@ONE_PROCESS
@pytest.mark.parametrize(("radius", "cluster_from"), [(np.inf, 0.0), (0.0, 0.0), (0.0, np.inf)])
def test_a_bound_of_few_directions_changes_nothing(radius: float, cluster_from: float) -> None:
    from curation.selection.kcenter import fast, short_vectors

    vectors = leaning("clustered", 700, 1)
    candidates, base = vectors[:600], vectors[600:]
    tuning = fast.Tuning(
        group_size=8, run_radius=radius, cluster_from=cluster_from, outer=60, inner=30, width=16, quick_from=0
    )
    with few_directions_first():
        assert short_vectors.fit(candidates, base, 150).n_leading == 14
        found = fast.farthest_first(candidates, base, 150, np.float32(0), tuning)
    assert_equal(found, plain.farthest_first(candidates, base, 150, np.float32(0)))


@pytest.mark.thorough
@ONE_PROCESS
@given(st.data())
@settings(max_examples=150, deadline=None)
def test_a_bound_of_few_directions_is_the_rule(data: st.DataObject) -> None:
    from curation.selection.kcenter import fast

    candidates, base = data.draw(leaning_sets(largest=80))
    limit, threshold = data.draw(st.integers(20, 85)), data.draw(thresholds)
    tuning = fast.Tuning(
        group_size=data.draw(st.integers(2, 20)),
        run_radius=data.draw(st.sampled_from([0.0, 0.05, np.inf])),
        cluster_from=data.draw(st.sampled_from([0.0, np.inf])),
        outer=data.draw(st.integers(1, 40)),
        inner=data.draw(st.integers(1, 20)),
        width=data.draw(st.integers(1, 32)),
        window=data.draw(st.integers(1, 80)),
        quick_from=data.draw(st.sampled_from([0, 10])),
        threads=1,
    )
    with few_directions_first():
        found = fast.farthest_first(candidates, base, limit, threshold, tuning)
    assert_equal(found, plain.farthest_first(candidates, base, limit, threshold))


@pytest.mark.thorough
@ONE_PROCESS
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("with_base", [False, True])
def test_programs_agree_on_thousands(kind: str, with_base: bool) -> None:
    from curation.selection.kcenter import batched, fast

    candidates = embeddings_of_kind(kind, 1500, 24, 1)
    base = embeddings_of_kind(kind, 150, 24, 2)[: 150 * with_base]
    expected = plain.farthest_first(candidates, base, 300, np.float32(0))
    for radius, cluster_from, window in ((np.inf, 0.0, 100), (0.0, 0.0, 65), (0.0, np.inf, 2**16)):
        tuning = fast.Tuning(run_radius=radius, cluster_from=cluster_from, outer=200, inner=80, window=window)
        assert_equal(fast.farthest_first(candidates, base, 300, np.float32(0), tuning), expected)
    assert_equal(batched.farthest_first(candidates, base, 300, np.float32(0), "cpu", 64), expected)


@pytest.mark.parametrize("kind", KINDS)
def test_distance_in_torch_is_the_distance(kind: str) -> None:
    import torch

    from curation.selection.kcenter import batched

    for dimension in (1, 7, 8, 33, 128):
        points, others = embeddings_of_kind(kind, 50, dimension, 3), embeddings_of_kind("random", 50, dimension, 4)
        found = batched.squared_distances(torch.tensor(points), torch.tensor(others))
        assert found.tolist() == squared_distances(points, others).tolist()


@pytest.mark.thorough
@ONE_PROCESS
def test_compiled_distances_are_the_distance() -> None:
    from curation.selection.kcenter.kernels import quick_distance, sum_in_lanes

    for dimension in (1, 7, 8, 33, 128):
        points = embeddings_of_kind("nearly equal", 40, dimension, 3)
        points[::2] = embeddings_of_kind("random", 20, dimension, 4)
        expected = squared_distances(points, points[1]).tolist()
        assert [sum_in_lanes(points, row, points, 1) for row in range(40)] == expected
        assert all(quick_distance(points, row, points, 1) in (expected[row], -1) for row in range(40))


@pytest.mark.thorough
@ONE_PROCESS
def test_the_quick_distance_says_when_rounding_decides() -> None:
    from curation.selection.kcenter.kernels import quick_distance, sum_in_lanes

    points = np.array([[0, 0], [1, 2.0**-12], [1, 2.0**-10]], np.float32)  # 1 + 2^-24 is as near to 1 as to 1 + 2^-23
    assert [quick_distance(points, row, points, 0) for row in range(3)] == [0, -1, np.float32(1 + 2.0**-20)]
    assert sum_in_lanes(points, 1, points, 0) == squared_distances(points, points[0])[1]


@pytest.mark.thorough
@ONE_PROCESS
def test_large_work_takes_the_fast_program(monkeypatch: pytest.MonkeyPatch) -> None:
    candidates = embeddings_of_kind("video", 500, 8, 0)
    expected = coreset(candidates, candidates[:0], 50)
    monkeypatch.setattr(plain, "farthest_first", None)
    monkeypatch.setattr(coreset_module, "_PLAIN_UP_TO", 0)
    assert_equal(coreset(candidates, candidates[:0], 50), expected)


@given(embedding_sets(smallest=2))
def test_prefix(candidates: NDArray[np.float32]) -> None:
    empty = candidates[:0]
    whole, half = coreset(candidates, empty, len(candidates)), coreset(candidates, empty, len(candidates) // 2)
    assert whole.picks[: len(half.picks)].tolist() == half.picks.tolist()
    assert whole.pick_squared[: len(half.picks)].tolist() == half.pick_squared.tolist()
    kept = np.setdiff1d(np.arange(len(candidates)), half.picks)
    rest = coreset(candidates[kept], candidates[half.picks], len(candidates))
    assert [*half.picks.tolist(), *kept[rest.picks].tolist()] == whole.picks.tolist()


@given(embedding_sets(smallest=1), st.floats(0.001, 2))
def test_min_distance_holds(candidates: NDArray[np.float32], min_distance: float) -> None:
    base = candidates[: len(candidates) // 3]
    found = coreset(candidates, base, len(candidates), squared_threshold(min_distance))
    chosen = np.concatenate([base, candidates[found.picks]]).astype(np.float64)
    for row in range(len(base), len(chosen)):
        distances = np.linalg.norm(chosen[:row] - chosen[row], axis=1)
        assert distances.min(initial=np.inf) >= min_distance * (1 - 1e-7)
    assert (found.squared < squared_threshold(min_distance)).all()


def test_exactly_min_distance_is_kept() -> None:
    corners = np.eye(4, dtype=np.float32)
    assert len(coreset(corners, corners[:1], 9, squared_threshold(2**0.5)).picks) == 3
    assert len(coreset(corners, corners[:1], 9, squared_threshold(1.4143)).picks) == 0


def test_duplicates_come_last_in_order() -> None:
    candidates = embeddings_of_kind("random", 4, 3, 0)[[0, 0, 1, 1, 2, 0]]
    assert coreset(candidates, candidates[:0], 6).picks.tolist()[3:] == [1, 3, 5]


def test_ties_go_to_the_lower_row() -> None:
    assert coreset(np.eye(5, dtype=np.float32), np.empty((0, 0), np.float32), 5).picks.tolist() == [0, 1, 2, 3, 4]


def test_one_candidate_and_none() -> None:
    one = embeddings_of_kind("random", 1, 3, 0)
    assert coreset(one, one[:0], 5).picks.tolist() == [0]
    assert coreset(one, one, 5).pick_squared.tolist() == [0]
    assert len(coreset(one[:0], one, 5).picks) == 0
    assert len(coreset(one, one, 0).picks) == 0


@pytest.mark.parametrize(
    ("available", "free", "expected"), [(False, 0, "fast"), (True, 2**20, "fast"), (True, 2**40, "batched")]
)
def test_large_work_takes_a_gpu_that_has_room(
    available: bool, free: int, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    from curation.selection.kcenter import batched, fast

    candidates = embeddings_of_kind("video", 50, 8, 0)
    result = coreset(candidates, candidates[:0], 5)
    called: list[str] = []

    def program(name: str, *_: object) -> Traversal:
        called.append(name)
        return result

    for name, module in (("fast", fast), ("batched", batched)):
        monkeypatch.setattr(module, "farthest_first", partial(program, name))
    monkeypatch.setattr(torch.cuda, "is_available", lambda: available)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda: (free, free))
    monkeypatch.setattr(coreset_module, "_PLAIN_UP_TO", 0)
    monkeypatch.setattr(coreset_module, "_GPU_FROM", 0)
    assert coreset(candidates, candidates[:0], 5) is result
    assert called == [expected]


def test_gpu_is_not_looked_for_where_there_is_little_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coreset_module, "_gpu_has_room", None)
    assert len(coreset(embeddings_of_kind("video", 50, 8, 0), np.empty((0, 8), np.float32), 5).picks) == 5


def test_gpu_gives_the_same() -> None:
    import torch

    from curation.selection.kcenter import batched

    if not torch.cuda.is_available():
        pytest.skip("torch finds no CUDA device")
    for kind in KINDS:
        candidates, base = embeddings_of_kind(kind, 3000, 65, 1), embeddings_of_kind(kind, 100, 65, 2)
        expected = plain.farthest_first(candidates, base, 500, np.float32(0))
        assert_equal(batched.farthest_first(candidates, base, 500, np.float32(0)), expected)


def test_precision_that_was_set_is_left() -> None:
    import torch

    from curation.selection.kcenter import batched

    candidates = embeddings_of_kind("random", 40, 8, 0)
    torch.set_float32_matmul_precision("medium")
    try:
        found = batched.farthest_first(candidates, candidates[:0], 20, np.float32(0), "cpu")
        assert torch.get_float32_matmul_precision() == "medium"
    finally:
        torch.set_float32_matmul_precision("highest")
    assert_equal(found, plain.farthest_first(candidates, candidates[:0], 20, np.float32(0)))


def test_very_many_picks_have_a_smaller_window() -> None:
    from curation.selection.kcenter import fast

    usual = fast.Tuning()
    assert fast.tuning_for(usual.window) == usual
    assert fast.tuning_for(usual.window + 1).window == usual.window // 2
