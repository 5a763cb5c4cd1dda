"""Greedy k-center on a GPU: the same picks as `curation.selection.kcenter.plain`.

A GPU compares all candidates with hundreds of picks in the time that it takes to hand one pick over. So picks are made
in batches:

1. The thousand or so candidates that come first in the order of picking (the farthest, the lower row on ties) go to
   the main memory. Among them picks are made one by one, until the next one would come after the last of these
   candidates as they were at first: everything outside came after that one, and has only come nearer since.
2. All candidates are compared with the new picks: a matrix product in float32 gives every distance up to a known error
   (`product_slack`), and the pairs that can be nearer by it are computed exactly.

What is compared is exact (`distance`), so neither the device nor the batches have an influence on the result. Any
device of torch does, the CPU too.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from curation.selection.distance import LANES, product_slack, squared_norms
from curation.selection.tracking import Comparison
from curation.selection.traversal import Traversal

_ROUND = 1024
"""Candidates among which picks are made at once."""

_COLUMNS = 2048
_VALUES_A_BLOCK = 2**25
"""Distances that are bounded at once, and values that are in play while pairs are computed exactly."""

_LOW = 2**32 - 1


class Pick(NamedTuple):
    """A candidate that was selected.

    Attributes:
        row: the candidate.
        squared: its squared distance to the nearest sample selected before; infinite if there was none.
        nearest: number of that sample.
    """

    row: int
    squared: np.float32
    nearest: int


def farthest_first(
    candidates: NDArray[np.float32],
    base: NDArray[np.float32],
    limit: int,
    threshold: np.float32,
    device: str = "cuda",
    round_size: int = _ROUND,
) -> Traversal:
    """Select like `curation.selection.kcenter.plain.farthest_first`.

    Args:
        candidates: (n, d) float32, n at least 1.
        base: (m, d) float32; may be empty.
        limit: picks at most.
        threshold: the smallest squared distance at which a candidate is still picked.
        device: where torch compares.
        round_size: candidates among which picks are made at once.
    """
    limit = min(limit, len(candidates))
    with _full_precision(), tqdm(total=limit, desc="select", disable=None, leave=False) as progress:
        cover = Cover(candidates, base, device)
        cover.compare(base, 0)
        base_squared, base_nearest = cover.get()
        picks: list[Pick] = []
        while len(picks) < limit:
            rows = cover.farthest(min(round_size, len(candidates) - len(picks)))
            new = _pick_among(candidates, cover, rows, len(base) + len(picks), limit - len(picks), threshold, progress)
            if not new:
                break
            chosen, number = [pick.row for pick in new], len(base) + len(picks)
            if new[0].squared > 0:  # otherwise only duplicates are left: nothing comes nearer
                cover.compare(candidates[chosen], number)
            cover.take(chosen, number)
            picks += new
        squared, nearest = cover.get()
    return Traversal(
        np.array([pick.row for pick in picks], np.int64),
        np.array([pick.squared for pick in picks], np.float32),
        np.array([pick.nearest for pick in picks], np.int64),
        base_squared,
        base_nearest,
        squared,
        nearest,
    )


class Cover:
    """The nearest selected sample of every candidate, on the device.

    A squared distance and the number of the sample are one integer, the float's bits before the number's: a smaller
    one is nearer, or as near and the lower number. (Floats that are not negative are ordered like their bits.)
    """

    def __init__(self, candidates: NDArray[np.float32], base: NDArray[np.float32], device: str) -> None:
        norms = squared_norms(candidates)
        largest = max(float(norms.max(initial=0)), float(squared_norms(base).max(initial=0)))
        self._slack = float(product_slack(candidates.shape[1], largest))
        self._device = torch.device(device)
        self._points = torch.tensor(candidates, device=self._device)
        self._norms = torch.tensor(norms, device=self._device)
        self._picked = torch.zeros(len(candidates), dtype=torch.bool, device=self._device)
        nothing = torch.full((len(candidates),), torch.inf, device=self._device)
        self._nearest = _packed(nothing, torch.full_like(nothing, _LOW, dtype=torch.int64))

    def get(self, rows: NDArray[np.int64] | None = None) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Return the squared distances and the numbers, (n,) float32 and int64, of some candidates or all."""
        packed = self._nearest if rows is None else self._nearest[torch.tensor(rows, device=self._device)]
        squared, number = _unpacked(packed.cpu())
        return squared.numpy(), np.where(number.numpy() == _LOW, -1, number.numpy())

    def farthest(self, n: int) -> NDArray[np.int64]:
        """Return the n candidates to pick first if nothing came nearer, in that order; at most as many as are left."""
        squared, _ = _unpacked(self._nearest)
        rows = torch.arange(len(squared), device=self._device)
        priority = _packed(squared, _LOW - rows).masked_fill(self._picked, -1)
        found: NDArray[np.int64] = torch.topk(priority, n).indices.cpu().numpy()
        return found

    def take(self, rows: list[int], first_number: int) -> None:
        """Write down picks: each is its own nearest sample."""
        where = torch.tensor(rows, device=self._device)
        numbers = torch.arange(first_number, first_number + len(rows), device=self._device)
        self._nearest[where] = _packed(torch.zeros(len(rows), device=self._device), numbers)
        self._picked[where] = True

    def compare(self, centres: NDArray[np.float32], first_number: int) -> None:
        """Compare all candidates with some selected samples, (b, d) float32, numbered from `first_number` on."""
        for start in range(0, len(centres), _COLUMNS):
            columns = torch.tensor(centres[start : start + _COLUMNS], device=self._device)
            norms = torch.tensor(squared_norms(centres[start : start + _COLUMNS]), device=self._device)
            step = max(1, _VALUES_A_BLOCK // len(columns))
            for first in range(0, len(self._points), step):
                self._compare_block(slice(first, first + step), columns, norms, first_number + start)

    def _compare_block(self, rows: slice, columns: torch.Tensor, norms: torch.Tensor, first_number: int) -> None:
        """Compare some candidates with columns, (b, d), of some squared norms, (b,): the most promising one first."""
        bound = torch.addmm(self._norms[rows, None] + (norms - self._slack), self._points[rows], columns.T, alpha=-2)
        candidates = torch.arange(rows.start, rows.start + len(bound), device=self._device)
        self._take_nearer(candidates, bound.argmin(dim=1), columns, first_number)
        squared, _ = _unpacked(self._nearest[rows])
        row, column = torch.nonzero(bound <= squared[:, None], as_tuple=True)
        self._take_nearer(candidates[row], column, columns, first_number)

    def _take_nearer(self, rows: torch.Tensor, column: torch.Tensor, columns: torch.Tensor, first_number: int) -> None:
        """Compute the exact distances of some pairs, and keep what is nearer."""
        step = max(1, _VALUES_A_BLOCK // max(1, columns.shape[1]))
        for start in range(0, len(rows), step):
            row, other = rows[start : start + step], column[start : start + step]
            found = _packed(squared_distances(self._points[row], columns[other]), first_number + other)
            self._nearest.scatter_reduce_(0, row, found, "amin")


def squared_distances(points: torch.Tensor, others: torch.Tensor) -> torch.Tensor:
    """Return `D` of each pair of rows, the bits of `curation.selection.distance.squared_distances`.

    Every operation here is rounded by itself, in float64, as IEEE 754 says, on any device.

    Args:
        points: (n, d) float32.
        others: (n, d) float32.

    Returns:
        (n,) float32.
    """
    lanes = torch.zeros((len(points), LANES), dtype=torch.float64, device=points.device)
    for start in range(0, points.shape[1], LANES):
        part = points[:, start : start + LANES].double() - others[:, start : start + LANES].double()
        lanes[:, : part.shape[1]] += part.square()
    fours = lanes[:, :4] + lanes[:, 4:]
    twos = fours[:, :2] + fours[:, 2:]
    return (twos[:, 0] + twos[:, 1]).float()


def _pick_among(
    candidates: NDArray[np.float32],
    cover: Cover,
    rows: NDArray[np.int64],
    next_number: int,
    limit: int,
    threshold: np.float32,
    progress: "tqdm[Any]",
) -> list[Pick]:
    """Pick among the candidates that come first, as long as no other can come before them.

    Args:
        candidates: (n, d).
        cover: of all candidates.
        rows: the ones that come first, in that order.
        next_number: number of the first pick.
        limit: picks at most.
        threshold: the smallest squared distance at which a candidate is still picked.
        progress: is called for every pick.
    """
    last = int(rows[-1])
    floor = cover.get(rows[-1:])[0][0]
    rows = np.sort(rows)  # the lower row wins ties
    squared, nearest = cover.get(rows)

    comparison = Comparison(candidates[rows])
    picks: list[Pick] = []
    while len(picks) < min(limit, len(rows)):
        at = int(squared.argmax())
        largest = squared[at]
        if largest < threshold or largest < floor or (largest == floor and rows[at] > last):
            break
        number = next_number + len(picks)
        picks.append(Pick(int(rows[at]), largest, int(nearest[at])))
        comparison.take(at, number, squared, nearest)
        progress.update()
    return picks


def _packed(squared: torch.Tensor, low: torch.Tensor) -> torch.Tensor:
    """Put the bits of a float32 that is not negative before those of a number below 2^32."""
    return (squared.contiguous().view(torch.int32).long() << 32) | low


def _unpacked(packed: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return what was packed."""
    return (packed >> 32).int().view(torch.float32), packed & _LOW


@contextmanager
def _full_precision() -> Iterator[None]:
    """Have torch compute products of float32 in float32, whatever was allowed before: the error is known for that."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("highest")
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)
