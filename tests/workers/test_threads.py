"""Jobs done by several threads: results in order, few ahead, errors in their place, signs of life."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice

import pytest

from curation.workers.threads import Alive, side_by_side


@contextmanager
def _worker(alive: Alive) -> Iterator[Callable[[int], Iterator[str]]]:
    def do(job: int) -> Iterator[str]:
        for number in range(job % 4):
            alive()
            time.sleep(0.001 * (job % 3))
            yield f"{job}-{number}"
        if job == 13:
            raise ValueError("job 13")

    yield do


@pytest.mark.parametrize("threads", [1, 2, 7])
def test_results_come_in_the_order_of_the_jobs(threads: int) -> None:
    jobs = list(range(12))
    expected = [f"{job}-{number}" for job in jobs for number in range(job % 4)]
    assert list(side_by_side(jobs, _worker, threads, lambda: None)) == expected
    assert list(side_by_side([], _worker, 0, lambda: None)) == []


@pytest.mark.parametrize("threads", [1, 3])
def test_an_error_comes_when_it_is_the_turn_of_its_job(threads: int) -> None:
    before = set(threading.enumerate())
    results = side_by_side(range(40), _worker, threads, lambda: None)
    found = list(islice(results, sum(job % 4 for job in range(14))))
    assert found[-1] == "13-0"
    with pytest.raises(ValueError, match="job 13"):
        next(results)
    assert set(threading.enumerate()) <= before


def test_a_worker_that_cannot_begin_is_told() -> None:
    @contextmanager
    def broken(alive: Alive) -> Iterator[Callable[[int], Iterator[str]]]:
        raise MemoryError
        yield lambda job: iter(())  # type: ignore[unreachable]

    with pytest.raises(MemoryError):
        list(side_by_side([1, 2], broken, 2, lambda: None))


def test_few_results_wait_and_nothing_goes_on_when_nobody_wants_them() -> None:
    given = 0

    @contextmanager
    def counting(alive: Alive) -> Iterator[Callable[[int], Iterator[int]]]:
        def do(job: int) -> Iterator[int]:
            nonlocal given
            for number in range(100):
                given += 1
                yield number

        yield do

    results = side_by_side([1, 2, 3], counting, 2, lambda: None)
    assert list(islice(results, 3)) == [0, 1, 2]
    time.sleep(0.05)
    assert given <= 3 + 2 * (8 + 1)
    results.close()
    assert given <= 3 + 2 * (8 + 2)


def test_signs_of_life_are_passed_on_while_no_result_comes() -> None:
    signs = 0

    def note() -> None:
        nonlocal signs
        signs += 1

    @contextmanager
    def slow(alive: Alive) -> Iterator[Callable[[str], Iterator[str]]]:
        def do(job: str) -> Iterator[str]:
            for _ in range(20):
                time.sleep(0.02)
                if job == "lively":
                    alive()
            yield job

        yield do

    assert list(side_by_side(["lively"], slow, 1, note)) == ["lively"]
    assert 1 <= signs <= 20
    signs = 0
    assert list(side_by_side(["still"], slow, 1, note)) == ["still"]
    assert signs == 0
