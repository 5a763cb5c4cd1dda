"""Looking up names of a table among others."""

import numpy as np
import pandas as pd
import pytest

from curation.tables.membership import are_together, is_among, rows_of


@pytest.mark.parametrize("names", [["a", "b", "a"], []])
def test_names_among_others(names: list[str]) -> None:
    for table in (pd.Series(names, dtype=str), pd.Series(names, dtype=object), pd.Index(names, dtype=object)):
        assert is_among(table, {"a", "c"}).tolist() == [name == "a" for name in names]
        assert is_among(table, {"b": 1}.keys()).tolist() == [name == "b" for name in names]


@pytest.mark.parametrize("count", [0, 40, 50, 90])
@pytest.mark.parametrize("kind", ["str", object])
def test_rows_are_those_of_a_dictionary(kind: str, count: int) -> None:
    random = np.random.default_rng(3)
    known = [f"é/{number}" for number in random.permutation(50)]
    wanted = [f"é/{number}" for number in random.integers(0, 80, count)]
    row_of = {name: row for row, name in enumerate(known)}
    names, among = pd.Series(wanted, dtype=kind), pd.Series(known, dtype=kind, index=range(7, 57))
    assert rows_of(names, among).tolist() == [row_of.get(name, -1) for name in wanted]
    assert is_among(names, among).tolist() == [name in row_of for name in wanted]


def test_rows_of_the_same_names_are_in_their_order() -> None:
    names = pd.Series(["b", "a", "c"], index=[4, 5, 6])
    assert rows_of(names, pd.Series(["b", "a", "c"])).tolist() == [0, 1, 2]


def test_nothing_is_found_among_nothing() -> None:
    nothing, one = pd.Series([], dtype=str), pd.Series(["a"])
    assert rows_of(one, nothing).tolist() == [-1]
    assert is_among(one, nothing).tolist() == [False]
    assert rows_of(nothing, one).tolist() == []
    assert is_among(nothing, one).tolist() == []


def test_two_texts_stand_together_in_one_row() -> None:
    known = pd.DataFrame({"path": ["a", "b", "ab"], "hash": ["1", "2", "3"]})
    rows = pd.DataFrame({"path": ["a", "a", "b", "a", "ab"], "hash": ["1", "2", "2", "b3", "3"]})
    assert are_together(rows, known, ("path", "hash")).tolist() == [True, False, True, False, True]
    assert are_together(rows, known.iloc[:0], ("path", "hash")).tolist() == [False] * 5
    assert are_together(rows.iloc[:0], known, ("path", "hash")).tolist() == []
