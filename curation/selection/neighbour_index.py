"""Searching faiss's indexes: on the GPUs where a GPU build of faiss finds some, else as ever.

A GPU adds up in another order than a processor, so near-equal distances may change places, and rows that tie come in
any order. Therefore some more are asked for than are wanted; the caller compares them all and keeps the nearest.
"""

from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

MORE_ON_GPU = 32
"""How many more neighbours a GPU is asked for."""

MOST_ON_GPU = 2048
"""How many neighbours a search on a GPU returns at most."""


class NeighbourIndex:
    """Finds candidates for the nearest of the rows that a faiss index holds.

    Attributes:
        on_gpu: whether GPUs search. Then only one thread at a time may call `search`.
    """

    def __init__(self, index: Any, wanted: int) -> None:
        """Take an index to the GPUs, if there are some that can hold it and find as many.

        Args:
            index: of faiss, in main memory, filled.
            wanted: neighbours for each query.
        """
        self._index, self._asked_for = index, wanted
        moved = _on_gpus(index) if wanted <= MOST_ON_GPU else None
        self.on_gpu = moved is not None
        if moved is not None:
            self._index = moved
            self._asked_for = min(wanted + MORE_ON_GPU, MOST_ON_GPU, max(wanted, int(index.ntotal)))

    def search(self, queries: NDArray[np.float32]) -> NDArray[np.int64]:
        """Return rows among which the nearest are.

        Args:
            queries: (n, d) float32.

        Returns:
            (n, c) int64, c at least as many as wanted, in no certain order; -1 where there are no more.
        """
        found: NDArray[np.int64] = self._index.search(queries, self._asked_for)[1]
        return found


def _on_gpus(index: Any) -> Any:
    """Return a copy of an index on all GPUs; None where there is none, or not memory enough on one."""
    if faiss.get_num_gpus() == 0:
        return None
    try:
        return faiss.index_cpu_to_all_gpus(index)
    except RuntimeError:  # faiss's only error: mostly out of memory
        return None
