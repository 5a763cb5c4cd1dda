"""UMAP: exact neighbours, strengths that add up as the paper says, and a layout that keeps groups together."""

import os
import subprocess
import sys

import numpy as np
import pytest
from numpy.typing import NDArray

from curation.reporting.compute.distances import principal_plane
from curation.reporting.compute.umap import membership_graph, nearest, umap
from tests.conftest import REPOSITORY


def groups(n_groups: int = 6, members: int = 20, dimension: int = 12) -> NDArray[np.float32]:
    random = np.random.default_rng(5)
    centres = np.repeat(random.normal(size=(n_groups, dimension)), members, axis=0)
    points = centres + 0.15 * random.normal(size=centres.shape)
    unit: NDArray[np.float32] = (points / np.linalg.norm(points, axis=1, keepdims=True)).astype(np.float32)
    return unit


def laid_out(embeddings: NDArray[np.float32], *sizes: int) -> list[NDArray[np.float64]]:
    return umap(embeddings, principal_plane(embeddings).place(embeddings), sizes, 0)


def test_neighbours_are_those_of_a_comparison_of_all_pairs() -> None:
    embeddings = groups()
    rows, distances = nearest(embeddings, 7)
    every = np.linalg.norm(embeddings[:, None].astype(float) - embeddings[None].astype(float), axis=2)
    np.fill_diagonal(every, np.inf)
    assert distances == pytest.approx(np.sort(every, axis=1)[:, :7], abs=1e-3)
    assert np.take_along_axis(every, rows, axis=1) == pytest.approx(distances, abs=1e-3)


def test_among_equally_near_ones_the_first_are_neighbours() -> None:
    rows, distances = nearest(np.ones((6, 3), np.float32), 3)
    assert rows.tolist() == [[1, 2, 3], [0, 2, 3], [0, 1, 3], [0, 1, 2], [0, 1, 2], [0, 1, 2]]
    assert not distances.any()


def test_strengths_are_symmetric_and_as_strong_as_the_paper_wants() -> None:
    neighbours, distances = nearest(groups(), 8)
    graph = membership_graph(neighbours, distances)
    assert abs(graph - graph.T).max() < 1e-12
    assert 0 < graph.data.min() <= graph.data.max() <= 1 + 1e-12
    # A point's own view adds up to log2(k), of which its nearest neighbour has 1; the union is never weaker.
    assert (graph.sum(axis=1) >= np.log2(8) - 1e-6).all()


def test_groups_stay_together() -> None:
    members = 20
    embeddings = groups(members=members)
    for layout in laid_out(embeddings, 5, 15):
        away = np.linalg.norm(layout[:, None] - layout[None], axis=2)
        np.fill_diagonal(away, np.inf)
        same = away.argmin(axis=1) // members == np.arange(len(embeddings)) // members
        assert same.mean() > 0.98


@pytest.mark.parametrize("n", [0, 1, 2, 3, 5])
def test_few_points_have_a_map_too(n: int) -> None:
    embeddings = groups(1, n) if n else np.zeros((0, 4), np.float32)
    small, large = laid_out(embeddings, 5, 50)
    assert small.shape == large.shape == (n, 2)
    assert np.isfinite(large).all()


def test_equal_points_have_a_map() -> None:
    (layout,) = laid_out(np.ones((30, 4), np.float32), 5)
    assert np.isfinite(layout).all()


@pytest.mark.thorough
def test_the_map_does_not_depend_on_the_number_of_threads() -> None:
    code = (
        "import hashlib\n"
        "from tests.reporting.test_umap import groups, laid_out\n"
        "layouts = laid_out(groups(30, 20, 32), 5, 15)\n"
        "print([hashlib.sha256(layout.tobytes()).hexdigest() for layout in layouts])"
    )
    results = [
        subprocess.run(
            [sys.executable, "-c", code],
            cwd=REPOSITORY,
            env={**os.environ, "OMP_NUM_THREADS": threads, "NUMBA_NUM_THREADS": threads},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for threads in ("1", "2")
    ]
    assert results[0] == results[1]
    assert results[0].count("'") == 4
