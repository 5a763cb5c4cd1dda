"""The objectives whose product a selection by strategies makes large, and what comes out.

Every objective is a number `v` from 0 to 1 of each unit, with a strength: `v` to that power is a factor of the
product, or `1 - v` to the power of its absolute value where it is negative. `curation.selection.greedy.plain` defines
the picks.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from curation.selection.traversal import Traversal


@dataclass(frozen=True)
class Space:
    """Vectors between which distances are measured: of the units themselves, or of objects in them.

    Attributes:
        items: (r, d) float32 vectors of the candidates' items.
        owners: (r,) int64 unit of each item, ascending.
        base: (m, d) float32 vectors of what was selected before.
    """

    items: NDArray[np.float32]
    owners: NDArray[np.int64]
    base: NDArray[np.float32]


@dataclass(frozen=True)
class Diverse:
    """The distance to everything selected, which falls with every pick (DIVERSITY).

    A unit is as far as its farthest item. When it is picked, all its items are selected. `v` is half the distance, 1
    at most. A unit without items is picked last, whatever the sign of the strength.

    Attributes:
        place: of the strategy in `select.strategies`.
        space: what is measured; None: the embeddings of the units.
        strength: exponent.
        smallest: own smallest squared distance of a pick in that space; None: any.
    """

    place: int
    space: Space | None
    strength: float
    smallest: np.float32 | None = None


@dataclass(frozen=True)
class Fixed:
    """An objective that no pick changes (WEIGHTS, TYPICALITY, SIMILARITY).

    Attributes:
        place: of the strategy in `select.strategies`.
        values: (n,) float64 from 0 to 1.
        strength: exponent.
    """

    place: int
    values: NDArray[np.float64]
    strength: float


@dataclass(frozen=True)
class Quota:
    """A wanted distribution over classes (BALANCE).

    Attributes:
        place: of the strategy in `select.strategies`.
        target: (c,) float64 shares.
        counts: (n, c) int64 members of each class that a unit has.
        others: (n,) int64 members that it has of classes without a share.
        before: (c,) int64 members of each class in the base.
        strength: exponent, above 0.
    """

    place: int
    target: NDArray[np.float64]
    counts: NDArray[np.int64]
    others: NDArray[np.int64]
    before: NDArray[np.int64]
    strength: float


@dataclass(frozen=True)
class Objectives:
    """The factors of the product.

    Attributes:
        fixed: what does not change.
        diverse: distances to the selected.
        quotas: wanted distributions.
    """

    fixed: Sequence[Fixed] = field(default=())
    diverse: Sequence[Diverse] = field(default=())
    quotas: Sequence[Quota] = field(default=())

    @property
    def places(self) -> tuple[int, ...]:
        """Places of all of them in `select.strategies`, ascending."""
        every: list[Fixed | Diverse | Quota] = [*self.fixed, *self.diverse, *self.quotas]
        return tuple(sorted(one.place for one in every))


@dataclass(frozen=True)
class Combined:
    """The result of a selection by strategies.

    Attributes:
        traversal: the picks, and what covers every candidate.
        values: (k, t) float64 `v` of each objective at the moment of each pick; columns in the order of `places`.
        places: of the objectives in `select.strategies`.
    """

    traversal: Traversal
    values: NDArray[np.float64]
    places: tuple[int, ...]
