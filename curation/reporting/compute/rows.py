"""Looking up the rows of samples by their names, for all names at once."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray


def rows_of(names: "pd.Series[str]", among: "pd.Series[str]") -> NDArray[np.int64]:
    """Return for each of m names its row in another column, (m,); -1 where it has none.

    Args:
        names: to look up.
        among: n names, each once.
    """
    found = pc.index_in(_arrow(names), value_set=_arrow(among))
    rows: NDArray[np.int64] = found.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
    return rows


def is_among(names: "pd.Series[str]", others: "pd.Series[str]") -> NDArray[np.bool_]:
    """Return whether each of m names is in another column, (m,)."""
    known: NDArray[np.bool_] = pc.is_in(_arrow(names), value_set=_arrow(others)).to_numpy(zero_copy_only=False)
    return known


def _arrow(names: "pd.Series[str]") -> pa.Array:
    column = pa.array(names, type=pa.large_string())
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
