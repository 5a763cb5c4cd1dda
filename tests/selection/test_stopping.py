"""The end of a selection."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.selection.distance import euclidean, squared_distances
from curation.selection.stopping import sample_limit, squared_threshold


@pytest.mark.parametrize(
    ("n_candidates", "n_samples", "proportion", "limit"),
    [
        (100, 10, None, 10),
        (5, 10, None, 5),
        (0, 10, None, 0),
        (100, None, 0.07, 7),  # the binary product is 7.000000000000001
        (10, None, 0.25, 3),  # a half is rounded upwards
        (10, None, 0.24, 2),
        (10, None, 0.0001, 1),
        (0, None, 0.5, 0),
        (10, None, 1.0, 10),
        (7, None, 1, 7),
        (100, None, None, 100),
    ],
)
def test_sample_limit(n_candidates: int, n_samples: int | None, proportion: float | None, limit: int) -> None:
    assert sample_limit(n_candidates, n_samples, proportion) == limit


@given(st.integers(1, 10**6), st.floats(1e-9, 1))
def test_a_proportion_gives_at_least_one_and_never_too_many(n_candidates: int, proportion: float) -> None:
    limit = sample_limit(n_candidates, None, proportion)
    assert 1 <= limit <= n_candidates
    assert limit == 1 or abs(limit - proportion * n_candidates) <= 0.500001


@given(st.integers(0, 2**16), st.integers(1, 40))
def test_a_distance_as_it_is_written_keeps_its_sample(seed: int, dimension: int) -> None:
    pair = np.random.default_rng(seed).normal(size=(2, dimension)).astype(np.float32)
    squared = squared_distances(pair[:1], pair[1])
    written = float(repr(float(euclidean(squared)[0])))
    assert squared[0] >= squared_threshold(written)
    assert squared[0] < squared_threshold(written * (1 + 1e-6))


def test_a_distance_computed_in_float64_keeps_its_sample() -> None:
    points = np.random.default_rng(0).normal(size=(2000, 32)).astype(np.float32)
    squared = squared_distances(points, points[0])[1:]
    exact = np.linalg.norm(points[1:].astype(np.float64) - points[0].astype(np.float64), axis=1)
    thresholds = np.array([squared_threshold(distance) for distance in exact])
    assert (squared >= thresholds).all()


def test_no_distance_keeps_duplicates() -> None:
    assert squared_threshold(None) == 0
