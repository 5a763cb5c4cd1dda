"""The coverage of the candidates by a sequence of picks, pick by pick: the same for every rule.

A candidate's distance to the nearest selected sample only changes when a pick is nearer than all before it. These
few changes are found for each candidate, with exact distances. They hold everything: what covers each candidate in
the end, how far each pick was from those before it, and the state after any number of picks.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits
from tqdm import tqdm

from curation.core.cores import available_cores
from curation.selection.distance import product_slack, squared_distances, squared_norms
from curation.selection.nearest import distinct_rows, nearest_rows
from curation.selection.traversal import Traversal

_ROWS, _COLUMNS = 1024, 256
_PAIRS_AT_ONCE = 2**16

Found = TypeVar("Found")


@dataclass(frozen=True)
class Changes:
    """Each time that a pick is nearer to a candidate than everything selected before.

    Sorted by candidate, then by pick, so that the last change of a candidate names the pick that covers it.

    Attributes:
        row: (c,) int64 candidate.
        pick: (c,) int64 number of the pick, from 0.
        squared: (c,) float32 squared distance between the two.
    """

    row: NDArray[np.int64]
    pick: NDArray[np.int64]
    squared: NDArray[np.float32]


def changes(
    candidates: NDArray[np.float32],
    picked: NDArray[np.float32],
    base_squared: NDArray[np.float32],
    until: NDArray[np.int64] | None = None,
) -> Changes:
    """Find all changes.

    A matrix product gives every distance up to a known error; only where a change is possible by it, the distance is
    computed exactly.

    Args:
        candidates: (n, d) float32.
        picked: (k, d) float32, the picks in order.
        base_squared: (n,) float32 squared distance of each candidate to the base; infinite if that is empty.
        until: (n,) int64 number of picks, from the first, that count for each candidate; None: all do.
    """
    if len(candidates) == 0 or len(picked) == 0:
        return Changes(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.float32))
    centres, first = distinct_rows(picked)  # of equal picks only the first can change anything
    norms, centre_norms = squared_norms(candidates), squared_norms(centres)
    slack = product_slack(candidates.shape[1], float(max(norms.max(), centre_norms.max())))

    def of_rows(start: int) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
        rows = slice(start, start + _ROWS)
        counting = slice(None if until is None else int(np.searchsorted(first, until[rows].max())))
        row, column = _possible_changes(
            *(candidates[rows], norms[rows], centres[counting], centre_norms[counting], base_squared[rows], slack)
        )
        if until is not None:
            counts = first[column] < until[rows][row]
            row, column = row[counts], column[counts]
        exact = _exact(candidates[rows], centres, row, column)
        real = _first_and_falling(row, exact, base_squared[rows])
        return row[real] + start, first[column[real]], exact[real]

    row, pick, squared = (np.concatenate(column) for column in zip(*_on_threads(of_rows, len(candidates)), strict=True))
    return Changes(row, pick, squared)


def _on_threads(task: Callable[[int], Found], n: int) -> list[Found]:
    """Return the results for blocks of `_ROWS` of n rows, in order.

    Each thread takes small matrix products, so BLAS is kept from starting some of its own: they would wait for each
    other for longer than they compute.

    Args:
        task: takes the first row of a block.
        n: rows.
    """
    starts = range(0, n, _ROWS)
    if len(starts) == 1:
        return [task(0)]
    with threadpool_limits(1, user_api="blas"), ThreadPoolExecutor(available_cores()) as executor:
        done = executor.map(task, starts)
        return list(tqdm(done, desc="coverage", total=len(starts), disable=None, leave=False))


def _possible_changes(
    points: NDArray[np.float32],
    norms: NDArray[np.float32],
    centres: NDArray[np.float32],
    centre_norms: NDArray[np.float32],
    start: NDArray[np.float32],
    slack: np.float32,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the (row, column) where a distance may be below all to its left and below the row's start.

    Most points have no change among most blocks of centres: the smallest value of the block tells.

    Args:
        points: (n, d).
        norms: (n,) their squared lengths.
        centres: (k, d).
        centre_norms: (k,) their squared lengths.
        start: (n,) exact squared distances.
        slack: see `product_slack`.

    Returns:
        Both sorted by row, then by column.
    """
    reached = start.copy()
    parts = [(np.empty(0, np.int64), np.empty(0, np.int64))]
    for column in range(0, len(centres), _COLUMNS):
        columns = slice(column, column + _COLUMNS)
        bound = points @ (centres[columns] * np.float32(-2)).T
        bound += centre_norms[None, columns]
        lowest = bound.min(axis=1) + norms
        some = np.flatnonzero(lowest < reached + 2 * slack)
        row, place = _possibly_falling(bound[some] + norms[some, None], reached[some], slack)
        parts.append((some[row], place + column))
        np.minimum(reached, lowest, out=reached)
    rows, places = (np.concatenate(part) for part in zip(*parts, strict=True))
    order = np.argsort(rows, kind="stable")
    return rows[order], places[order]


def _possibly_falling(
    bound: NDArray[np.float32], start: NDArray[np.float32], slack: np.float32
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the (row, column) where a value may be below all values to its left and below the row's start.

    Args:
        bound: (n, k) values, each off by at most `slack`.
        start: (n,) values, likewise.
        slack: see above.
    """
    reached = np.empty_like(bound)
    reached[:, 0] = start
    reached[:, 1:] = bound[:, :-1]
    np.minimum.accumulate(reached, axis=1, out=reached)
    reached += 2 * slack
    row, column = np.nonzero(bound < reached)
    return row.astype(np.int64), column.astype(np.int64)


def _exact(
    points: NDArray[np.float32], others: NDArray[np.float32], row: NDArray[np.int64], column: NDArray[np.int64]
) -> NDArray[np.float32]:
    """Return the squared distances of pairs, (p,) float32."""
    exact = np.empty(len(row), np.float32)
    for start in range(0, len(row), _PAIRS_AT_ONCE):
        pairs = slice(start, start + _PAIRS_AT_ONCE)
        exact[pairs] = squared_distances(points[row[pairs]], others[column[pairs]])
    return exact


def _first_and_falling(
    row: NDArray[np.int64], values: NDArray[np.float32], start: NDArray[np.float32]
) -> NDArray[np.bool_]:
    """Tell which values are below all earlier ones of their row and below the row's start.

    The bits of a float that is not negative, read as an integer, keep its order. With a row's number in the upper
    half, one running minimum over all of them starts afresh in each row.

    Args:
        row: (p,) in ascending order.
        values: (p,) not negative.
        start: (n,) a value of each row.
    """
    bits = values.view(np.int32).astype(np.int64) - (row << 32)
    before = np.empty_like(bits)
    before[1:] = np.minimum.accumulate(bits)[:-1]
    begins = np.diff(row, prepend=-1) > 0
    start_bits = start[row].view(np.int32).astype(np.int64) - (row << 32)
    before[begins] = start_bits[begins]
    return bits < np.minimum(before, start_bits)


def follow(
    candidates: NDArray[np.float32], base: NDArray[np.float32], picks: NDArray[np.int64]
) -> tuple[Traversal, Changes]:
    """Return what the picks of any rule mean for every candidate, and all changes on the way.

    Args:
        candidates: (n, d) float32.
        base: (m, d) float32, selected before; may be empty.
        picks: (k,) int64 candidates in order of selection, distinct.
    """
    base_nearest, base_squared = nearest_rows(candidates, base, "distances to the base")
    found = changes(candidates, candidates[picks], base_squared)
    numbers = np.arange(len(picks)) + len(base)
    squared, nearest = base_squared.copy(), base_nearest.copy()
    last = np.diff(found.row, append=len(candidates)) > 0
    squared[found.row[last]] = found.squared[last]
    nearest[found.row[last]] = found.pick[last] + len(base)
    pick_squared, pick_nearest = base_squared[picks], base_nearest[picks]
    rank_of = np.full(len(candidates), -1, np.int64)
    rank_of[picks] = np.arange(len(picks))
    rank = rank_of[found.row]
    before = np.flatnonzero(found.pick < rank)  # changes of a pick before it was picked itself; the last one counts
    last_before = before[np.diff(found.row[before], append=len(candidates)) > 0]
    pick_squared[rank[last_before]] = found.squared[last_before]
    pick_nearest[rank[last_before]] = found.pick[last_before] + len(base)
    squared[picks], nearest[picks] = 0, numbers
    return Traversal(picks, pick_squared, pick_nearest, base_squared, base_nearest, squared, nearest), found
