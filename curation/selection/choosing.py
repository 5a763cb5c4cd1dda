"""Picking one candidate after the other by a rule that does not ask for distances, with or without a smallest one."""

import numpy as np
from numpy.typing import NDArray

from curation.selection.covering import follow
from curation.selection.tracking import Selected
from curation.selection.traversal import Traversal


class Choosing:
    """The picks so far, and which candidates may be picked next.

    Distances are brought up to date pick by pick only where there is a smallest one to keep; otherwise all at the end.
    """

    def __init__(
        self, candidates: NDArray[np.float32], base: NDArray[np.float32], threshold: np.float32 | None
    ) -> None:
        """Start with the base.

        Args:
            candidates: (n, d) float32.
            base: (m, d) float32.
            threshold: smallest squared distance of a pick to everything selected, if any.
        """
        self._candidates, self._base = candidates, base
        self._smallest = np.float32(0) if threshold is None else threshold
        self._selected = Selected(candidates, base) if self._smallest > 0 else None
        self._unpicked = np.ones(len(candidates), dtype=bool)
        self._picks: list[int] = []

    def free(self) -> NDArray[np.bool_]:
        """Return which candidates are not picked and not too near to something selected, (n,)."""
        return self._unpicked if self._selected is None else self._selected.squared >= self._smallest

    def is_free(self, candidate: int) -> bool:
        """Tell whether a candidate is not picked and not too near to something selected."""
        if self._selected is None:
            return bool(self._unpicked[candidate])
        return bool(self._selected.squared[candidate] >= self._smallest)

    def add(self, pick: int) -> None:
        """Pick a candidate that is free."""
        self._picks.append(pick)
        self._unpicked[pick] = False
        if self._selected is not None:
            self._selected.add(pick)

    def __len__(self) -> int:
        return len(self._picks)

    def traversal(self) -> Traversal:
        """Return the picks and what covers every candidate."""
        if self._selected is not None:
            return self._selected.traversal()
        return follow(self._candidates, self._base, np.array(self._picks, np.int64))[0]
