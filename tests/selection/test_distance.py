"""The exact distance and exact nearest neighbours."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from curation.selection.distance import (
    euclidean,
    first_not_finite,
    product_slack,
    short_distance,
    squared_distances,
    squared_norms,
)
from curation.selection.nearest import nearest_rows
from tests.embedding_examples import bases_for, embedding_sets, embeddings_of_kind


def brute_squared(points: NDArray[np.float32], others: NDArray[np.float32]) -> NDArray[np.float32]:
    """All (n, m) squared distances, one pair at a time."""
    return np.array([[squared_distances(p[None], o)[0] for o in others] for p in points], np.float32).reshape(
        len(points), len(others)
    )


@given(embedding_sets(smallest=1))
def test_distance_is_the_rounded_true_sum(points: NDArray[np.float32]) -> None:
    for point, squared in zip(points[:3], squared_distances(points[:3], points[-1]), strict=True):
        true = sum((Fraction(float(a)) - Fraction(float(b))) ** 2 for a, b in zip(point, points[-1], strict=True))
        assert abs(Fraction(float(squared)) - true) <= true * Fraction(6, 10**8)


def test_distance_does_not_depend_on_blocks() -> None:
    points = embeddings_of_kind("random", 9000, 130, 0)
    one_by_one = np.concatenate([squared_distances(points[i : i + 1], points[5]) for i in range(0, 9000, 97)])
    np.testing.assert_array_equal(squared_distances(points, points[5])[::97], one_by_one)


def test_distance_by_row() -> None:
    points = embeddings_of_kind("random", 50, 9, 0)
    by_row = squared_distances(points[:25], points[25:])
    assert by_row.tolist() == [squared_distances(points[i : i + 1], points[25 + i])[0] for i in range(25)]


@given(embedding_sets(smallest=1))
def test_product_slack_covers_the_error_of_a_matrix_product(points: NDArray[np.float32]) -> None:
    norms = squared_norms(points)
    bound = norms[:, None] + norms - 2 * (points @ points.T)
    slack = product_slack(points.shape[1], float(norms.max()))
    assert np.abs(bound - brute_squared(points, points)).max() <= slack


def test_euclidean_of_nothing_is_nan() -> None:
    distances = euclidean(np.array([4, 0, np.inf], np.float32))
    assert distances.tolist()[:2] == [2, 0]
    assert np.isnan(distances[2])


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_first_not_finite(value: float) -> None:
    points = np.zeros((300_000, 2), np.float32)
    assert first_not_finite(points) is None
    points[[290_000, 299_000], 1] = value
    assert first_not_finite(points) == 290_000


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_nearest_rows_are_the_first_of_the_nearest(data: st.DataObject) -> None:
    points = data.draw(embedding_sets(largest=30))
    others = data.draw(bases_for(points))
    index, squared = nearest_rows(points, others)
    brute = brute_squared(points, others)
    if len(others) == 0:
        assert (index == -1).all()
        assert np.isinf(squared).all()
    elif len(points):
        np.testing.assert_array_equal(index, brute.argmin(axis=1))
        np.testing.assert_array_equal(squared, brute.min(axis=1))


def test_nearest_rows_over_several_blocks() -> None:
    points, others = embeddings_of_kind("video", 1500, 3, 0), embeddings_of_kind("duplicated", 5000, 3, 1)
    index, squared = nearest_rows(points, others)
    for i in range(0, 1500, 100):
        all_ = squared_distances(others, points[i])
        assert index[i] == all_.argmin()
        assert squared[i] == all_.min()


@pytest.mark.parametrize(
    ("distance", "text"),
    [(0.0, "0.00"), (1.414, "1.41"), (0.0996, "0.10"), (0.0138, "0.014"), (0.00512, "0.0051"), (0.00001, "0.0000")],
)
def test_a_short_distance_has_the_digits_that_matter(distance: float, text: str) -> None:
    assert short_distance(distance) == text
