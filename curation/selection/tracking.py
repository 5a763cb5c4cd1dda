"""The samples selected so far, brought up to date pick by pick, with exact distances."""

import numpy as np
from numpy.typing import NDArray

from curation.selection.distance import product_slack, squared_distances, squared_norms
from curation.selection.nearest import nearest_rows
from curation.selection.traversal import Traversal

PICKED = np.float32(-1)
"""Stands for the squared distance of a pick."""


class Selected:
    """The base and the picks so far, and the distance of every candidate to the nearest of them.

    A candidate may be picked as long as `squared` is not below the smallest squared distance asked for: that rules
    out the picks as well.

    Attributes:
        squared: (n,) float32 squared distance to everything selected; infinite if there is nothing, -1 for picks.
    """

    def __init__(self, candidates: NDArray[np.float32], base: NDArray[np.float32]) -> None:
        """Start with the base.

        Args:
            candidates: (n, d) float32.
            base: (m, d) float32, selected before; may be empty.
        """
        self._n_base = len(base)
        self._base_nearest, self._base_squared = nearest_rows(candidates, base, "distances to the base")
        self.squared = self._base_squared.copy()
        self._nearest = self._base_nearest.copy()
        self._comparison = Comparison(candidates)
        self._picks: list[int] = []
        self._pick_squared: list[np.float32] = []
        self._pick_nearest: list[int] = []

    def add(self, pick: int) -> None:
        """Select a candidate that is not selected yet."""
        number = self._n_base + len(self._picks)
        self._picks.append(pick)
        self._pick_squared.append(self.squared[pick])
        self._pick_nearest.append(int(self._nearest[pick]))
        self._comparison.take(pick, number, self.squared, self._nearest)

    def traversal(self) -> Traversal:
        """Return the picks and what covers every candidate."""
        return Traversal(
            np.array(self._picks, np.int64),
            np.array(self._pick_squared, np.float32),
            np.array(self._pick_nearest, np.int64),
            self._base_squared,
            self._base_nearest,
            np.where(self.squared == PICKED, np.float32(0), self.squared),
            self._nearest,
        )


class Comparison:
    """Compares all candidates with one of them."""

    def __init__(self, candidates: NDArray[np.float32]) -> None:
        """Prepare for candidates, (n, d)."""
        self._candidates = candidates
        self._norms = squared_norms(candidates)
        self._slack = product_slack(candidates.shape[1], float(self._norms.max(initial=0)))

    def take(self, pick: int, number: int, squared: NDArray[np.float32], nearest: NDArray[np.int64]) -> None:
        """Write down a pick, and which candidates it is nearest to.

        Args:
            pick: row of a candidate.
            number: of the pick.
            squared: (n,) squared distances to the nearest selected sample; changed in place, `PICKED` for the pick.
            nearest: (n,) number of that sample; changed in place, its own for the pick.
        """
        squared[pick], nearest[pick] = PICKED, number
        rows = self._possibly_nearer(pick, squared)
        exact = squared_distances(self._candidates[rows], self._candidates[pick])
        nearer = exact < squared[rows]
        squared[rows[nearer]], nearest[rows[nearer]] = exact[nearer], number

    def _possibly_nearer(self, pick: int, squared: NDArray[np.float32]) -> NDArray[np.int64]:
        """Return the candidates that may be nearer to a pick than to all selected before.

        `|x|^2 + |c|^2 - 2 x.c` needs one matrix-vector product in float32. Its error is allowed for.
        """
        bound = self._candidates @ self._candidates[pick]
        bound *= np.float32(-2)
        bound += self._norms
        bound += self._norms[pick]
        return np.flatnonzero(bound < squared + self._slack)
