"""Looking up names of a table among others, for all at once.

pandas' own `isin` takes a second for 50,000 texts of a set.
"""

from collections.abc import Set as AbstractSet

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from curation.tables.memory import give_back


def is_among(names: "pd.Series[str] | pd.Index[str]", known: "pd.Series[str] | AbstractSet[str]") -> NDArray[np.bool_]:
    """Return whether each of n names is known, (n,).

    Args:
        names: of a table.
        known: another column; or a set, or the keys of a mapping, in which names are found as they are.
    """
    if not isinstance(known, pd.Series):
        return np.fromiter((name in known for name in names.to_numpy(object)), dtype=np.bool_, count=len(names))
    found: NDArray[np.bool_] = pc.is_in(arrow_texts(names), value_set=arrow_texts(known)).to_numpy(zero_copy_only=False)
    return found


def are_together(rows: pd.DataFrame, known: pd.DataFrame, columns: tuple[str, str]) -> NDArray[np.bool_]:
    """Return whether two texts of each of n rows stand together in one row of another table, (n,).

    Args:
        rows: to look up.
        known: the other table.
        columns: of the texts, in both; neither has the character of number 0.
    """
    if not len(rows) or not len(known):
        return np.zeros(len(rows), dtype=bool)
    first, second = columns
    one, other = (table[first] + "\0" + table[second] for table in (rows, known))
    return is_among(one, other)


def rows_of(names: "pd.Series[str]", among: "pd.Series[str]") -> NDArray[np.int64]:
    """Return for each of m names its row in another column, (m,); -1 where it has none.

    Args:
        names: to look up.
        among: n names, each once.
    """
    asked, known = arrow_texts(names), arrow_texts(among)
    if asked.equals(known):  # as in a first iteration: looking up would take more memory than the embeddings
        return np.arange(len(known))
    if len(asked) < len(known):
        return _rows_of_few(asked, known)
    found = pc.index_in(asked, value_set=known)
    rows: NDArray[np.int64] = found.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
    del found
    give_back(len(among))
    return rows


def _rows_of_few(asked: pa.Array, known: pa.Array) -> NDArray[np.int64]:
    """Do the same for few names, in the memory that these take."""
    different = asked.dictionary_encode()
    number = pc.index_in(known, value_set=different.dictionary)
    is_asked = number.is_valid().to_numpy(zero_copy_only=False)
    row_of = np.full(len(different.dictionary), -1, np.int64)
    row_of[number.drop_null().to_numpy()] = np.flatnonzero(is_asked)
    rows: NDArray[np.int64] = row_of[different.indices.to_numpy()]
    return rows


def arrow_texts(names: "pd.Series[str] | pd.Index[str]") -> pa.Array:
    """Return texts as one array of Arrow; a column that was put together is several."""
    column = pa.array(names, type=pa.large_string())
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
