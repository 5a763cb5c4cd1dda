"""The rule `typiclust`: by hand, and against lines that state it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from curation.selection.distance import squared_distances
from curation.selection.rules import typiclust as module
from curation.selection.rules.typiclust import clustered, typiclust
from curation.selection.stopping import squared_threshold
from curation.selection.typicality import typicality
from tests.embedding_examples import bases_for, embedding_sets, embeddings_of_kind

A, B, C = (0, 3, 5, 6, 8, 12, 15), (90, 95, 100), (180, 183, 184, 190, 191)
"""Three groups in degrees. The most typical point of each is its median: rows 3, 8 and 12."""


def circle(*groups: tuple[float, ...]) -> NDArray[np.float32]:
    radians = np.deg2rad([degree for group in groups for degree in group])
    return np.stack([np.cos(radians), np.sin(radians)], axis=1).astype(np.float32).reshape(-1, 2)


@pytest.mark.parametrize("seed", range(5))
def test_the_largest_clusters_come_first(seed: int) -> None:
    points = circle(A, B, C)
    assert typiclust(points, points[:0], 3, seed=seed).picks.tolist() == [3, 12, 8]


@pytest.mark.parametrize("seed", range(5))
def test_clusters_of_the_base_come_after_all_others(seed: int) -> None:
    candidates = circle(A, B, C)
    assert typiclust(candidates, circle((5,)), 2, seed=seed).picks.tolist() == [12, 8]
    assert typiclust(candidates, circle((93,)), 2, seed=seed).picks.tolist() == [3, 12]
    # Each group has one of the base: of four clusters, one has nothing selected yet.
    base = circle((5, 93, 185))
    clusters = clustered(candidates, base, 1, seed).values()
    (free,) = [rows for rows in clusters if rows[-1] < len(candidates)]
    assert len(clusters) == 4
    assert typiclust(candidates, base, 1, seed=seed).picks[0] in free


def test_equal_candidates_and_equal_clusters_are_taken_in_the_order_of_rows() -> None:
    points = np.repeat(circle((0, 120, 240)), 4, axis=0)
    for seed in range(5):
        assert typiclust(points, points[:0], 3, seed=seed).picks.tolist() == [0, 4, 8]
    assert typiclust(points[:4], points[:0], 3, seed=1).picks.tolist() == [0, 1, 2]


def test_more_samples_than_clusters(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_CLUSTERS", 3)
    points = circle(A, B, C)
    picks = typiclust(points, points[:0], 7, seed=1).picks.tolist()
    assert picks[:3] == [3, 12, 8]
    assert ["AAAAAAABBBCCCCC"[pick] for pick in picks] == ["A", "C", "B", "A", "C", "B", "A"]


def stated(
    candidates: NDArray[np.float32], base: NDArray[np.float32], limit: int, smallest: np.float32, seed: int
) -> list[int]:
    """The rule, each time anew: the cluster with the fewest selected, then the largest, then the lowest row."""
    clusters = [rows.tolist() for rows in clustered(candidates, base, min(limit, len(candidates)), seed).values()]
    n, picks = len(candidates), list[int]()
    while len(picks) < limit:
        selected = np.concatenate([base, candidates[picks]])
        free = {
            row
            for row in set(range(n)) - set(picks)
            if not len(selected) or squared_distances(selected, candidates[row]).min() >= smallest
        }
        left = [cluster for cluster in clusters if free & set(cluster)]
        if not left:
            break
        chosen = min(left, key=lambda rows: (sum(row in picks or row >= n for row in rows), -len(rows), rows[0]))
        own = [row for row in chosen if row < n]
        typical = typicality(candidates[own], base[[row - n for row in chosen if row >= n]])
        picks.append(max(free & set(own), key=lambda row: (typical[own.index(row)], -row)))
    return picks


@given(st.data())
@settings(max_examples=40, deadline=None)
@pytest.mark.thorough
def test_typiclust_is_the_rule(data: st.DataObject) -> None:
    candidates = data.draw(embedding_sets(smallest=1, largest=30))
    base, limit, seed = data.draw(bases_for(candidates)), data.draw(st.integers(1, 33)), data.draw(st.integers(0, 9))
    threshold = squared_threshold(data.draw(st.sampled_from([None, 0.1, 0.5])))
    picks = typiclust(candidates, base, limit, threshold, seed=seed).picks.tolist()
    assert picks == stated(candidates, base, limit, threshold, seed)
    assert picks == typiclust(candidates, base, limit, threshold, seed=seed).picks.tolist()


def test_typiclust_leaves_outliers_that_coreset_would_take() -> None:
    rng = np.random.default_rng(0)
    dense = embeddings_of_kind("clustered", 300, 8, 0)
    outliers = rng.normal(size=(5, 8))
    points = np.concatenate([dense, (outliers / np.linalg.norm(outliers, axis=1, keepdims=True)).astype(np.float32)])
    assert (typiclust(points, points[:0], 3, seed=1).picks < 300).all()
