"""With a GPU build of faiss the searches run on the GPUs, one at a time, and come out as on the processor.

No GPU is needed: what faiss does on one is imitated, with sums in another order and ties in any.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Any

import faiss
import numpy as np
import pytest
from numpy.typing import NDArray

from curation.reporting.compute import distances
from curation.selection import neighbours
from curation.selection.neighbour_index import MORE_ON_GPU, MOST_ON_GPU, NeighbourIndex


class OnGpu:
    """An index as a GPU has it: distances differ in the last digits, ties come in any order."""

    def __init__(self, index: Any) -> None:
        self._index, self._rng, self._busy = index, np.random.default_rng(0), Lock()
        self.asked_for = set[int]()

    def search(self, queries: NDArray[np.float32], k: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        assert k <= MOST_ON_GPU
        assert self._busy.acquire(blocking=False), "two searches at the same time"
        self.asked_for.add(k)
        squared, rows = self._index.search(queries, self._index.ntotal)
        blurred = squared * (1 + 1e-6 * self._rng.normal(size=squared.shape)) + 1e-9 * self._rng.random(squared.shape)
        order = np.argsort(blurred, axis=1)[:, :k]
        self._busy.release()
        return np.take_along_axis(squared, order, axis=1), np.take_along_axis(rows, order, axis=1)


@contextmanager
def gpus(number: int = 1, error: Exception | None = None) -> Iterator[list[OnGpu]]:
    """Let faiss find GPUs; yield the indexes that are taken there."""
    taken: list[OnGpu] = []

    def take(index: Any) -> OnGpu:
        if error is not None:
            raise error
        taken.append(OnGpu(index))
        return taken[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(faiss, "get_num_gpus", lambda: number)
        patch.setattr(faiss, "index_cpu_to_all_gpus", take)
        yield taken


def _points(n: int, copies: int = 1, seed: int = 0) -> NDArray[np.float32]:
    """Points of which many lie on a grid, so that distances tie, each `copies` times."""
    rng = np.random.default_rng(seed)
    plain = np.vstack([rng.integers(0, 3, (n // 2, 6)), rng.normal(size=(n - n // 2, 6))]).astype(np.float32)
    return np.repeat(plain, copies, axis=0)


@pytest.mark.parametrize(("n", "copies", "k"), [(1500, 1, 20), (60, 3, 8), (3, 1, 20), (40, 1, 39)])
def test_neighbours_within_a_set_come_out_as_on_the_processor(n: int, copies: int, k: int) -> None:
    points = _points(n, copies)
    rows, squared = neighbours.nearest_neighbours(points, k)
    with gpus() as taken:
        gpu_rows, gpu_squared = neighbours.nearest_neighbours(points, k)
    assert len(taken) == 1
    assert np.array_equal(squared, gpu_squared)
    differing = rows != gpu_rows  # rows that tie with the last one wanted may be others
    assert np.array_equal(squared[differing], np.broadcast_to(squared[:, -1:], squared.shape)[differing])


def test_neighbours_in_another_set_come_out_as_on_the_processor() -> None:
    points = _points(400, 2)
    plain = distances.nearest_neighbours(points[::3], points)
    alone = distances.nearest_neighbours(points, points, own_rows=np.arange(len(points)))
    with gpus() as taken:
        found = distances.nearest_neighbours(points[::3], points)
        found_alone = distances.nearest_neighbours(points, points, own_rows=np.arange(len(points)))
    assert [index.asked_for for index in taken] == [{5 + MORE_ON_GPU}, {6 + MORE_ON_GPU}]
    for expected, other in ((plain, found), (alone, found_alone)):
        assert np.array_equal(expected.rows, other.rows)
        assert np.array_equal(expected.distances, other.distances)


def _index(n: int) -> Any:
    index = faiss.IndexFlatL2(6)
    index.add(_points(n))
    return index


@pytest.mark.parametrize(("wanted", "asked_for"), [(5, 5 + MORE_ON_GPU), (90, 100), (100, 100), (101, 101)])
def test_a_gpu_is_asked_for_more_as_far_as_there_is_more(wanted: int, asked_for: int) -> None:
    with gpus() as taken:
        found = NeighbourIndex(_index(100), wanted)
        assert found.on_gpu
        found.search(_points(10))
    assert taken[0].asked_for == {asked_for}


def test_the_processor_searches_what_gpus_cannot() -> None:
    for number, error, wanted in ((0, None, 5), (1, RuntimeError("out of memory"), 5), (1, None, MOST_ON_GPU + 1)):
        with gpus(number, error) as taken:
            found = NeighbourIndex(_index(100), wanted)
        assert not found.on_gpu
        assert taken == []
        assert found.search(_points(10)).shape == (10, wanted)
    with gpus() as taken:
        assert NeighbourIndex(_index(100), MOST_ON_GPU).search(_points(10)).shape[1] >= 100
    assert taken[0].asked_for == {MOST_ON_GPU}
