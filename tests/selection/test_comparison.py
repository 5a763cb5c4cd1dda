"""Budget curve, knee, and the chosen rule beside others."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from curation.selection import comparison, covering
from curation.selection.comparison import Picks, baselines, compare, coverage_curve, knee, measured_rows
from curation.selection.covering import follow
from curation.selection.distance import euclidean, squared_distances
from curation.selection.nearest import nearest_rows
from curation.selection.rules.coreset import coreset
from curation.selection.rules.random import random
from curation.tables.repeated import RepeatedTexts
from curation.tables.selection import BUDGET_CURVE, COMPARISON
from tests.embedding_examples import bases_for, embedding_sets, embeddings_of_kind


def distances(points: NDArray[np.float32], others: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return (n, m) distances."""
    rows = [euclidean(squared_distances(others, point)) for point in points]
    return np.array(rows).reshape(len(points), len(others))


@given(st.data())
@settings(max_examples=100, deadline=None)
def test_curve_is_the_state_after_each_pick(data: st.DataObject) -> None:
    candidates = data.draw(embedding_sets(smallest=1, largest=30))
    base = data.draw(bases_for(candidates))
    picks = np.array(data.draw(st.permutations(range(len(candidates))))[: data.draw(st.integers(1, 30))])
    found, changes = follow(candidates, base, picks)
    curve = coverage_curve(changes, found.base_squared, len(picks))
    for budget in range(len(picks) + 1):
        selected = np.concatenate([base, candidates[picks[:budget]]])
        if len(selected) == 0:
            assert np.isnan(curve.radius[budget])
            assert np.isnan(curve.mean[budget])
            continue
        nearest = distances(candidates, selected).min(axis=1)
        assert curve.radius[budget] == nearest.max()
        np.testing.assert_allclose(curve.mean[budget], nearest.mean(), atol=1e-12)


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_radius_of_coreset_is_the_distance_of_the_next_pick(data: st.DataObject) -> None:
    candidates = data.draw(embedding_sets(smallest=2, largest=30))
    base = data.draw(bases_for(candidates))
    found = coreset(candidates, base, len(candidates))
    rules = baselines(candidates, base, found, 1, is_coreset=True)
    nothing = RepeatedTexts.of([""] * len(candidates))
    curve, _ = compare(candidates, found, rules, nothing, nothing, 1)
    np.testing.assert_array_equal(curve["coverage_radius"][:-1], curve["pick_distance"][1:])
    assert (np.diff(curve["coreset_pick_distance"][1:]) <= 0).all() or len(base) == 0
    assert list(curve.columns) == BUDGET_CURVE.names


def test_baselines_are_those_rules() -> None:
    candidates, base = embeddings_of_kind("video", 60, 5, 0), embeddings_of_kind("video", 5, 5, 1)
    chosen, _ = follow(candidates, base, np.arange(10, 20))
    rules = baselines(candidates, base, chosen, 3, is_coreset=False)
    assert list(rules) == ["chosen", "coreset", "random"]
    for name, expected in (
        ("coreset", coreset(candidates, base, 10)),
        ("random", random(candidates, base, 10, seed=3)),
    ):
        np.testing.assert_array_equal(rules[name].picks, expected.picks)
        np.testing.assert_array_equal(rules[name].squared, expected.pick_squared)


def test_chance_is_measured_on_its_first_picks_alone_where_there_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    candidates, base = embeddings_of_kind("video", 60, 5, 0), embeddings_of_kind("video", 5, 5, 1)
    chosen, _ = follow(candidates, base, np.arange(20))
    expected = random(candidates, base, 20, seed=3).pick_squared
    monkeypatch.setattr(comparison, "_DRAWN", 7)
    found = baselines(candidates, base, chosen, 3, is_coreset=False)["random"]
    np.testing.assert_array_equal(found.squared[:7], expected[:7])
    assert np.isnan(found.squared[7:]).all()
    curve, table = compare(
        candidates, chosen, {"chosen": found}, RepeatedTexts.of([""] * 60), RepeatedTexts.of([""] * 60), 1
    )
    assert table["smallest_distance"][0] == euclidean(expected[:7]).min()
    assert curve["coverage_radius"].notna().all()


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_changes_in_blocks_are_those_of_every_pair(data: st.DataObject) -> None:
    candidates = data.draw(embedding_sets(smallest=1, largest=40))
    base = data.draw(bases_for(candidates))
    picks = np.array(data.draw(st.permutations(range(len(candidates)))))
    until = np.array(data.draw(st.lists(st.integers(0, len(picks)), min_size=len(picks), max_size=len(picks))))
    _, start = nearest_rows(candidates, base)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(covering, "_ROWS", data.draw(st.integers(1, 50)))
        patch.setattr(covering, "_COLUMNS", data.draw(st.integers(1, 50)))
        found = covering.changes(candidates, candidates[picks], start, until)
    expected = []
    for row, point in enumerate(candidates):
        nearest = start[row]
        for pick, squared in enumerate(squared_distances(candidates[picks[: until[row]]], point)):
            if squared < nearest:
                nearest = squared
                expected.append((row, pick, squared))
    assert list(zip(found.row, found.pick, found.squared, strict=True)) == expected


def test_comparison_by_hand() -> None:
    degrees = np.deg2rad([0, 60, 90, 180])
    candidates = np.stack([np.cos(degrees), np.sin(degrees)], axis=1).astype(np.float32)
    rules = {
        "chosen": Picks(np.array([0, 3]), np.array([np.inf, 4], np.float32)),
        "coreset": Picks(np.array([0, 2]), np.array([np.inf, 2], np.float32)),
        "random": Picks(np.array([1, 2]), np.array([np.inf, 0.2679], np.float32)),
    }
    found, _ = follow(candidates, candidates[:0], rules["chosen"].picks)
    _, table = compare(candidates, found, rules, RepeatedTexts.of(list("abbc")), RepeatedTexts.of(list("vvvw")), 1)
    assert list(table.columns) == COMPARISON.names
    by_rule = table.set_index("rule")
    np.testing.assert_allclose(by_rule["coverage_radius"], [2**0.5, 2**0.5, 2**0.5], rtol=1e-5)
    np.testing.assert_allclose(by_rule["mean_distance"]["chosen"], (1 + 2**0.5) / 4, rtol=1e-5)
    np.testing.assert_allclose(by_rule["smallest_distance"], [2, 2**0.5, 0.2679**0.5], rtol=1e-5)
    np.testing.assert_allclose(by_rule["label_share"], [2 / 3, 2 / 3, 1 / 3])
    np.testing.assert_allclose(by_rule["raw_file_share"], [1, 0.5, 0.5])
    assert set(by_rule["samples"]) == {2}


@pytest.mark.parametrize(
    ("values", "place"),
    [([10, 4, 1, 0.9, 0.8, 0.7], 2), ([5, 4, 3, 2, 1], 0), ([1, 1, 1], 0), ([3.0], 0), ([9, 1, 0], 1)],
)
def test_knee(values: list[float], place: int) -> None:
    assert knee(np.array(values, dtype=float)) == place


def test_very_many_candidates_are_measured_on_a_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(measured_rows(5000, 100, 64)) == 5000
    monkeypatch.setattr(comparison, "_PAIRS", 2e5)
    rows = measured_rows(5000, 100, 64)
    assert len(rows) == 2000
    assert (np.diff(rows) > 0).all()
    assert len(measured_rows(5000, 4000, 64)) == 1000
    monkeypatch.setattr(comparison, "_MANY", 4999)
    assert len(measured_rows(5000, 100, 64)) == 1000
    assert len(measured_rows(4999, 100, 64)) == 2000


def test_nothing_selected_and_no_candidates() -> None:
    candidates = embeddings_of_kind("random", 4, 3, 0)
    for points, base in ((candidates, candidates), (candidates[:0], candidates), (candidates[:0], candidates[:0])):
        found, _ = follow(points, base, np.empty(0, np.int64))
        names = RepeatedTexts.of([""] * len(points))
        curve, table = compare(points, found, baselines(points, base, found, 1, is_coreset=False), names, names, 1)
        assert len(curve) == 1
        assert table["knee"].tolist() == [0, 0, 0]
        assert table["smallest_distance"].isna().all()
