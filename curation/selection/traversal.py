"""The result of every selection rule."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Traversal:
    """Selected samples in order, and which selected sample is the nearest to each candidate.

    Selected samples are numbered as they came: the rows of the base from 0, then the picks. -1 stands for none. Among
    equally near ones the lowest number counts.

    Attributes:
        picks: (k,) int64 candidates in order of selection.
        pick_squared: (k,) float32 squared distance to the nearest sample selected before; infinite if there was none.
        pick_nearest: (k,) int64 number of that sample.
        base_squared: (n,) float32 squared distance of each candidate to the base; infinite if that is empty.
        base_nearest: (n,) int64 row of the base.
        squared: (n,) float32 squared distance of each candidate to everything selected; 0 for picks.
        nearest: (n,) int64 number of that selected sample; a pick's own number for picks.
    """

    picks: NDArray[np.int64]
    pick_squared: NDArray[np.float32]
    pick_nearest: NDArray[np.int64]
    base_squared: NDArray[np.float32]
    base_nearest: NDArray[np.int64]
    squared: NDArray[np.float32]
    nearest: NDArray[np.int64]
