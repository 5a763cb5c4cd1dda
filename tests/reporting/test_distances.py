"""Distances, subsets, collapse measures and the projection behind the report's figures."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from curation.reporting.compute.distances import (
    effective_rank,
    embedding_std,
    nearest_neighbours,
    neighbour_distances,
    pairwise_distances,
    principal_plane,
    subset,
)


def points(*rows: tuple[float, ...]) -> NDArray[np.float32]:
    return np.array(rows, dtype=np.float32)


@given(st.integers(0, 500), st.integers(0, 100))
def test_a_subset_is_sorted_without_repetition_and_no_larger_than_its_limit(n: int, limit: int) -> None:
    rows = subset(n, limit)
    assert len(rows) == min(n, limit)
    assert np.all(np.diff(rows) > 0)
    assert np.array_equal(rows, subset(n, limit))
    assert len(rows) == 0 or 0 <= rows[0] <= rows[-1] < n


def test_pairwise_distances_of_a_right_angled_triangle() -> None:
    assert pairwise_distances(points((0, 0), (3, 0), (0, 4))) == pytest.approx([3, 4, 5])


@pytest.mark.parametrize("n", [0, 1])
def test_fewer_than_two_points_have_no_distances(n: int) -> None:
    embeddings = np.zeros((n, 4), np.float32)
    assert len(pairwise_distances(embeddings)) == 0
    assert len(neighbour_distances(embeddings, 10)) == 0


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 3), st.integers(0, 10_000))
def test_nearest_neighbours_equal_those_of_a_full_search(n: int, m: int, decimals: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    queries = random.normal(size=(n, 3)).round(decimals).astype(np.float32)
    others = random.normal(size=(m, 3)).round(decimals).astype(np.float32)
    found = nearest_neighbours(queries, others)
    full = np.linalg.norm(queries[:, None].astype(np.float64) - others[None], axis=2)
    assert found.distances == pytest.approx(full.min(axis=1), abs=1e-6)
    assert np.linalg.norm(queries - others[found.rows], axis=1) == pytest.approx(full.min(axis=1), abs=1e-5)


def test_a_sample_is_not_its_own_neighbour_but_its_twin_is() -> None:
    embeddings = points((1, 0), (0, 1), (1, 0), (-1, 0))
    assert neighbour_distances(embeddings, 10) == pytest.approx([0, np.sqrt(2), 0, np.sqrt(2)])


def test_neighbours_among_nothing_do_not_exist() -> None:
    found = nearest_neighbours(points((1, 0)), np.empty((0, 2), np.float32))
    assert found.rows.tolist() == [-1]
    assert np.isnan(found.distances).all()


def test_collapsed_embeddings_have_no_spread_and_no_rank() -> None:
    embeddings = np.tile(points((0.6, 0.8)), (50, 1))
    assert embedding_std(embeddings) == pytest.approx(0, abs=1e-6)
    assert effective_rank(embeddings) == 0


def test_evenly_spread_embeddings_fill_their_dimensions() -> None:
    embeddings = np.random.default_rng(0).normal(size=(2_000, 16)).astype(np.float32)
    embeddings /= np.linalg.norm(embeddings, axis=1, keepdims=True)
    assert embedding_std(embeddings) == pytest.approx(1, abs=0.02)
    assert effective_rank(embeddings) == pytest.approx(16, abs=0.2)


def test_embeddings_on_a_line_have_rank_one() -> None:
    assert effective_rank(points((0, 0), (1, 1), (2, 2), (5, 5))) == pytest.approx(1)


@pytest.mark.parametrize("shape", [(200, 5), (6, 40)])
def test_the_projection_keeps_the_largest_variance_with_a_fixed_sign(shape: tuple[int, int]) -> None:
    embeddings = np.random.default_rng(3).normal(size=shape).astype(np.float32)
    embeddings[:, 0] *= 20
    embeddings[:, 1] *= 6
    projection = principal_plane(embeddings)
    centred = embeddings.astype(np.float64) - embeddings.astype(np.float64).mean(axis=0)
    values = np.square(np.linalg.svd(centred, compute_uv=False))
    assert projection.variance == pytest.approx(tuple(values[:2] / values.sum()))
    placed = projection.place(embeddings)
    assert np.square(placed).sum(axis=0) == pytest.approx(values[:2])
    assert np.corrcoef(placed[:, 0], embeddings[:, 0])[0, 1] > 0.9
    assert projection.place(embeddings[2:3]) == pytest.approx(placed[2:3])


@pytest.mark.parametrize(
    "embeddings", [np.zeros((0, 0), np.float32), points((1, 2)), np.ones((9, 3), np.float32), points((1,), (2,), (4,))]
)
def test_the_projection_of_points_without_a_plane_is_flat(embeddings: NDArray[np.float32]) -> None:
    placed = principal_plane(embeddings).place(embeddings)
    assert placed.shape == (len(embeddings), 2)
    assert not placed[:, 1].any()
