"""Exact greedy k-center over shards: the picks of one process, whatever the number of shards.

A round is two messages to every shard:

1. `add`: the new picks. A shard answers with a sketch of its upper bounds, which only fall.
2. `at_least`: a floor. A shard answers with all its candidates that are, exactly, not below it.

The floor is taken from the sketches such that a few thousand candidates of all shards are above it. Among them picks
are made until the farthest is below the floor: everything else, anywhere, was below it before, and has only come
nearer. So each pick is the pick of one process. Floors, and with them the number of rounds, depend on the shards; what
is picked does not. Where very many are equally far, a shard sends only the first of them in the order of picking, and
picks end where the first one that was left out could come next.
"""

from collections.abc import Sequence
from concurrent.futures import Executor
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from curation.selection.sharded.picking import Found, Picker, put_together
from curation.selection.sharded.shard import Sketch
from curation.selection.traversal import Traversal

_LOWEST = np.finfo(np.float32).smallest_subnormal
"""The smallest distance that is none of a duplicate's. Duplicates of selected samples are picked at the end."""

Cover = tuple[NDArray[np.float32], NDArray[np.int32]]
Picks = tuple[NDArray[np.int64], NDArray[np.float32], NDArray[np.int64]]


class Call(Protocol):
    """Calls a method of `curation.selection.sharded.shard.Shard` on every shard, side by side."""

    def __call__(self, method: str, *args: Any, only: int | None = None, replayed: bool = False) -> list[Any]:
        """Return what the shards answer, in their order.

        Args:
            method: name of the method.
            args: its arguments.
            only: the one shard to call.
            replayed: whether a shard that is lost and made anew is to be told again.
        """
        ...


class Sizes(NamedTuple):
    """Sizes that decide how long it takes, never what comes out.

    Attributes:
        target: candidates that the shards should send a round, together.
        most: candidates that a shard sends a round, at most; 1 or more.
    """

    target: int = 4096
    most: int = 8192


def farthest_first(
    call: Call,
    n: int,
    base: NDArray[np.float32],
    limit: int,
    threshold: np.float32,
    executor: Executor,
    sizes: Sizes | None = None,
) -> Traversal:
    """Select like `curation.selection.kcenter.plain.farthest_first`.

    Args:
        call: calls shards, which hold the candidates in their order.
        n: candidates of all shards together, at least 1.
        base: (m, d) float32; may be empty.
        limit: picks at most.
        threshold: the smallest squared distance at which a candidate is still picked.
        executor: threads for the picks.
        sizes: of a round.
    """
    limit = min(limit, n)
    base_cover = _joined(call("begin", base, limit, replayed=True))
    selection = _Selection(call, len(base), limit, executor, sizes or Sizes())
    selection.select(threshold)
    squared, nearest = _joined(call("finish"))
    if threshold <= 0:
        selection.add_duplicates(squared, nearest)
    return Traversal(*selection.picks(), *base_cover, np.maximum(squared, 0), nearest)


class _Selection:
    """The picks so far."""

    def __init__(self, call: Call, n_base: int, limit: int, executor: Executor, sizes: Sizes) -> None:
        self._call, self._n_base, self._limit, self._sizes = call, n_base, limit, sizes
        self._picker = Picker(executor)
        self._picks: list[Picks] = [(np.empty(0, np.int64), np.empty(0, np.float32), np.empty(0, np.int64))]
        self.count = 0

    def select(self, threshold: np.float32) -> None:
        """Pick until the limit, the threshold, or until all that is left are duplicates of selected samples."""
        lowest = max(threshold, _LOWEST)
        sketches = self._first() if self._n_base == 0 else self._call("sketch")
        aim = self._sizes.target
        with tqdm(total=self._limit, desc="select", disable=None, leave=False) as progress:
            progress.update(self.count)
            while self.count < self._limit:
                floor = max(lowest, bound_of(sketches, aim))
                far, last = put_together(self._call("at_least", floor, self._sizes.most), floor)
                if len(far.rows):
                    found = self._picker.pick(far, last, self._n_base + self.count, self._limit - self.count)
                    sketches = self._add(found)
                    progress.update(len(found.rows))
                elif floor > lowest:  # some bounds were above the floor, but no distance is
                    sketches = self._call("sketch")
                else:
                    return
                aim = self._next_aim(aim, len(far.rows))

    def _first(self) -> list[Sketch]:
        """With an empty base, pick candidate 0: nothing is near or far yet."""
        if self._limit == 0:
            return []
        row = np.zeros(1, np.int64)
        (vector,) = self._call("vectors", row, only=0)
        return self._add(Found(row, np.full(1, np.inf, np.float32), np.full(1, -1, np.int64), vector))

    def _add(self, found: Found) -> list[Sketch]:
        """Write down some picks and tell the shards of them."""
        self._append(found.rows, found.squared, found.nearest)
        sketches: list[Sketch] = self._call("add", found.vectors, found.rows, replayed=True)
        return sketches

    def _append(self, rows: NDArray[np.int64], squared: NDArray[np.float32], nearest: NDArray[np.int64]) -> None:
        self._picks.append((rows, squared, nearest))
        self.count += len(rows)

    def add_duplicates(self, squared: NDArray[np.float32], nearest: NDArray[np.int64]) -> None:
        """Pick what is left at distance 0, the lowest candidate first, as far as the limit allows.

        Args:
            squared: (n,) squared distances to everything selected, -1 for picks.
            nearest: (n,) numbers of the nearest; changed in place.
        """
        rows = np.flatnonzero(squared == 0)[: self._limit - self.count]
        first = self._n_base + self.count
        self._append(rows, squared[rows], nearest[rows])
        nearest[rows] = np.arange(first, first + len(rows))

    def _next_aim(self, aim: int, sent: int) -> int:
        """Return how many bounds should be above the next floor: bounds are not exact, so fewer candidates come.

        Args:
            aim: the same, of this floor.
            sent: candidates that came.
        """
        target = self._sizes.target
        if sent < target // 2:
            return int(aim * 1.6) + 1
        return max(int(aim * 0.8), target // 8, 1) if sent > target else aim

    def picks(self) -> Picks:
        """Return all picks: candidates, squared distances to the nearest sample selected before, and its number."""
        rows, squared, nearest = zip(*self._picks, strict=True)
        return np.concatenate(rows), np.concatenate(squared), np.concatenate(nearest)


def bound_of(sketches: Sequence[Sketch], aim: int) -> np.float32:
    """Return a squared distance that about `aim` upper bounds of all shards are not below; 0 if there are none."""
    bounds = np.concatenate([sketch.bounds for sketch in sketches])
    if len(bounds) == 0:
        return np.float32(0)
    order = np.argsort(-bounds, kind="stable")
    above = np.cumsum(np.concatenate([sketch.stands_for for sketch in sketches])[order])
    return np.float32(bounds[order[min(int(np.searchsorted(above, aim)), len(bounds) - 1)]])


def _joined(parts: Sequence[Cover]) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Put together what each shard knows of its candidates: squared distances, and numbers of the nearest selected."""
    squared, nearest = (np.concatenate(column) for column in zip(*parts, strict=True))
    return squared, nearest.astype(np.int64)
