"""Texts of which many are equal."""

import numpy as np
import pandas as pd
import pytest

from curation.tables.repeated import RepeatedTexts


@pytest.mark.parametrize("texts", [["b", "a", "b", ""], ["a"], []])
def test_it_is_a_sequence_of_texts(texts: list[str]) -> None:
    for given in (texts, pd.Series(texts, dtype=str), pd.Series(texts, dtype=str, index=range(7, 7 + len(texts)))):
        found = RepeatedTexts.of(given)
        assert list(found) == texts
        assert len(found) == len(texts)
        assert np.array(found, dtype=object).tolist() == texts
        assert list(found[1:]) == texts[1:]
        assert len(set(found.numbers.tolist())) == len(set(texts))


def test_some_of_them() -> None:
    found = RepeatedTexts.of(["b", "a", "b", "c"])
    assert list(found.at(np.array([3, 0, 0]))) == ["c", "b", "b"]
    assert found[-1] == "c"


def test_the_numbers_alone() -> None:
    found = RepeatedTexts.of(["b", "a", "b"]).numbered()
    assert (found.numbers.tolist(), len(found)) == ([0, 1, 0], 3)
    with pytest.raises(IndexError):
        _ = found[0]
