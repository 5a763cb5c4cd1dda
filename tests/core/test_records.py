"""Records kept as columns: the same records come out, in little memory."""

import pickle
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.core.records import Records


@dataclass(frozen=True)
class Inner:
    number: float
    name: str


@dataclass(frozen=True)
class Outer:
    index: int
    flag: bool
    name: str
    inner: Inner | None
    always: Inner


NUMBERS = st.floats(allow_nan=False)
INNER = st.builds(Inner, NUMBERS, st.text(max_size=5))
OUTER = st.builds(Outer, st.integers(-(2**63), 2**63 - 1), st.booleans(), st.text(max_size=9), st.none() | INNER, INNER)


def _records(items: list[Outer]) -> Records[Outer]:
    records = Records(Outer)
    for item in items:
        records.append(item)
    return records


@given(st.lists(OUTER, max_size=8))
def test_what_was_appended_comes_out(items: list[Outer]) -> None:
    records = _records(items)
    assert list(records) == items == records[:] == [records[place] for place in range(len(items))]
    assert records == items
    assert records == _records(items)
    assert pickle.loads(pickle.dumps(records)) == items
    assert [type(each.flag) for each in records] == [bool] * len(items)
    assert list(reversed(records)) == items[::-1]


def test_places_are_those_of_a_sequence() -> None:
    items = [Outer(place, True, str(place), None, Inner(0.5, "é")) for place in range(3)]
    records = _records(items)
    assert records[-1] == items[2]
    assert records[1:] == items[1:]
    assert records != items[:2]
    assert records != 3
    assert repr(records) == f"Records({items!r})"
    for place in (3, -4):
        with pytest.raises(IndexError):
            records[place]
    assert len(Records(Outer)) == 0
    assert not Records(Outer)


def test_other_fields_are_refused() -> None:
    @dataclass(frozen=True)
    class Other:
        anything: list[int]

    with pytest.raises(TypeError, match="no column"):
        Records(Other)


def test_a_hundred_thousand_frames_are_sent_in_few_bytes() -> None:
    records = Records(Outer)
    for place in range(100_000):
        records.append(Outer(place, True, f"{place:032d}", None, Inner(place / 30, "")))
    assert len(pickle.dumps(records)) < 100_000 * 100
