"""The frames of a video that are taken."""

from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.video.sampling import EVERY_FRAME, FrameChoice, thinned


def _every(distance: Fraction, frames: int) -> list[Fraction]:
    return [distance * index for index in range(frames)]


def test_all_frames_are_taken_unless_something_limits_them() -> None:
    assert EVERY_FRAME.takes_all
    assert EVERY_FRAME.frames(_every(Fraction(1, 25), 5)) == [0, 1, 2, 3, 4]
    assert not any(choice.takes_all for choice in (FrameChoice(fps=9), FrameChoice(limit=9), FrameChoice(known={})))


@pytest.mark.parametrize(
    ("fps", "rate", "expected"),
    [
        (1, 25, [0, 25, 50, 75]),
        (2, 25, [0, 13, 25, 38, 50, 63, 75, 88]),
        (0.5, 25, [0, 50]),
        (0.1, 10, [0]),
        (10, 25, [0, 3, 5, 8, 10]),
        (25, 25, list(range(100))),
        (1000, 25, list(range(100))),
        (29.97, Fraction(30000, 1001), list(range(100))),
    ],
)
def test_frames_a_second(fps: float, rate: Fraction, expected: list[int]) -> None:
    taken = FrameChoice(fps=fps).frames(_every(1 / Fraction(rate), 100))
    assert taken[: len(expected)] == expected
    assert len(taken) == len(expected) or fps == 10


def test_a_pause_gives_one_frame() -> None:
    seconds = [Fraction(tenths, 10) for tenths in (0, 1, 9, 10, 11, 70, 71, 79, 80)]
    assert FrameChoice(fps=1).frames(seconds) == [0, 3, 5, 8]


@pytest.mark.parametrize("rate", [24, 25, 30, Fraction(24000, 1001), Fraction(30000, 1001), 50, 60])
def test_time_stamps_rounded_to_milliseconds_lose_no_frame(rate: Fraction) -> None:
    for first in range(40):
        stamps = [Fraction(round(1000 * (first + index) / Fraction(rate)), 1000) for index in range(300)]
        assert len(FrameChoice(fps=float(rate)).frames([stamp - stamps[0] for stamp in stamps])) == 300
        each_second = FrameChoice(fps=1).frames([stamp - stamps[0] for stamp in stamps])
        assert each_second[:4] == [0, *(-(-second * Fraction(rate) // 1) for second in (1, 2, 3))]


def test_a_limit_thins_what_is_left() -> None:
    seconds = _every(Fraction(1, 10), 100)
    assert FrameChoice(limit=4).frames(seconds) == [0, 25, 50, 75]
    assert FrameChoice(limit=1).frames(seconds) == [0]
    assert FrameChoice(fps=1, limit=4).frames(seconds) == [0, 20, 50, 70]
    assert FrameChoice(fps=1, limit=40).frames(seconds) == list(range(0, 100, 10))
    assert FrameChoice(limit=3).frames([]) == []


def test_known_frames_are_taken_whatever_else_is_set() -> None:
    choice = FrameChoice(fps=1, limit=1, known={7: "b", 3: "a"})
    assert choice.frames(_every(Fraction(1), 9)) == [3, 7]
    assert choice.confirms({3: "a", 7: "b"})
    assert not choice.confirms({3: "a", 7: "x"})
    assert not choice.confirms({3: "a"})
    assert FrameChoice(fps=1).confirms({3: "a"})


@given(
    st.lists(st.integers(0, 3000), min_size=1, max_size=200),
    st.floats(0.01, 2000),
    st.one_of(st.none(), st.integers(1, 50)),
)
def test_a_sample_is_the_first_frame_at_or_after_its_time(gaps: list[int], fps: float, limit: int | None) -> None:
    stamps = [Fraction(sum(gaps[:number]), 1000) for number in range(len(gaps))]
    taken = FrameChoice(fps=fps).frames(stamps)
    assert taken[0] == 0
    assert taken == sorted(set(taken))
    rate, early = Fraction(str(fps)), Fraction(1, 1000)
    for before, index in pairwise(taken):
        number = (stamps[index] + early) * rate // 1  # of the sample that this frame is
        assert stamps[index - 1] + early < number / rate
        assert all(
            (stamp + early) * rate // 1 == (stamps[before] + early) * rate // 1 for stamp in stamps[before:index]
        )
    thin = FrameChoice(fps=fps, limit=limit).frames(stamps)
    assert thin == thinned(taken, limit)
    assert len(thin) == min(len(taken), limit or len(taken))
    assert thin[0] == 0
    places = [taken.index(index) for index in thin]
    steps = {after - before for before, after in pairwise(places)}
    assert not steps or max(steps) - min(steps) <= 1
