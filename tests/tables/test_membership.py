"""Which names of a table are among others."""

import pandas as pd
import pytest

from curation.tables.membership import is_among


@pytest.mark.parametrize("names", [["a", "b", "a"], []])
def test_names_among_others(names: list[str]) -> None:
    for table in (pd.Series(names, dtype=str), pd.Series(names, dtype=object), pd.Index(names, dtype=object)):
        assert is_among(table, {"a", "c"}).tolist() == [name == "a" for name in names]
        assert is_among(table, {"b": 1}.keys()).tolist() == [name == "b" for name in names]
