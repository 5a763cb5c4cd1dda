"""What items take, while they are worked on, of something that all workers share: room on a disk, say."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Generic

from curation.workers.worker import Item


@dataclass(frozen=True)
class Weights(Generic[Item]):
    """How much is taken at once.

    A worker does one item after the other: a batch takes as much as the heaviest of its items that are left.

    Attributes:
        of: what an item takes; 0 for nothing.
        most: that is taken at once; one item may take more, where no other takes anything.
    """

    of: Callable[[Item], int]
    most: int

    def admit(self, batch: Collection[Item], in_hand: Sequence[Collection[Item]]) -> bool:
        """Return whether a batch may be handed out now; it always may where no other takes anything.

        Args:
            batch: the next one.
            in_hand: what each worker still has to do.
        """
        wanted = self._taken(batch)
        taken = sum(map(self._taken, in_hand)) if wanted else 0
        return not taken or taken + wanted <= self.most

    def _taken(self, batch: Collection[Item]) -> int:
        return max(map(self.of, batch), default=0)
