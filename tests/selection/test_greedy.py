"""The product of objectives: its definition on small examples, and the lazy search, which must give the same."""

import math
from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks import strategy_properties
from benchmarks.strategy_properties import Case, differences, failures_of, random_case
from curation.selection.greedy import lazy, plain, search
from curation.selection.greedy.logarithm import natural_logarithm
from curation.selection.kcenter import kernels
from curation.selection.kcenter.fast import Tuning
from curation.selection.objectives import Combined, Diverse, Fixed, Objectives, Quota, Space
from tests.embedding_examples import embeddings_of_kind
from tests.selection.few_directions import few_directions_first, leaning_sets

TURN = embeddings_of_kind("random", 1, 4, 0)


def combined(n: int, objectives: Objectives, limit: int | None = None) -> Combined:
    """Choose among units of whose embeddings nothing is asked."""
    return plain.combined(np.repeat(TURN, n, axis=0), TURN[:0], n if limit is None else limit, None, objectives)


def on_circle(*degrees: float) -> np.ndarray:
    turns = np.deg2rad(degrees)
    return np.stack([np.cos(turns), np.sin(turns)], axis=1).astype(np.float32).reshape(-1, 2)


# ---- the definition


def test_a_negative_strength_takes_low_values_first() -> None:
    values = np.array([0.2, 0.9, 0.0, 1.0])
    found = combined(4, Objectives([Fixed(3, values, -2.0)]))
    assert found.traversal.picks.tolist() == [2, 0, 1, 3]
    assert found.values.tolist() == [[0.0], [0.2], [0.9], [1.0]]
    assert found.places == (3,)


def test_a_negative_distance_stays_near_to_the_selected() -> None:
    objectives = Objectives(diverse=[Diverse(0, None, -1.0)])
    found = plain.combined(on_circle(0, 170, 20, 90), on_circle(10), 4, None, objectives)
    assert found.traversal.picks.tolist() == [0, 2, 3, 1]


def test_a_unit_is_as_far_as_its_farthest_object_and_one_without_comes_last() -> None:
    space = Space(on_circle(10, 20, 0, 90, 95), np.array([0, 0, 2, 2, 3]), on_circle(0))
    for strength, expected in ((1.0, [3, 0, 2, 1]), (-1.0, [0, 2, 3, 1])):
        found = combined(4, Objectives(diverse=[Diverse(0, space, strength)]))
        assert found.traversal.picks.tolist() == expected
        assert found.values[-1] == 0
    assert combined(4, Objectives(diverse=[Diverse(0, space, 1.0)])).values[0, 0] == pytest.approx(
        math.sin(math.radians(95) / 2), abs=1e-6
    )


def test_an_own_smallest_distance_ends_the_selection() -> None:
    space = Space(on_circle(0, 30, 100), np.arange(3), on_circle())
    one = Diverse(0, space, 1.0, np.float32(1.0))
    assert combined(3, Objectives(diverse=[one])).traversal.picks.tolist() == [0, 2]


def test_several_distances_multiply() -> None:
    near, far = (
        Space(on_circle(0, 10), np.arange(2), on_circle(0)),
        Space(on_circle(90, 20), np.arange(2), on_circle(0)),
    )
    assert combined(2, Objectives(diverse=[Diverse(0, far, 1.0)]), 1).traversal.picks.tolist() == [0]
    both = Objectives(diverse=[Diverse(0, far, 1.0), Diverse(1, near, 1.0)])
    assert combined(2, both, 1).traversal.picks.tolist() == [1]


def test_a_quota_takes_the_mean_over_the_members() -> None:
    counts, others = np.array([[1, 0], [0, 3], [2, 1], [0, 0], [0, 0]]), np.array([0, 1, 0, 2, 0])
    quota = Quota(0, np.array([0.5, 0.5]), counts, others, np.array([0, 1]), 1.0)
    found = combined(5, Objectives(quotas=[quota]))
    assert found.traversal.picks.tolist() == [0, 2, 1, 3, 4]
    # after unit 0, both classes have one member; after unit 2, three and two
    np.testing.assert_allclose(found.values.ravel(), [1, 1, 3 / 4, 0, 0])


def test_places_order_the_values() -> None:
    objectives = Objectives([Fixed(5, np.array([0.5]), 1.0), Fixed(1, np.array([0.25]), 1.0)], [Diverse(3, None, 1.0)])
    found = combined(1, objectives)
    assert (found.places, found.values.tolist()) == ((1, 3, 5), [[0.25, 1.0, 0.5]])


# ---- the logarithm


def test_the_logarithm_is_near_the_true_one_and_rises() -> None:
    rng = np.random.default_rng(0)
    values = np.concatenate([rng.random(2000), 10.0 ** rng.uniform(-320, 300, 2000), [1.0, 5e-324]])
    found = natural_logarithm(values)
    true = np.array([math.log(value) for value in values])
    assert (np.abs(found - true) <= np.spacing(np.abs(true))).all()
    small = rng.random(2000).astype(np.float32)
    larger = np.nextafter(small, np.float32(2))
    assert (natural_logarithm(small.astype(float)) < natural_logarithm(larger.astype(float))).all()
    assert natural_logarithm(np.array([0.0, 1.0])).tolist() == [-math.inf, 0]


def test_the_compiled_logarithm_has_the_same_bits() -> None:
    rng = np.random.default_rng(1)
    values = np.concatenate([rng.random(2000), 10.0 ** rng.uniform(-320, 300, 2000), [0.0, 1.0, 5e-324]])
    assert [kernels.natural_logarithm(value) for value in values] == natural_logarithm(values).tolist()


def test_the_logarithm_has_known_bits() -> None:
    found = natural_logarithm(np.array([0.1, 0.3, 0.7, 1e-300]))
    assert [value.hex() for value in found.tolist()] == [math.log(value).hex() for value in (0.1, 0.3, 0.7, 1e-300)]


# ---- the lazy search


@pytest.mark.thorough
@pytest.mark.parametrize("seed", range(8))
def test_both_programs_follow_the_definition(seed: int) -> None:
    for number in range(10 * seed, 10 * seed + 10):
        assert failures_of(random_case(number, may_rise=number % 4 == 0)) == []


@pytest.mark.thorough
@pytest.mark.parametrize("most_kinds", [1, 4096])
def test_more_units_than_fit_above_a_level(most_kinds: int) -> None:
    rng = np.random.default_rng(3)
    n = 1500
    candidates = embeddings_of_kind("clustered", n, 8, 0)
    classes = rng.integers(-1, 5, n)
    quota = Quota(
        2, np.array([0.4, 0.3, 0.2, 0.1, 0]), (classes[:, None] == np.arange(5)).astype(np.int64),
        (classes < 0).astype(np.int64), np.zeros(5, np.int64), 5.0,
    )  # fmt: skip
    space = Space(embeddings_of_kind("random", 2 * n, 5, 1), np.sort(rng.integers(0, n, 2 * n)), candidates[:0, :5])
    objectives = Objectives(
        [Fixed(0, rng.random(n), 1.0)], [Diverse(1, None, 1.0), Diverse(3, space, 2.0, np.float32(0.01))], [quota]
    )
    tuning = Tuning(group_size=16, cluster_from=0, outer=100, inner=30, width=32, most_kinds=most_kinds)
    case = Case(candidates, candidates[:3] * np.float32(-1), 120, np.float32(1e-4), objectives, tuning)
    assert differences(case.plain(), case.lazy()) == []


@pytest.mark.thorough
@given(st.data())
@settings(max_examples=150, deadline=None)
def test_a_bound_of_few_directions_changes_no_product(data: st.DataObject) -> None:
    candidates, base = data.draw(leaning_sets(largest=60))
    n, rng = len(candidates), np.random.default_rng(data.draw(st.integers(0, 2**16)))
    owners = np.sort(rng.integers(0, n, n // 2))
    space = Space(candidates[::-1][: n // 2] * np.float32(1.5), owners, base)
    diverse = [Diverse(1, None, data.draw(st.sampled_from([0.5, 1.0, 30.0])))]
    diverse += [Diverse(2, space, 1.0)] if data.draw(st.booleans()) else []
    weights = data.draw(st.sampled_from([rng.random(n), np.round(rng.random(n), 1), np.ones(n)]))
    tuning = Tuning(
        group_size=data.draw(st.integers(2, 20)),
        cluster_from=data.draw(st.sampled_from([0.0, np.inf])),
        outer=data.draw(st.integers(1, 40)),
        inner=data.draw(st.integers(1, 20)),
        width=data.draw(st.integers(1, 32)),
        quick_from=data.draw(st.sampled_from([0, 20])),
        threads=1,
    )
    threshold = data.draw(st.sampled_from([None, np.float32(0.01)]))
    case = Case(candidates, base, n, threshold, Objectives([Fixed(0, weights, 1.0)], diverse), tuning)
    with few_directions_first():
        found = case.lazy()
    assert differences(case.plain(), found) == []


def test_picks_alone_are_the_same() -> None:
    case = random_case(4)
    found = lazy.picks_only(case.candidates, case.base, case.limit, case.threshold, case.objectives, case.tuning)
    assert found.tolist() == case.plain().traversal.picks.tolist()


@pytest.mark.parametrize(("strength", "is_lazy"), [(1.0, True), (-1.0, False)])
def test_a_large_selection_is_found_lazily(strength: float, is_lazy: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*given: object) -> None:
        raise AssertionError

    objectives = Objectives(diverse=[Diverse(0, None, strength)])
    points = embeddings_of_kind("random", 40, 4, 0)
    expected = plain.combined(points, points[:2], 9, None, objectives)
    monkeypatch.setattr(plain if is_lazy else lazy, "combined", refuse)
    monkeypatch.setattr(search, "_PLAIN_UP_TO", 0)
    assert differences(search.combined(points, points[:2], 9, None, objectives), expected) == []


def test_a_wrong_program_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def backwards(case: Case) -> Combined:
        found = right(case)
        return replace(found, traversal=replace(found.traversal, picks=found.traversal.picks[::-1]))

    right = Case.plain
    monkeypatch.setattr(Case, "plain", backwards)
    result = CliRunner().invoke(strategy_properties.main, ["--cases", "12"])
    assert result.exit_code == 1
    assert "plain: pick 0 has" in result.output
    assert "lazy: picks" in result.output
