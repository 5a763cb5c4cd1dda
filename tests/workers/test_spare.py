"""Tests of workers that are kept for the next run of the same work."""

import os
import signal
import time
from functools import partial
from pathlib import Path

import pytest

from curation.workers.outcomes import Done, Failure, Limits
from curation.workers.processes import run_in_workers
from curation.workers.spare import SpareWorkers
from curation.workers.worker import Announce

LIMITS = Limits(30, None)


def process_of(item: str, threads: int, announce: Announce, *, place: str = "") -> int:
    """Return the process that works, or end it."""
    if item == "die" or (item == "die once" and not Path(place).exists()):
        Path(place).touch()
        os._exit(3)
    return os.getpid()


def ran(spare: SpareWorkers | None, items: list[str], place: str = "", limits: Limits = LIMITS) -> list[int | Failure]:
    """Return what comes of items, one after the other, in the order in which they end."""
    work = partial(process_of, place=place)
    events = run_in_workers(work, [[item] for item in items], workers=1, cores=1, limits=limits, spare=spare)
    return [
        event.result if isinstance(event, Done) else event for _, event in events if isinstance(event, (Done, Failure))
    ]


def is_alive(process: int) -> bool:
    """Return whether a process exists and is no zombie."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.fixture
def spare() -> SpareWorkers:
    return SpareWorkers()


def test_a_worker_works_for_the_next_run(spare: SpareWorkers) -> None:
    assert ran(spare, ["a"]) == ran(spare, ["b", "c"])[:1]
    spare.end()


def test_workers_end_with_their_run_where_none_are_kept() -> None:
    (one,), (other,) = ran(None, ["a"]), ran(None, ["b"])
    assert one != other
    assert isinstance(one, int)
    assert not is_alive(one)


@pytest.mark.parametrize("change", [{"place": "elsewhere"}, {"limits": Limits(20, None)}])
def test_other_work_and_other_limits_have_workers_of_their_own(spare: SpareWorkers, change: dict[str, object]) -> None:
    (one,) = ran(spare, ["a"])
    assert ran(spare, ["b"], **change) != [one]  # type: ignore[arg-type]
    assert isinstance(one, int)
    assert not is_alive(one)
    spare.end()


def test_a_worker_that_was_killed_meanwhile_is_replaced(spare: SpareWorkers) -> None:
    (one,) = ran(spare, ["a"])
    assert isinstance(one, int)
    os.kill(one, signal.SIGKILL)
    while is_alive(one):
        time.sleep(0.01)
    (other,) = ran(spare, ["b"])
    assert isinstance(other, int)
    assert other != one
    spare.end()


def test_an_item_that_ended_its_process_is_tried_again_alone(spare: SpareWorkers, tmp_path: Path) -> None:
    place = str(tmp_path / "seen")
    first, second = ran(spare, ["a", "die once"], place)
    assert isinstance(second, int)
    assert second != first
    (third,) = ran(spare, ["b"], place)
    assert third not in (first, second)  # the process that had a second try ends with it
    spare.end()


def test_what_ends_its_process_twice_costs_its_item_alone(spare: SpareWorkers, tmp_path: Path) -> None:
    place = str(tmp_path / "seen")
    assert ran(spare, ["die"], place) == [Failure("died", 3)]
    assert len(ran(spare, ["a"], place)) == 1
    spare.end()
