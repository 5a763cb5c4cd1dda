"""Every selection rule: what holds for all inputs, and each against lines that state it."""

from collections.abc import Sequence
from dataclasses import fields
from inspect import signature

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from curation.selection.cells import cells, medoid
from curation.selection.covering import follow
from curation.selection.distance import squared_distances
from curation.selection.facility_location import DenseKernel, SparseKernel, lazy_greedy, similarity, to_medoids
from curation.selection.neighbours import nearest_neighbours
from curation.selection.rarity import rarity
from curation.selection.rule import OPTIONS, Options
from curation.selection.rules.coverage import coverage
from curation.selection.rules.diversity_typicality import diversity_typicality
from curation.selection.rules.kmeans import kmeans
from curation.selection.rules.random import random
from curation.selection.rules.registry import RULES, choose
from curation.selection.rules.uniform_time import spread_order, timeline, uniform_time
from curation.selection.stopping import squared_threshold
from curation.selection.traversal import Traversal
from curation.selection.typicality import typicality
from tests.embedding_examples import bases_for, embedding_sets, embeddings_of_kind

every_rule = pytest.mark.parametrize("method", RULES)
thresholds = st.sampled_from([None, 1e-3, 0.1, 0.5, 1.4142135623730951]).map(squared_threshold)


def options_for(n: int, seed: int = 1) -> Options:
    """Three videos of different frame rates; a model is certain of every fourth."""
    videos = [f"video {row % 3}" for row in range(n)]
    return Options(seed, 0.5, np.arange(n) % 4 / 3, videos, np.arange(n) ** 1.5 / 7)


def all_squared(points: NDArray[np.float32], others: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return (n, m) squared distances."""
    return np.array([squared_distances(others, point) for point in points], np.float32).reshape(
        len(points), len(others)
    )


def assert_same(one: Traversal, other: Traversal) -> None:
    for field in fields(one):
        np.testing.assert_array_equal(getattr(one, field.name), getattr(other, field.name), err_msg=field.name)


# ---- all rules


def circle(degrees: Sequence[float]) -> NDArray[np.float32]:
    radians = np.deg2rad(degrees)
    return np.stack([np.cos(radians), np.sin(radians)], axis=1).astype(np.float32).reshape(-1, 2)


@every_rule
def test_the_rule_gives_the_answer_that_it_states(method: str) -> None:
    example = RULES[method].example
    n = len(example.candidates)
    places = np.arange(n, dtype=np.float64)
    options = Options(1, 0.5, np.maximum(1 - places / 10, 0), ["v.mp4"] * n, places)
    found = choose(method, circle(example.candidates), circle(example.base), len(example.picks), None, options)
    assert tuple(found.picks) == example.picks
    assert 0 < len(example.picks) < n


@every_rule
def test_the_rule_says_what_it_needs(method: str) -> None:
    rule = RULES[method]
    parameters = signature(rule.pick).parameters.values()
    by_name = {each.name for each in parameters if each.kind is each.KEYWORD_ONLY and each.default is each.empty}
    assert by_name == set(rule.options) <= set(OPTIONS)
    assert set(OPTIONS) == {field.name for field in fields(Options)}
    assert rule.sentence[0].islower()
    assert not rule.sentence.endswith(".")


@every_rule
@given(st.data())
@settings(max_examples=40, deadline=None)
def test_number_and_distinctness(method: str, data: st.DataObject) -> None:
    candidates = data.draw(embedding_sets(largest=40))
    base, limit = data.draw(bases_for(candidates)), data.draw(st.integers(0, 45))
    found = choose(method, candidates, base, limit, None, options_for(len(candidates)))
    assert len(found.picks) == min(limit, len(candidates))
    assert len(set(found.picks.tolist())) == len(found.picks)
    assert ((found.picks >= 0) & (found.picks < len(candidates))).all()


@every_rule
@given(st.data())
@settings(max_examples=40, deadline=None)
def test_distances_mean_the_same_for_every_rule(method: str, data: st.DataObject) -> None:
    candidates = data.draw(embedding_sets(largest=40))
    base, limit, threshold = data.draw(bases_for(candidates)), data.draw(st.integers(0, 45)), data.draw(thresholds)
    found = choose(method, candidates, base, limit, threshold, options_for(len(candidates)))
    assert_same(found, follow(candidates, base, found.picks)[0])
    centres = np.concatenate([base, candidates[found.picks]])
    squared = all_squared(candidates, centres)
    for rank, pick in enumerate(found.picks):
        before = squared[pick, : len(base) + rank]
        assert found.pick_squared[rank] == before.min(initial=np.inf)
        assert found.pick_nearest[rank] == (before.argmin() if len(before) else -1)
    left = np.setdiff1d(np.arange(len(candidates)), found.picks)
    np.testing.assert_array_equal(found.squared[left], squared[left].min(axis=1, initial=np.inf))
    if len(centres):
        np.testing.assert_array_equal(found.nearest[left], squared[left].argmin(axis=1))
    assert (found.squared[found.picks] == 0).all()
    np.testing.assert_array_equal(found.nearest[found.picks], len(base) + np.arange(len(found.picks)))
    if len(base):
        np.testing.assert_array_equal(found.base_nearest, squared[:, : len(base)].argmin(axis=1))
        np.testing.assert_array_equal(found.base_squared, squared[:, : len(base)].min(axis=1))


@pytest.mark.thorough
@every_rule
@given(st.data())
@settings(max_examples=40, deadline=None)
def test_min_distance_holds_and_nothing_more_fits(method: str, data: st.DataObject) -> None:
    candidates = data.draw(embedding_sets(largest=40))
    base, limit = data.draw(bases_for(candidates)), data.draw(st.integers(0, 45))
    threshold = squared_threshold(data.draw(st.sampled_from([1e-3, 0.1, 0.5, 1.4142135623730951])))
    found = choose(method, candidates, base, limit, threshold, options_for(len(candidates)))
    chosen = candidates[found.picks]
    apart = np.concatenate([all_squared(chosen, base), all_squared(chosen, chosen)], axis=1)
    apart[np.arange(len(chosen)), len(base) + np.arange(len(chosen))] = np.inf
    assert (apart >= threshold).all()
    assert len(found.picks) <= limit
    if len(found.picks) < min(limit, len(candidates)):
        assert (found.squared < threshold).all()


@pytest.mark.thorough
@every_rule
@pytest.mark.parametrize("kind", ["clustered", "duplicated", "nearly equal"])
def test_number_of_threads_has_no_influence(method: str, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    candidates, base = embeddings_of_kind(kind, 1200, 24, 3), embeddings_of_kind("clustered", 50, 24, 4)
    runs = []
    for threads in (1, 3):
        for module in ("facility_location", "neighbours"):
            monkeypatch.setattr(f"curation.selection.{module}.available_cores", lambda threads=threads: threads)
        with threadpool_limits(threads):
            runs.append(choose(method, candidates, base, 40, None, options_for(1200)))
    assert_same(*runs)


@every_rule
def test_no_candidates(method: str) -> None:
    empty, base = np.empty((0, 3), np.float32), embeddings_of_kind("random", 4, 3, 0)
    for before in (base, empty, np.empty((0, 0), np.float32)):
        assert len(choose(method, empty, before, 5, None, options_for(0)).picks) == 0


# ---- following picks


@given(st.data())
@settings(max_examples=40, deadline=None)
def test_every_change_is_found_with_the_state_after_each_pick(data: st.DataObject) -> None:
    candidates = data.draw(embedding_sets(smallest=1, largest=30))
    base = data.draw(bases_for(candidates))
    picks = np.array(data.draw(st.permutations(range(len(candidates))))[: data.draw(st.integers(1, 30))])
    _, changes = follow(candidates, base, picks)
    squared = all_squared(candidates, np.concatenate([base, candidates[picks]]))
    reached = np.minimum.accumulate(np.column_stack([np.full(len(candidates), np.inf), squared]), axis=1)[
        :, len(base) :
    ]
    row, pick = np.nonzero(np.diff(reached, axis=1))
    assert changes.row.tolist() == row.tolist()
    assert changes.pick.tolist() == pick.tolist()
    np.testing.assert_array_equal(changes.squared, reached[row, pick + 1])


# ---- coverage


def brute_coverage(
    candidates: NDArray[np.float32], base: NDArray[np.float32], weights: NDArray[np.float64], count: int
) -> list[int]:
    """Greedy facility location, every gain computed anew for every pick."""
    similar = similarity(all_squared(candidates, candidates))
    counts = weights.astype(np.float32)
    best = similarity(all_squared(candidates, base)).max(axis=1, initial=0)
    picks: list[int] = []
    for _ in range(count):
        gains = [
            -1.0 if row in picks else float((np.maximum(similar[row] - best, 0) * counts).sum())
            for row in range(len(candidates))
        ]
        picks.append(int(np.argmax(gains)))
        best = np.maximum(best, similar[picks[-1]])
    return picks


@given(st.data())
@settings(max_examples=40, deadline=None)
def test_lazy_greedy_is_greedy(data: st.DataObject) -> None:
    candidates = data.draw(embedding_sets(smallest=1, largest=25))
    base = data.draw(bases_for(candidates))
    weights = rarity(candidates, base, 0.5)
    count = data.draw(st.integers(1, len(candidates)))
    covered = similarity(all_squared(candidates, base)).max(axis=1, initial=0)
    table = similarity(all_squared(candidates, candidates))

    class Exact:
        def row(self, candidate: int) -> tuple[slice, NDArray[np.float32]]:
            return slice(None), table[candidate]

    found = lazy_greedy(Exact(), weights, covered, count)
    assert found.tolist() == brute_coverage(candidates, base, weights, count)


def test_kernels_hold_the_similarities() -> None:
    candidates = embeddings_of_kind("video", 300, 8, 0)
    candidates[7] = candidates[200]
    exact = similarity(all_squared(candidates, candidates))
    dense, sparse = DenseKernel(candidates), SparseKernel(candidates, 40)
    for row in range(300):
        np.testing.assert_allclose(dense.row(row)[1], exact[row], atol=1e-6)
        columns, similar = sparse.row(row)
        np.testing.assert_array_equal(similar, exact[row, columns])
        assert row in columns
        assert set(np.argsort(-exact[row], kind="stable")[:30]) <= set(np.asarray(columns).tolist())
    np.testing.assert_array_equal(dense.row(7)[1], dense.row(200)[1])


def test_the_kernel_of_neighbours_gives_the_same_where_all_are_neighbours() -> None:
    candidates, base = embeddings_of_kind("clustered", 30, 8, 0), embeddings_of_kind("random", 3, 8, 1)
    dense = coverage(candidates, base, 6, rare=0.5)
    assert_same(coverage(candidates, base, 6, rare=0.5, dense_up_to=0), dense)


def test_the_kernel_of_neighbours_is_nearly_as_good() -> None:
    candidates = embeddings_of_kind("video", 800, 8, 0)
    reached = [
        similarity(coverage(candidates, candidates[:0], 40, rare=0, dense_up_to=limit).squared).mean()
        for limit in (0, 800)
    ]
    assert reached[0] > reached[1] - 0.01


def test_medoids_do_not_raise_the_cost() -> None:
    candidates = embeddings_of_kind("video", 400, 8, 0)
    base = candidates[:5]
    base_squared = all_squared(candidates, base).min(axis=1)
    weights = rarity(candidates, base, 0.5)
    start = np.arange(100, 120)
    moved = to_medoids(candidates, base_squared, weights, start)

    def cost(picks: NDArray[np.int64]) -> float:
        return float((np.minimum(base_squared, all_squared(candidates, candidates[picks]).min(axis=1)) * weights).sum())

    assert len(set(moved.tolist())) == 20
    assert cost(moved) < 0.9 * cost(start)
    np.testing.assert_array_equal(to_medoids(candidates, base_squared, weights, moved), moved)


@given(embedding_sets(smallest=1, largest=20), st.integers(0, 99))
def test_medoid_has_the_smallest_sum(points: NDArray[np.float32], seed: int) -> None:
    weights = np.random.default_rng(seed).uniform(0.5, 2, len(points))
    sums = (all_squared(points, points).astype(np.float64) * weights).sum(axis=1)
    assert sums[medoid(points, weights)] <= sums.min() + 1e-5 * len(points)


def test_rare_ones_count_for_more() -> None:
    common, rare = embeddings_of_kind("nearly equal", 60, 8, 0), embeddings_of_kind("random", 5, 8, 1)
    weights = rarity(np.concatenate([common, rare]), common[:0], 0.5)
    assert weights[60:].min() > 5 * weights[:60].max()
    assert weights.mean() == pytest.approx(1)
    assert set(rarity(common, common[:0], 0)) == {1.0}


def test_coverage_picks_the_middle_of_what_the_base_leaves() -> None:
    degrees = np.deg2rad([0, 5, 10, 60, 65, 70, 120, 125, 130])
    points = np.stack([np.cos(degrees), np.sin(degrees)], axis=1).astype(np.float32)
    assert sorted(coverage(points, points[:0], 3, rare=0.5).picks.tolist()) == [1, 4, 7]
    assert sorted(coverage(points, points[4:5], 2, rare=0.5).picks.tolist()) == [1, 7]


def test_much_work_means_fewer_medoid_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    candidates = embeddings_of_kind("random", 400, 4, 0)
    nothing = np.full(400, np.inf, np.float32)
    many = to_medoids(candidates, nothing, np.ones(400), np.arange(20))
    monkeypatch.setattr("curation.selection.cells._WORK", 1)
    one = to_medoids(candidates, nothing, np.ones(400), np.arange(20))
    assert one.tolist() != many.tolist() != list(range(20))
    clusters = cells(candidates, nothing, candidates[:20])
    assert one[0] == clusters[0][medoid(candidates[clusters[0]], np.ones(len(clusters[0])))]


# ---- neighbours


@given(embedding_sets(smallest=1, largest=40), st.integers(1, 25))
@settings(deadline=None)
def test_nearest_neighbours(points: NDArray[np.float32], k: int) -> None:
    rows, squared = nearest_neighbours(points, k)
    exact = all_squared(points, points)
    np.fill_diagonal(exact, np.inf)
    width = min(k, len(points) - 1)
    assert rows.shape == squared.shape == (len(points), width)
    np.testing.assert_allclose(squared, np.sort(exact, axis=1)[:, :width], atol=1e-5)
    for row, (found, distances) in enumerate(zip(rows, squared, strict=True)):
        assert row not in found
        assert len(set(found.tolist())) == width
        np.testing.assert_array_equal(exact[row, found], distances)


def test_inverted_lists_find_nearly_all_neighbours(monkeypatch: pytest.MonkeyPatch) -> None:
    points = embeddings_of_kind("video", 3000, 8, 0)
    exact, _ = nearest_neighbours(points, 10)
    monkeypatch.setattr("curation.selection.neighbours._EXACT_UP_TO", 0)
    found, _ = nearest_neighbours(points, 10)
    assert np.mean([len(set(a) & set(b)) for a, b in zip(exact.tolist(), found.tolist(), strict=True)]) > 9.5


# ---- diversity_typicality


@given(st.data())
@settings(max_examples=40, deadline=None)
def test_diversity_typicality_is_the_rule(data: st.DataObject) -> None:
    candidates = data.draw(embedding_sets(smallest=1, largest=30))
    base, limit = data.draw(bases_for(candidates)), data.draw(st.integers(0, 30))
    typical = typicality(candidates, base)
    squared = all_squared(candidates, base).min(axis=1, initial=8)
    picks: list[int] = []
    for _ in range(min(limit, len(candidates))):
        product = np.sqrt(squared.astype(np.float64)) * typical
        product[picks] = -1
        picks.append(int(product.argmax()))
        squared = np.minimum(squared, squared_distances(candidates, candidates[picks[-1]]))
    assert diversity_typicality(candidates, base, limit).picks.tolist() == picks


def test_typicality_is_the_inverse_of_the_mean_distance() -> None:
    points = embeddings_of_kind("random", 50, 6, 0)
    distances = np.sort(np.sqrt(all_squared(points, points)), axis=1)[:, 1:21].mean(axis=1)
    np.testing.assert_allclose(typicality(points[:40], points[40:]), distances.min() / distances[:40], rtol=1e-5)


# ---- kmeans


def test_kmeans_picks_the_middles_large_clusters_first() -> None:
    degrees = np.deg2rad([0, 5, 10, 60, 62, 65, 68, 70, 120, 125, 130])
    points = np.stack([np.cos(degrees), np.sin(degrees)], axis=1).astype(np.float32)
    for seed in range(5):
        found = kmeans(points, points[:0], 3, seed=seed).picks.tolist()
        assert found[0] == 5
        assert sorted(found) == [1, 5, 9]
        assert sorted(kmeans(points, points[5:6], 2, seed=seed).picks.tolist()) == [1, 9]


def test_kmeans_of_much_work_starts_at_random(monkeypatch: pytest.MonkeyPatch) -> None:
    candidates = embeddings_of_kind("clustered", 200, 8, 0)
    usual = kmeans(candidates, candidates[:0], 20, seed=1).picks
    monkeypatch.setattr("curation.selection.clustering._SCATTER_WORK", 1)
    other = kmeans(candidates, candidates[:0], 20, seed=1).picks
    assert len(set(other.tolist())) == 20
    assert usual.tolist() != other.tolist()


# ---- random and uniform_time


def test_random_is_fair_and_seeded() -> None:
    candidates = embeddings_of_kind("clustered", 10, 3, 0)
    counts = np.zeros(10)
    for seed in range(400):
        counts[random(candidates, candidates[:0], 3, seed=seed).picks] += 1
    assert counts.min() > 70  # 120 expected
    once, again = (random(candidates, candidates[:0], 5, seed=7).picks.tolist() for _ in range(2))
    assert once == again


def test_frames_are_evenly_apart() -> None:
    candidates = embeddings_of_kind("video", 120, 4, 0)
    raw_paths = ["a.mp4"] * 60 + ["b.mp4"] * 60
    times = np.concatenate([np.arange(60) / 10, np.arange(60) / 2])  # 6 and 30 seconds
    for seed in range(5):
        picks = np.sort(uniform_time(candidates, candidates[:0], 12, seed=seed, raw_paths=raw_paths, times=times).picks)
        assert (picks < 60).sum() == 2
        np.testing.assert_allclose(np.diff(times[picks[2:]]), 3, atol=0.51)
    assert len({tuple(uniform_time(candidates, candidates[:0], 12, seed=s, raw_paths=raw_paths, times=times).picks)
                for s in range(5)}) > 1  # fmt: skip


def test_all_frames_of_a_video_and_images() -> None:
    candidates = embeddings_of_kind("random", 9, 4, 0)
    raw_paths, times = ["v.mp4"] * 5 + ["a.png", "b.png", "c.png", "d.png"], np.array([0, 1, 2, 3, 4, *[np.nan] * 4])
    found = uniform_time(candidates, candidates[:0], 9, seed=0, raw_paths=raw_paths, times=times)
    assert sorted(found.picks.tolist()) == list(range(9))
    positions, length = timeline(raw_paths, times)
    assert length == 9
    assert positions.tolist() == [4.5, 5.5, 6.5, 7.5, 8.5, 0.5, 1.5, 2.5, 3.5]


def test_images_alone_have_a_time_line() -> None:
    positions, length = timeline(["b", "a"], np.array([np.nan, np.nan]))
    assert (positions.tolist(), length) == ([1.5, 0.5], 2)


@pytest.mark.parametrize("count", [1, 2, 5, 8, 100])
def test_spread_order_is_a_permutation_whose_beginnings_are_spread(count: int) -> None:
    order = spread_order(count)
    assert sorted(order.tolist()) == list(range(count))
    beginning = np.sort(order[: (count + 1) // 2])
    assert np.diff(beginning).max(initial=0) <= 4
