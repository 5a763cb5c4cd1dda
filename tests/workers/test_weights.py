"""What items take of something that all workers share stays within its limit, and nothing waits for ever."""

from collections import deque
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.workers.outcomes import Done, Limits
from curation.workers.processes import run_in_workers
from curation.workers.weights import Weights
from tests.hostile_work import do_harm

BATCHES = st.lists(st.lists(st.integers(0, 20), min_size=1, max_size=4), max_size=20)


@given(BATCHES, st.integers(0, 30), st.integers(1, 5), st.randoms(use_true_random=False))
def test_no_more_is_taken_than_may_be_but_by_one_item_alone(
    batches: list[list[int]], most: int, workers: int, random: Random
) -> None:
    weights, waiting = Weights(int, most), deque(map(deque, batches))
    in_hand: list[deque[int]] = []
    while waiting or in_hand:
        while waiting and len(in_hand) < workers and weights.admit(waiting[0], in_hand):
            in_hand.append(waiting.popleft())
            taken = [max(batch) for batch in in_hand if max(batch)]
            assert sum(taken) <= most or len(taken) == 1
        assert in_hand, "something can always be done"
        worker = random.choice(in_hand)
        worker.popleft()
        if not worker:
            in_hand.remove(worker)


def test_what_takes_nothing_never_waits() -> None:
    weights = Weights(int, 5)
    assert weights.admit([0, 0], [[9]])
    assert weights.admit([9], [[0], [0]])
    assert not weights.admit([1], [[5]])
    assert not weights.admit([0, 6], [[1]])
    assert weights.admit([2], [[3], []])


@pytest.mark.parametrize("most", [0, 2, 100])
def test_all_is_done_whatever_it_takes(most: int) -> None:
    batches = [["a", "bb"], ["ccc"], ["d"], ["eeeee"]]
    events = run_in_workers(
        do_harm, batches, workers=3, cores=1, limits=Limits(60, None), weight_of=len, most_weight=most
    )
    done = {item: event.result for item, event in events if isinstance(event, Done)}
    assert done == {"a": "A", "bb": "BB", "ccc": "CCC", "d": "D", "eeeee": "EEEEE"}
