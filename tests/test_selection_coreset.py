"""Exact greedy k-center: both programs against ten lines that state the rule."""

from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from stages.selection import coreset as coreset_module
from stages.selection.coreset import coreset
from stages.selection.distance import squared_distances
from stages.selection.kcenter import plain
from stages.selection.stopping import squared_threshold
from stages.selection.traversal import Traversal
from tests.embedding_examples import KINDS, bases_for, embedding_sets, embeddings_of_kind

ONE_PROCESS = pytest.mark.xdist_group("numba")  # compiled once, not once a process


def brute_force(
    candidates: NDArray[np.float32], base: NDArray[np.float32], limit: int, threshold: float
) -> tuple[list[int], list[np.float32], NDArray[np.float32]]:
    """Return picks, their squared distance when picked, and every candidate's squared distance in the end."""
    squared = np.full(len(candidates), np.inf, np.float32)
    for centre in base:
        squared = np.minimum(squared, squared_distances(candidates, centre))
    picks: list[int] = []
    distances: list[np.float32] = []
    while len(picks) < min(limit, len(candidates)):
        left = np.array([-1 if row in picks else squared[row] for row in range(len(candidates))])
        pick = int(left.argmax())
        if left[pick] < threshold:
            break
        picks.append(pick)
        distances.append(squared[pick])
        squared = np.minimum(squared, squared_distances(candidates, candidates[pick]))
    return picks, distances, squared


def first_nearest(point: NDArray[np.float32], centres: NDArray[np.float32], squared: np.float32) -> int:
    """Return the first centre at a known squared distance; -1 without centres."""
    if len(centres) == 0:
        return -1
    distances = squared_distances(centres, point)
    assert distances.min() == squared
    return int(distances.argmin())


def assert_right(
    found: Traversal, candidates: NDArray[np.float32], base: NDArray[np.float32], limit: int, threshold: np.float32
) -> None:
    picks, distances, squared = brute_force(candidates, base, limit, float(threshold))
    assert found.picks.tolist() == picks
    assert found.pick_squared.tolist() == distances
    np.testing.assert_array_equal(found.squared, squared)
    centres = np.concatenate([base, candidates[picks]])
    for rank, pick in enumerate(picks):
        before = centres[: len(base) + rank]
        assert found.pick_nearest[rank] == first_nearest(candidates[pick], before, distances[rank])
    for row, candidate in enumerate(candidates):
        if row in picks:
            assert found.nearest[row] == len(base) + picks.index(row)
        else:
            assert found.nearest[row] == first_nearest(candidate, centres, squared[row])
        assert found.base_nearest[row] == first_nearest(candidate, base, found.base_squared[row])


def assert_equal(one: Traversal, other: Traversal) -> None:
    for field in fields(one):
        np.testing.assert_array_equal(getattr(one, field.name), getattr(other, field.name), err_msg=field.name)


thresholds = st.sampled_from([None, 1e-3, 0.1, 0.5, 1.4142135623730951]).map(squared_threshold)


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_plain_program_is_the_rule(data: st.DataObject) -> None:
    candidates = data.draw(embedding_sets(largest=40))
    base, limit, threshold = data.draw(bases_for(candidates)), data.draw(st.integers(0, 45)), data.draw(thresholds)
    assert_right(plain.farthest_first(candidates, base, limit, threshold), candidates, base, limit, threshold)


@ONE_PROCESS
@given(st.data())
@settings(max_examples=200, deadline=None)
def test_fast_program_is_the_rule(data: st.DataObject) -> None:
    from stages.selection.kcenter import fast

    candidates = data.draw(embedding_sets(smallest=1, largest=120))
    base, limit, threshold = data.draw(bases_for(candidates)), data.draw(st.integers(0, 125)), data.draw(thresholds)
    tuning = fast.Tuning(
        group_size=data.draw(st.integers(2, 40)),
        cluster_from=data.draw(st.sampled_from([0.0, np.inf])),
        outer=data.draw(st.integers(1, 60)),
        inner=data.draw(st.integers(1, 40)),
        width=data.draw(st.integers(4, 64)),
        threads=data.draw(st.integers(1, 3)),
    )
    found = fast.farthest_first(candidates, base, limit, threshold, tuning)
    assert_equal(found, plain.farthest_first(candidates, base, limit, threshold))


@ONE_PROCESS
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("with_base", [False, True])
def test_both_programs_agree_on_thousands(kind: str, with_base: bool) -> None:
    from stages.selection.kcenter import fast

    candidates = embeddings_of_kind(kind, 1500, 24, 1)
    base = embeddings_of_kind(kind, 150, 24, 2)[: 150 * with_base]
    for cluster_from in (0.0, np.inf):
        tuning = fast.Tuning(group_size=64, cluster_from=cluster_from, outer=200, inner=80)
        found = fast.farthest_first(candidates, base, 300, np.float32(0), tuning)
        assert_equal(found, plain.farthest_first(candidates, base, 300, np.float32(0)))


@ONE_PROCESS
def test_compiled_distance_is_the_distance() -> None:
    from stages.selection.kcenter.kernels import squared_distance

    for dimension in (1, 7, 8, 33, 128):
        points = embeddings_of_kind("nearly equal", 40, dimension, 3)
        points[::2] = embeddings_of_kind("random", 20, dimension, 4)
        compiled = [squared_distance(points, row, points, 1) for row in range(40)]
        assert compiled == squared_distances(points, points[1]).tolist()


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
