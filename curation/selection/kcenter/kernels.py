"""Compiled loops of greedy k-center and of the lazy greedy for products. Importing this module imports numba.

All of them stand in one file, because numba renews its cache of a compiled function when the function's own file
changes, not when that of a function it calls does.

Names: a *row* is a candidate in the order of `Points`; a *column* is a centre, that is a sample of the base or a pick,
numbered as it came. Every pair is first judged by a lower bound on its squared distance, in float32 from a matrix
product (see `curation.selection.kcenter.short_vectors`):

    bound(row, column) = 2 (half[row] - product(row, column)),    product(row, column) = phi_row . phi_column,

where the last value of `phi_column` is minus the centre's half squared norm and that of `phi_row` is 1. A column can
be nearer than what is known of a row only if `bound <= squared[row] + slack`, that is if its product is not below

    half[row] - (squared[row] + slack) / 2        (`_product_needed`).

Only then is the distance computed.

Each array that is passed to a compiled function, by itself or in a tuple, costs two atomic operations to count its
users. So functions that are called once a row get only the tuples that they need, and what is done once a pair is
written out in the loop, on local names, with calls to small functions of a few arrays alone.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar, cast

import numba
import numpy as np
from numpy.typing import NDArray

from curation.selection.greedy.logarithm import LN2_HIGH, LN2_LOW, ROOT_HALF, SERIES

Function = TypeVar("Function", bound=Callable[..., Any])

_REORDERED = {"reassoc", "contract", "nsz", "arcp"}
"""Liberties that let the compiler vectorise a sum. They are given where the result is only a bound."""

_ROUNDED_UP = np.float32(1.000001)
"""Factor that is larger than the rounding errors of a few operations in float32."""

_PRODUCTS_AT_ONCE = 2**19
"""Products of balls and columns that fit into the processor's cache."""

_FEW = 8
"""One in how many columns may pass the coarse bound, for those that do to be judged one by one."""

_MOST = 0.75
"""Share of the columns that pass the coarse bound, from which on the exact one is not worth its time."""

_JUDGED_AT_ONCE = 64
"""Products that are compared with a limit at once, before any of them is looked at."""

_SELDOM = 16
"""One in how many pairs may pass the quick bound, for it to be worth its time."""

_BY_ITSELF, _COPIED = 4, 4
"""How much longer a product takes by itself than in `refresh_all_columns`; rows whose products take as long as to copy
a column."""


def compiled(function: Function) -> Function:
    """Compile without the interpreter's lock; keep the result on disk where there is a place to write."""
    return _compile(function, {})


def compiled_reordered(function: Function) -> Function:
    """The same, and sums may be computed in any order."""
    return _compile(function, {"fastmath": _REORDERED})


def _compile(function: Function, options: dict[str, Any]) -> Function:
    try:
        return cast(Function, numba.njit(cache=True, nogil=True, **options)(function))
    except RuntimeError:  # neither the source folder nor the home folder can be written to
        return cast(Function, numba.njit(nogil=True, **options)(function))


# ---- what is known


class Points(NamedTuple):
    """The candidates, neighbours side by side.

    Attributes:
        vectors: (n, d) float32, in the caller's order.
        order: (n,) int64 row of `vectors` for each row here.
        phi: (n, q) float32 projections, last column 1.
        half: (n,) float32 half squared norms.
        rest: (n,) float32 norms of what the leading values of `phi` leave out.
    """

    vectors: NDArray[np.float32]
    order: NDArray[np.int64]
    phi: NDArray[np.float32]
    half: NDArray[np.float32]
    rest: NDArray[np.float32]


class Centres(NamedTuple):
    """The samples selected so far, and room for those to come.

    Attributes:
        vectors: (k, d) float32.
        phi: (k, q) float32 projections, last column minus the half squared norm.
        coarse: (k, c) float32 coarse projections of those, last column the same; of the columns that groups know.
        rest: (k,) float32 norms of what the leading values of `phi` leave out.
    """

    vectors: NDArray[np.float32]
    phi: NDArray[np.float32]
    coarse: NDArray[np.float32]
    rest: NDArray[np.float32]


class Picks(NamedTuple):
    """The source of the centres.

    Attributes:
        candidate: (k,) int64 row of `Points.vectors`; -1 for the base.
        squared: (k,) float32 squared distance to the nearest centre before; infinite where there is none.
        nearest: (k,) int64 that centre; -1 where there is none.
    """

    candidate: NDArray[np.int64]
    squared: NDArray[np.float32]
    nearest: NDArray[np.int64]


class Cover(NamedTuple):
    """The distance known of each row: an upper bound that is exact once all columns are seen.

    Attributes:
        squared: (n,) float32 squared distance to the nearest centre found; -1 for picks.
        nearest: (n,) int32 that centre, the first among equally near ones.
        seen: (n,) int32 number of columns, from the first, that are accounted for.
    """

    squared: NDArray[np.float32]
    nearest: NDArray[np.int32]
    seen: NDArray[np.int32]


class Groups(NamedTuple):
    """Runs of neighbouring rows, each in a ball of the projection.

    Attributes:
        start: (g + 1,) int64 first row of each group.
        phi: (g, q) float32 middles of the balls, last column 1.
        coarse: (g, c) float32 coarse projections of those, last column 1.
        half: (g,) float32 half squared norms of both.
        radius: (n,) float32, not below the distance of a row to the middle of its ball.
        reach: (g,) float32, not below the `_reach` of any row.
        pending: (g, words) uint64 bit sets of the newest columns that can matter to a row of the group. The bit of a
            column is in word `column // 64`, modulo the number of words.
        near: (g, k) int32 the columns that are nearest to the middle, in no order; -1 where there are fewer. With k = 0
            none are listed, and balls are taken to rule out most columns.
        near_product: (g, k) float32 their products with the middle; minus infinity where there are fewer.
    """

    start: NDArray[np.int64]
    phi: NDArray[np.float32]
    coarse: NDArray[np.float32]
    half: NDArray[np.float32]
    radius: NDArray[np.float32]
    reach: NDArray[np.float32]
    pending: NDArray[np.uint64]
    near: NDArray[np.int32]
    near_product: NDArray[np.float32]


class State(NamedTuple):
    """All of it. The arrays are changed in place.

    Attributes:
        points: the candidates.
        centres: the selected samples.
        picks: which of them are picks.
        cover: the nearest selected sample of each candidate, as far as it is known.
        groups: the groups of candidates.
        slack: how far a bound may be above the squared distance that it bounds, by rounding.
        width: columns a matrix product.
        leading: values of `phi` that give a quicker bound first, with the norm of the rest; 0 for none.
        quick_from: number of centres from which on that is tried: few of the pairs pass it then.
    """

    points: Points
    centres: Centres
    picks: Picks
    cover: Cover
    groups: Groups
    slack: np.float32
    width: int
    leading: int
    quick_from: int


# ---- exact distances


@compiled_reordered
def _sum_of_squares(points: NDArray[np.float32], row: int, others: NDArray[np.float32], column: int) -> np.float64:
    total = np.float64(0)
    for j in range(points.shape[1]):
        difference = np.float64(points[row, j]) - np.float64(others[column, j])
        total += difference * difference
    return total


@compiled
def sum_in_lanes(points: NDArray[np.float32], row: int, others: NDArray[np.float32], column: int) -> np.float32:
    """Return `D` of two vectors, summed as its definition says."""
    lanes = np.zeros(8)
    for j in range(points.shape[1]):
        difference = np.float64(points[row, j]) - np.float64(others[column, j])
        lanes[j % 8] += difference * difference
    total = ((lanes[0] + lanes[4]) + (lanes[2] + lanes[6])) + ((lanes[1] + lanes[5]) + (lanes[3] + lanes[7]))
    return np.float32(total)


@compiled
def quick_distance(points: NDArray[np.float32], row: int, others: NDArray[np.float32], column: int) -> np.float32:
    """Return `D` of two vectors, the bits of `curation.selection.distance.squared_distances`; or -1, hardly ever.

    A float64 sum of d squares in any order is within `(d + 2) u`, u = 2^-53, of the true one, so two orders differ by
    at most twice that. Where that much less and more round to the same float32, the order makes no difference; where
    they do not, `sum_in_lanes` has to tell. Loops call the one and then the other: a function that did so would count
    the users of its arrays every time, which takes longer than the distance.
    """
    total = _sum_of_squares(points, row, others, column)
    margin = total * (points.shape[1] + 4) * 2.0**-51
    low = np.float32(total - margin)
    return low if low == np.float32(total + margin) else np.float32(-1)


# ---- matrix products


class Scratch(NamedTuple):
    """Memory for products of up to some rows and columns.

    Attributes:
        rows: (m q,) float32.
        columns: (b q,) float32.
        products: (m b,) float32.
        open: (b,) int64.
        chosen: (b,) int64.
        chosen_products: (b,) float32.
    """

    rows: NDArray[np.float32]
    columns: NDArray[np.float32]
    products: NDArray[np.float32]
    open: NDArray[np.int64]
    chosen: NDArray[np.int64]
    chosen_products: NDArray[np.float32]


@compiled
def _scratch(state: State, n_rows: int, n_columns: int) -> Scratch:
    q = state.points.phi.shape[1]
    return Scratch(
        np.empty(n_rows * q, np.float32),
        np.empty(n_columns * q, np.float32),
        np.empty(n_rows * n_columns, np.float32),
        np.empty(n_columns, np.int64),
        np.empty(n_columns, np.int64),
        np.empty(n_columns, np.float32),
    )


@compiled
def _copy_row(source: NDArray[np.float32], source_row: int, target: NDArray[np.float32], target_row: int) -> None:
    """Copy one row; `target[i] = source[j]` would do the same and take a second longer to compile."""
    for t in range(source.shape[1]):
        target[target_row, t] = source[source_row, t]


@compiled
def _take_rows(matrix: NDArray[np.float32], rows: NDArray[np.int64], out: NDArray[np.float32]) -> None:
    for r in range(rows.shape[0]):
        _copy_row(matrix, rows[r], out, r)


@compiled
def _products(
    state: State, rows: NDArray[np.int64], columns: NDArray[np.int64], scratch: Scratch
) -> NDArray[np.float32]:
    """Return the products of some rows and columns, (m, b) float32, a view of the scratch memory."""
    m, b, q = rows.shape[0], columns.shape[0], state.points.phi.shape[1]
    left = scratch.rows[: m * q].reshape(m, q)
    right = scratch.columns[: b * q].reshape(b, q)
    products = scratch.products[: m * b].reshape(m, b)
    _take_rows(state.points.phi, rows, left)
    _take_rows(state.centres.phi, columns, right)
    np.dot(left, right.T, products)
    return products


@compiled
def _quick_products(
    state: State, rows: NDArray[np.int64], columns: NDArray[np.int64], scratch: Scratch
) -> NDArray[np.float32]:
    """Return numbers that `_products` of some rows and columns do not exceed, (m, b) float32, from the leading values.

    Half the squared norms are those of all values, so what leaves the distance too small makes the product too large.
    """
    m, b, leading = rows.shape[0], columns.shape[0], state.leading
    phi, rest, centre_phi, centre_rest = state.points.phi, state.points.rest, state.centres.phi, state.centres.rest
    left = scratch.rows[: m * (leading + 2)].reshape(m, leading + 2)
    right = scratch.columns[: b * (leading + 2)].reshape(b, leading + 2)
    products = scratch.products[: m * b].reshape(m, b)
    for r in range(m):
        for t in range(leading):
            left[r, t] = phi[rows[r], t]
        left[r, leading] = rest[rows[r]]
        left[r, leading + 1] = 1
    for c in range(b):
        for t in range(leading):
            right[c, t] = centre_phi[columns[c], t]
        right[c, leading] = centre_rest[columns[c]]
        right[c, leading + 1] = centre_phi[columns[c], -1]
    np.dot(left, right.T, products)
    return products


@compiled
def _product_needed(half: np.float32, squared: np.float32, slack: np.float32) -> np.float32:
    """Return the product from which on a column can be as near as `squared` (see the top)."""
    needed: np.float32 = half - (squared + slack) * np.float32(0.5)
    return needed


@compiled_reordered
def _count_from(products: NDArray[np.float32], needed: np.float32) -> int:
    count = 0
    for k in range(products.shape[0]):
        count += products[k] >= needed
    return count


@compiled
def _list_from(products: NDArray[np.float32], needed: np.float32, found: NDArray[np.int64]) -> int:
    """Write the positions of all products that are not below `needed` into `found`, and return how many they are."""
    count = 0
    for k in range(products.shape[0]):
        if products[k] >= needed:
            found[count] = k
            count += 1
    return count


@compiled
def _settle(
    points: Points,
    centres: Centres,
    cover: Cover,
    row: int,
    products: NDArray[np.float32],
    columns: NDArray[np.int64],
    floor: np.float32,
    slack: np.float32,
    open_: NDArray[np.int64],
) -> None:
    """Compute the exact distance to each column that can be nearer, the most promising first.

    Ends early where the row falls below `floor`: it is then no candidate for the next pick.

    Args:
        points: the candidates.
        centres: the selected samples.
        cover: changed in place.
        row: the row.
        products: (b,) products with the columns.
        columns: (b,) their numbers.
        floor: squared distance.
        slack: see `State`.
        open_: (b,) scratch memory: positions of the columns that are left.
    """
    needed = _product_needed(points.half[row], cover.squared[row], slack)
    if _count_from(products, needed) == 0:
        return
    count = _list_from(products, needed, open_)
    while count > 0:
        best = 0
        for k in range(1, count):
            if products[open_[k]] > products[open_[best]]:
                best = k
        if products[open_[best]] < needed:
            return
        column = columns[open_[best]]
        count -= 1
        open_[best] = open_[count]
        squared = quick_distance(points.vectors, points.order[row], centres.vectors, column)
        if squared < 0:
            squared = sum_in_lanes(points.vectors, points.order[row], centres.vectors, column)
        if squared < cover.squared[row] or (squared == cover.squared[row] and column < cover.nearest[row]):
            cover.squared[row] = squared
            cover.nearest[row] = column
            if squared < floor:
                return
            needed = _product_needed(points.half[row], squared, slack)


@compiled_reordered
def _count_among(products: NDArray[np.float32], first: int, end: int, needed: np.float32) -> int:
    count = 0
    for k in range(first, end):
        count += products[k] >= needed
    return count


@compiled_reordered
def _product(rows: NDArray[np.float32], row: int, columns: NDArray[np.float32], column: int) -> np.float32:
    total = np.float32(0)
    for t in range(rows.shape[1]):
        total += rows[row, t] * columns[column, t]
    return total


@compiled
def _settle_quickly(
    points: Points,
    centres: Centres,
    cover: Cover,
    row: int,
    products: NDArray[np.float32],
    columns: NDArray[np.int64],
    floor: np.float32,
    slack: np.float32,
    scratch: Scratch,
) -> int:
    """Like `_settle`, with products of `_quick_products`: those that are large enough are replaced by the real ones.

    Returns:
        How many were.
    """
    phi, centre_phi, chosen, chosen_products = points.phi, centres.phi, scratch.chosen, scratch.chosen_products
    needed = _product_needed(points.half[row], cover.squared[row], slack)
    count, n_passed = 0, 0
    for first in range(0, products.shape[0], _JUDGED_AT_ONCE):
        end = min(first + _JUDGED_AT_ONCE, products.shape[0])
        passed = _count_among(products, first, end, needed)
        if passed == 0:
            continue
        n_passed += passed
        for k in range(first, end):
            if products[k] >= needed:
                product = _product(phi, row, centre_phi, columns[k])
                if product >= needed:
                    chosen[count] = columns[k]
                    chosen_products[count] = product
                    count += 1
    if count > 0:
        _settle(points, centres, cover, row, chosen_products[:count], chosen[:count], floor, slack, scratch.open)
    return n_passed


@compiled
def _compare_rows(state: State, rows: NDArray[np.int64], column: int) -> None:
    """Compare some rows with a single column."""
    vectors, order, phi, half, _ = state.points
    centre_vectors, centre_phi = state.centres.vectors, state.centres.phi
    cover_squared, cover_nearest, _ = state.cover
    for r in range(rows.shape[0]):
        row = rows[r]
        needed = _product_needed(half[row], cover_squared[row], state.slack)
        if _product(phi, row, centre_phi, column) >= needed:
            squared = quick_distance(vectors, order[row], centre_vectors, column)
            if squared < 0:
                squared = sum_in_lanes(vectors, order[row], centre_vectors, column)
            if squared < cover_squared[row] or (squared == cover_squared[row] and column < cover_nearest[row]):
                cover_squared[row] = squared
                cover_nearest[row] = column


# ---- bringing rows up to date


@compiled
def at_least(values: NDArray[np.float32], limit: np.float32) -> NDArray[np.int64]:
    """Return the positions of the values that are not below `limit`, ascending."""
    found = np.empty(values.shape[0], np.int64)
    count = 0
    for k in range(values.shape[0]):
        if values[k] >= limit:
            found[count] = k
            count += 1
    return found[:count].copy()


@compiled
def _first_not_below(ascending: NDArray[np.int64], value: int) -> int:
    """Return the first position whose value is not below `value`."""
    low, high = 0, ascending.shape[0]
    while low < high:
        middle = (low + high) // 2
        if ascending[middle] < value:
            low = middle + 1
        else:
            high = middle
    return low


@compiled
def _not_below(cover: Cover, rows: NDArray[np.int64], floors: NDArray[np.float32]) -> NDArray[np.int64]:
    """Keep the rows that are not below their floor, at the front of their array."""
    kept = 0
    for r in range(rows.shape[0]):
        if cover.squared[rows[r]] >= floors[rows[r]]:
            rows[kept] = rows[r]
            kept += 1
    return rows[:kept]


@compiled
def _not_seen(cover: Cover, rows: NDArray[np.int64], column: int) -> NDArray[np.int64]:
    """Return the rows that don't account for a column yet."""
    found = np.empty(rows.shape[0], np.int64)
    count = 0
    for r in range(rows.shape[0]):
        if cover.seen[rows[r]] <= column:
            found[count] = rows[r]
            count += 1
    return found[:count]


@compiled
def refresh(
    state: State, rows: NDArray[np.int64], columns: NDArray[np.int64], count: int, floors: NDArray[np.float32]
) -> None:
    """Account for the columns up to `count` in some rows; rows that fall below their floor are left where they are.

    Args:
        state: the rows' cover is changed in place.
        rows: (m,) rows that are not up to date.
        columns: (b,) numbers below `count`, ascending; the columns that are missing here are known not to matter.
        count: number of centres.
        floors: (n,) squared distance of each row, below which it does not matter.
    """
    points, centres, cover = state.points, state.centres, state.cover
    width = min(state.width, columns.shape[0])
    scratch = _scratch(state, rows.shape[0], width)
    live, is_quick, n_passed, n_judged = rows.copy(), state.leading > 0 and count >= state.quick_from, 0, 0
    for start in range(0, columns.shape[0], max(1, width)):
        block = columns[start : start + width]
        last = block[-1]
        late = _not_seen(cover, live, last)
        if late.shape[0] > 0:
            if is_quick:
                products = _quick_products(state, late, block, scratch)
            else:
                products = _products(state, late, block, scratch)
            for r in range(late.shape[0]):
                row = late[r]
                first = _first_not_below(block, cover.seen[row])
                left, of, floor = products[r, first:], block[first:], floors[row]
                if is_quick:
                    n_judged += left.shape[0]
                    n_passed += _settle_quickly(points, centres, cover, row, left, of, floor, state.slack, scratch)
                else:
                    _settle(points, centres, cover, row, left, of, floor, state.slack, scratch.open)
                if cover.squared[row] >= floors[row]:
                    cover.seen[row] = last + 1
            is_quick = is_quick and n_passed * _SELDOM <= n_judged
            live = _not_below(cover, live, floors)
            if live.shape[0] == 0:
                return
    for r in range(live.shape[0]):
        cover.seen[live[r]] = count


@compiled
def refresh_all_columns(state: State, rows: NDArray[np.int64], count: int, floors: NDArray[np.float32]) -> None:
    """Like `refresh`, for all columns that the rows have not seen."""
    first = count
    for r in range(rows.shape[0]):
        first = min(first, state.cover.seen[rows[r]])
    if first < count:
        refresh(state, rows, np.arange(first, count), count, floors)


# ---- groups: which columns can matter to which ball


@compiled
def enclose(
    vectors: NDArray[np.float32],
    start: NDArray[np.int64],
    first: int,
    end: int,
    middle: NDArray[np.float32],
    radius: NDArray[np.float32],
) -> None:
    """Find the middle of each run of vectors, and how far each vector is from it, rounded up.

    Args:
        vectors: (n, q).
        start: (g + 1,) first vector of each run.
        first: the first run to do.
        end: the run after the last one.
        middle: (g, q) mean of each run, changed in place.
        radius: (n,) distances, changed in place.
    """
    mean = np.empty(vectors.shape[1])
    for group in range(first, end):
        mean[:] = 0
        for i in range(start[group], start[group + 1]):
            for t in range(mean.shape[0]):
                mean[t] += vectors[i, t]
        for t in range(mean.shape[0]):
            middle[group, t] = mean[t] / (start[group + 1] - start[group])
        for i in range(start[group], start[group + 1]):
            radius[i] = np.sqrt(_sum_of_squares(vectors, i, middle, group)) * _ROUNDED_UP + np.float32(1e-7)


@compiled
def _reach(radius: np.float32, squared: np.float32) -> np.float32:
    """Return how far from the middle of its ball a column can be and still be as near to a row as its nearest.

    `|phi_c - g| <= |phi_c - phi_row| + |phi_row - g| <= sqrt(squared[row]) + radius[row]`. Rounding is allowed for.
    """
    reach: np.float32 = (radius + np.sqrt(squared)) * _ROUNDED_UP
    return reach


@compiled
def _reach_of_rows(cover: Cover, radius: NDArray[np.float32], rows: NDArray[np.int64]) -> np.float32:
    """Return the largest reach of some rows, none of them a pick."""
    reach = np.float32(0)
    squared = cover.squared
    for r in range(rows.shape[0]):
        reach = max(reach, _reach(radius[rows[r]], squared[rows[r]]))
    return reach


@compiled
def _rows_of_group(cover: Cover, start: NDArray[np.int64], group: int) -> NDArray[np.int64]:
    """Return the rows of a group that are no picks."""
    squared = cover.squared
    rows = np.empty(start[group + 1] - start[group], np.int64)
    count = 0
    for row in range(start[group], start[group + 1]):
        if squared[row] >= 0:
            rows[count] = row
            count += 1
    return rows[:count]


@compiled
def _product_within(half: np.float32, reach: np.float32, slack: np.float32) -> np.float32:
    """Return the product with the middle of a ball from which on a column can be within reach of it."""
    needed: np.float32 = half - (reach * reach + slack) * np.float32(0.5)
    return needed


@compiled
def _mark(words: NDArray[np.uint64], column: int) -> None:
    words[column // 64 % words.shape[0]] |= np.uint64(1) << np.uint64(column % 64)


@compiled
def _mark_run(words: NDArray[np.uint64], first: int, end: int) -> None:
    """Mark all columns from `first` on, below `end`."""
    column = first
    while column < end:
        stop = min(end, (column // 64 + 1) * 64)
        bits = ~np.uint64(0) >> np.uint64(64 - (stop - column))
        words[column // 64 % words.shape[0]] |= bits << np.uint64(column % 64)
        column = stop


@compiled
def _note_near(columns: NDArray[np.int32], products: NDArray[np.float32], column: int, product: np.float32) -> None:
    """Put a column into a list of the nearest ones in place of the farthest, if that is farther."""
    farthest = 0
    for k in range(1, products.shape[0]):
        if products[k] < products[farthest]:
            farthest = k
    if product > products[farthest]:
        columns[farthest] = column
        products[farthest] = product


@compiled
def mark_pending(state: State, first_group: int, end_group: int, first_column: int, end_column: int) -> None:
    """Set the bit of each new column in each group whose ball it can reach, and find the nearest to each middle.

    The coarse bound leaves few columns to most groups; where it does not, the product of all with all takes less time.
    Where near columns are listed and it leaves nearly all, a bit too many that is set takes less still.

    Args:
        state: the groups' bit sets and lists are changed in place.
        first_group: the first group to mark.
        end_group: the group after the last one.
        first_column: the first new column.
        end_column: the number of columns.
    """
    groups, centres = state.groups, state.centres
    groups_phi, centres_phi, pending, is_listed = groups.phi, centres.phi, groups.pending, groups.near.shape[1] > 0
    needed, passed = np.empty(end_group - first_group, np.float32), np.empty(end_group - first_group, np.int64)
    for g in range(needed.shape[0]):
        group = first_group + g
        needed[g] = _product_within(groups.half[group], groups.reach[group], state.slack)
    for start in range(first_column, end_column, state.width):
        stop = min(start + state.width, end_column)
        products = np.dot(groups.coarse[first_group:end_group], centres.coarse[start:stop].T)
        for g in range(needed.shape[0]):
            passed[g] = _count_from(products[g], needed[g])
            if is_listed and passed[g] * _BY_ITSELF > stop - start:
                _list_near(groups, centres, first_group + g, products[g], start)
        all_passed = passed.sum()
        is_enough = is_listed and all_passed > _MOST * products.size
        is_exact = not is_enough and all_passed * _FEW > products.size
        if is_exact:
            products = np.dot(groups_phi[first_group:end_group], centres_phi[start:stop].T)
        for g in range(needed.shape[0]):
            if passed[g] == 0:  # so none passes the exact bound either
                continue
            group = first_group + g
            if is_listed and passed[g] == stop - start and not is_exact:
                _mark_run(pending[group], start, stop)
                continue
            for c in range(stop - start):
                if products[g, c] >= needed[g] and (
                    is_enough or is_exact or _product(groups_phi, group, centres_phi, start + c) >= needed[g]
                ):
                    _mark(pending[group], start + c)


@compiled
def _list_near(groups: Groups, centres: Centres, group: int, products: NDArray[np.float32], first: int) -> None:
    """Keep the list of the columns nearest to the middle of a group.

    Args:
        groups: their lists are changed in place.
        centres: the selected samples.
        group: the group.
        products: (b,) its coarse products with new columns: not below the real ones.
        first: number of the first of these.
    """
    groups_phi, centres_phi = groups.phi, centres.phi
    near, near_product = groups.near[group], groups.near_product[group]
    lowest = near_product.min()
    if _count_from(products, lowest) == 0:
        return
    for c in range(products.shape[0]):
        if products[c] > lowest:
            product = _product(groups_phi, group, centres_phi, first + c)
            if product > lowest:
                _note_near(near, near_product, first + c, product)
                lowest = near_product.min()


@compiled
def _lowest_bit(word: np.uint64) -> int:
    """Return the position of the lowest bit that is set."""
    position = 0
    low = word & (~word + np.uint64(1))
    for shift in (32, 16, 8, 4, 2, 1):
        if low >> np.uint64(shift):
            position += shift
            low >>= np.uint64(shift)
    return position


@compiled
def _pending_columns(words: NDArray[np.uint64], first: int, count: int) -> NDArray[np.int64]:
    """Return the numbers of the bits that are set, from `first` on, below `count`."""
    columns = np.empty(count - first, np.int64)
    found = 0
    for w in range(first // 64, (count + 63) // 64):
        word = words[w % words.shape[0]]
        if w == first // 64:
            shift = np.uint64(first % 64)
            word = (word >> shift) << shift
        while word != np.uint64(0):
            columns[found] = w * 64 + _lowest_bit(word)
            found += 1
            word &= word - np.uint64(1)
    return columns[:found]


@compiled
def _count_pending(words: NDArray[np.uint64], first: int, count: int) -> int:
    """Return how many bits are set in the words from that of `first` to that before `count`."""
    found = np.uint64(0)
    for w in range(first // 64, (count + 63) // 64):
        word = words[w % words.shape[0]]
        word -= (word >> np.uint64(1)) & np.uint64(0x5555555555555555)
        word = (word & np.uint64(0x3333333333333333)) + ((word >> np.uint64(2)) & np.uint64(0x3333333333333333))
        word = (word + (word >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
        found += (word * np.uint64(0x0101010101010101)) >> np.uint64(56)
    return int(found)


@compiled
def _largest(values: NDArray[np.float32]) -> int:
    """Return the position of the largest value."""
    best = 0
    for k in range(1, values.shape[0]):
        if values[k] > values[best]:
            best = k
    return best


@compiled
def _products_with_middle(
    groups: Groups, centres: Centres, group: int, columns: NDArray[np.int64]
) -> NDArray[np.float32]:
    """Return the products of some columns with the middle of a group's ball."""
    groups_phi, centres_phi = groups.phi, centres.phi
    products = np.empty(columns.shape[0], np.float32)
    for c in range(columns.shape[0]):
        products[c] = _product(groups_phi, group, centres_phi, columns[c])
    return products


@compiled
def _from_largest(values: NDArray[np.float32], positions: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return some positions sorted by their values, the largest first."""
    keys = np.empty(positions.shape[0], np.float32)
    for k in range(keys.shape[0]):
        keys[k] = -values[positions[k]]
    order = np.argsort(keys)
    for k in range(order.shape[0]):
        order[k] = positions[order[k]]
    return order


@compiled
def _search_outwards(
    state: State,
    group: int,
    rows: NDArray[np.int64],
    columns: NDArray[np.int64],
    to_ball: NDArray[np.float32],
    scratch: Scratch,
) -> None:
    """Find the exact nearest of some columns for rows of one group.

    The columns come from the middle of the ball outwards. A row is done when the next one is out of its reach.

    Args:
        state: the rows' cover is changed in place.
        group: the group.
        rows: (m,) rows of it; the array is changed.
        columns: (b,) columns, the nearest to the middle first.
        to_ball: (b,) their products with the middle, descending.
        scratch: memory for m rows and `state.width` columns.
    """
    points, centres, cover = state.points, state.centres, state.cover
    radius, squared = state.groups.radius, state.cover.squared
    width = max(1, state.width // 4)
    for start in range(0, columns.shape[0], width):
        from_middle = 2 * (state.groups.half[group] - to_ball[start]) - state.slack
        kept = 0
        for r in range(rows.shape[0]):
            if from_middle <= _reach(radius[rows[r]], squared[rows[r]]) ** 2:
                rows[kept] = rows[r]
                kept += 1
        rows = rows[:kept]
        if kept == 0:
            return
        block = columns[start : start + width]
        products = _products(state, rows, block, scratch)
        for r in range(kept):
            _settle(points, centres, cover, rows[r], products[r], block, np.float32(-1), state.slack, scratch.open)


@compiled
def _search_group(
    state: State,
    group: int,
    rows: NDArray[np.int64],
    columns: NDArray[np.int64],
    to_ball: NDArray[np.float32],
    most: int,
    scratch: Scratch,
) -> bool:
    """Find the exact nearest of some columns for rows of one group, unless there are too many columns near it.

    Where the balls leave more than half of many columns, the rows are better taken together with those of other
    groups, by `refresh_all_columns`.

    Args:
        state: the rows' cover is changed in place.
        group: the group.
        rows: (m,) rows of it.
        columns: (b,) columns that can matter to the group.
        to_ball: (b,) their products with the middle of its ball.
        most: columns near it, at most; a few are never too many.
        scratch: memory for m rows.

    Returns:
        Whether it was done.
    """
    reach = _reach_of_rows(state.cover, state.groups.radius, rows)
    needed = _product_within(state.groups.half[group], reach, state.slack)
    near = at_least(to_ball, needed)
    if near.shape[0] > max(256, most):
        return False
    near = _from_largest(to_ball, near)
    _search_outwards(state, group, rows.copy(), columns[near], to_ball[near], scratch)
    return True


@compiled
def _compare_with_near(state: State, group: int, rows: NDArray[np.int64]) -> None:
    """Compare some rows of a group with the columns nearest to its middle: no proof, but hardly any is much nearer."""
    vectors, order, phi, half, _ = state.points
    centre_vectors, centre_phi = state.centres.vectors, state.centres.phi
    cover_squared, cover_nearest, seen = state.cover
    near = state.groups.near
    products = np.empty(near.shape[1], np.float32)
    for r in range(rows.shape[0]):
        row = rows[r]
        needed = _product_needed(half[row], cover_squared[row], state.slack)
        for k in range(products.shape[0]):
            is_new = near[group, k] >= seen[row]
            products[k] = _product(phi, row, centre_phi, near[group, k]) if is_new else -np.inf
        best = _largest(products)
        while products[best] >= needed and products[best] > -np.inf:
            column = near[group, best]
            squared = quick_distance(vectors, order[row], centre_vectors, column)
            if squared < 0:
                squared = sum_in_lanes(vectors, order[row], centre_vectors, column)
            if squared < cover_squared[row] or (squared == cover_squared[row] and column < cover_nearest[row]):
                cover_squared[row] = squared
                cover_nearest[row] = column
                needed = _product_needed(half[row], squared, state.slack)
            products[best] = -np.inf
            best = _largest(products)


@compiled
def refresh_groups(state: State, chosen: NDArray[np.int64], count: int, floors: NDArray[np.float32]) -> None:
    """Bring the rows of some groups that are not below their floor up to date, by the columns near each group only.

    Where a ball rules out too little to be worth it, rows that may not be below their floor are left as they are. Where
    near columns are listed, that is the rule, and it is found out before columns are looked at.
    """
    cover, groups, centres = state.cover, state.groups, state.centres
    pending, near, radius, start = groups.pending, groups.near, groups.radius, groups.start
    is_listed = near.shape[1] > 0
    size = 0
    for k in range(chosen.shape[0]):
        size = max(size, start[chosen[k] + 1] - start[chosen[k]])
    scratch = _scratch(state, size, state.width)
    for k in range(chosen.shape[0]):
        group = chosen[k]
        rows = _not_seen(cover, _not_below(cover, _rows_of_group(cover, start, group), floors), count - 1)
        if rows.shape[0] == 0:
            continue
        first, n_unseen = _unseen(cover, rows, count)
        n_pending = _count_pending(pending[group], first, count) if is_listed else count - first
        if is_listed and near[group, 0] >= 0 and n_pending * _BY_ITSELF > count - first:
            _compare_with_near(state, group, rows)
            rows = _not_below(cover, rows, floors)
            first, n_unseen = _unseen(cover, rows, count)
        is_done = not is_listed or n_pending * _BY_ITSELF <= n_unseen
        columns = _pending_columns(pending[group], first if is_done else count, count)
        if columns.shape[0] > 0:
            to_ball = _products_with_middle(groups, centres, group, columns)
            _compare_rows(state, rows, columns[_largest(to_ball)])
            rows = _not_below(cover, rows, floors)
            if rows.shape[0] > 0:
                most = _most_near(rows.shape[0], n_unseen) if is_listed else (count - first) // 2
                is_done = _search_group(state, group, rows, columns, to_ball, most, scratch)
        if is_done:
            for r in range(rows.shape[0]):
                cover.seen[rows[r]] = count
        groups.reach[group] = _reach_of_rows(cover, radius, _rows_of_group(cover, start, group))


@compiled
def _most_near(n_rows: int, n_unseen: int) -> int:
    """Return how many near columns a group's rows are searched among, at most, rather than among all.

    Args:
        n_rows: the rows.
        n_unseen: pairs that would be compared by `refresh_all_columns`.
    """
    return n_unseen // (2 * (n_rows + _COPIED))


@compiled
def _unseen(cover: Cover, rows: NDArray[np.int64], count: int) -> tuple[int, int]:
    """Return the first column that one of some rows has not seen, and how many these are, of all rows together."""
    first, n_unseen = count, 0
    for r in range(rows.shape[0]):
        first = min(first, cover.seen[rows[r]])
        n_unseen += count - cover.seen[rows[r]]
    return first, n_unseen


@compiled
def search_groups(state: State, first_group: int, end_group: int, count: int) -> None:
    """Find the exact nearest among the first columns for every row of some groups, of which nothing is known yet.

    Rows of groups whose balls rule out too little are left to `refresh_all_columns`, but have an upper bound then.
    """
    groups, centres, cover = state.groups, state.centres, state.cover
    size, is_listed = 0, groups.near.shape[1] > 0
    for group in range(first_group, end_group):
        size = max(size, groups.start[group + 1] - groups.start[group])
    scratch = _scratch(state, size, state.width)
    columns = np.arange(count)
    step = max(1, _PRODUCTS_AT_ONCE // count)
    for start in range(first_group, end_group, step):
        to_balls = np.dot(groups.phi[start : min(start + step, end_group)], centres.phi[:count].T)
        for g in range(to_balls.shape[0]):
            group = start + g
            rows = _rows_of_group(cover, groups.start, group)
            _compare_rows(state, rows, _largest(to_balls[g]))
            most = _most_near(rows.shape[0], count * rows.shape[0]) if is_listed else count // 2
            if _search_group(state, group, rows, columns, to_balls[g], most, scratch):
                for r in range(rows.shape[0]):
                    cover.seen[rows[r]] = count
            elif is_listed:
                _list_near(groups, centres, group, to_balls[g], 0)
            groups.reach[group] = _reach_of_rows(cover, groups.radius, rows)


# ---- the greedy itself


class Few(NamedTuple):
    """Rows that every pick is compared with at once; what is needed for it, side by side.

    Attributes:
        rows: (m,) int64.
        candidate: (m,) int64 rows of `Points.vectors`.
        phi: (m, q) float32.
        squared: (m,) float32 exact squared distances to the nearest centre, -1 for picks.
        needed: (m,) float32 see `_product_needed`.
    """

    rows: NDArray[np.int64]
    candidate: NDArray[np.int64]
    phi: NDArray[np.float32]
    squared: NDArray[np.float32]
    needed: NDArray[np.float32]


@compiled
def gather(state: State, rows: NDArray[np.int64]) -> Few:
    """Put what is known of some rows side by side."""
    m = rows.shape[0]
    few = Few(
        rows.copy(),
        np.empty(m, np.int64),
        np.empty((m, state.points.phi.shape[1]), np.float32),
        np.empty(m, np.float32),
        np.empty(m, np.float32),
    )
    _take_rows(state.points.phi, rows, few.phi)
    for r in range(m):
        row = rows[r]
        few.candidate[r] = state.points.order[row]
        few.squared[r] = state.cover.squared[row]
        few.needed[r] = _product_needed(state.points.half[row], state.cover.squared[row], state.slack)
    return few


@compiled
def _farthest(few: Few) -> int:
    """Return the position of the farthest, of the lowest candidate among equally far ones; -1 if there is none."""
    best = -1
    for r in range(few.rows.shape[0]):
        if (
            best < 0
            or few.squared[r] > few.squared[best]
            or (few.squared[r] == few.squared[best] and few.candidate[r] < few.candidate[best])
        ):
            best = r
    return best


@compiled
def _add_centre(state: State, few: Few, r: int, column: int) -> None:
    """Write down one of the few as the next centre."""
    centres, row = state.centres, few.rows[r]
    state.picks.candidate[column] = few.candidate[r]
    state.picks.squared[column] = few.squared[r]
    state.picks.nearest[column] = state.cover.nearest[row]
    _copy_row(few.phi, r, centres.phi, column)
    centres.phi[column, -1] = -state.points.half[row]
    centres.rest[column] = state.points.rest[row]
    _copy_row(state.points.vectors, few.candidate[r], centres.vectors, column)
    few.squared[r] = np.float32(-1)
    state.cover.squared[row] = np.float32(-1)
    state.cover.nearest[row] = column


@compiled
def _bring_nearer(state: State, few: Few, m: int, column: int, floor: np.float32) -> tuple[int, int]:
    """Compare the first m of the few with a new centre.

    Returns:
        The position of the farthest of them afterwards, -1 if all are below `floor`, and how many were below before.
    """
    rows, candidate, phi, squared, needed = few
    centre_vectors, centre_phi = state.centres.vectors, state.centres.phi
    vectors, half, slack = state.points.vectors, state.points.half, state.slack
    cover_squared, cover_nearest, _ = state.cover
    best, below = -1, 0
    for r in range(m):
        if squared[r] < floor:
            below += 1
            continue
        if _product(phi, r, centre_phi, column) >= needed[r]:
            exact = quick_distance(vectors, candidate[r], centre_vectors, column)
            if exact < 0:
                exact = sum_in_lanes(vectors, candidate[r], centre_vectors, column)
            if exact < squared[r]:
                squared[r] = exact
                needed[r] = _product_needed(half[rows[r]], exact, slack)
                cover_squared[rows[r]] = exact
                cover_nearest[rows[r]] = column
                if exact < floor:
                    continue
        if best < 0 or squared[r] > squared[best] or (squared[r] == squared[best] and candidate[r] < candidate[best]):
            best = r
    return best, below


@compiled
def _close_ranks(few: Few, m: int, floor: np.float32, best: int) -> tuple[int, int]:
    """Move those of the first m that are not below `floor` to the front.

    Returns:
        How many there are, and where the one at `best` is now; -1 if it is not among them.
    """
    kept, new_best = 0, -1
    for r in range(m):
        if few.squared[r] >= floor:
            few.rows[kept] = few.rows[r]
            few.candidate[kept] = few.candidate[r]
            _copy_row(few.phi, r, few.phi, kept)
            few.squared[kept] = few.squared[r]
            few.needed[kept] = few.needed[r]
            if r == best:
                new_best = kept
            kept += 1
    return kept, new_best


@compiled
def pick_among(
    state: State, rows: NDArray[np.int64], floor: np.float32, count: int, limit: int, threshold: np.float32
) -> tuple[int, bool]:
    """Pick the farthest of a few rows again and again, as long as nothing outside can be as far.

    Args:
        state: picks are added to the centres, and the cover of these rows is changed in place.
        rows: (m,) all rows whose squared distance is at least `floor`, up to date.
        floor: squared distance that every other row is below.
        count: number of centres.
        limit: number of centres to end at.
        threshold: squared distance below which nothing is picked.

    Returns:
        The number of centres, and whether the threshold has ended the selection.
    """
    few = gather(state, rows)
    m = rows.shape[0]
    best = _farthest(few)
    while best >= 0 and few.squared[best] >= floor and count < limit:
        if few.squared[best] < threshold:
            return count, True
        _add_centre(state, few, best, count)
        best, below = _bring_nearer(state, few, m, count, floor)
        count += 1
        if below * 4 > m:
            m, best = _close_ranks(few, m, floor, best)
    for r in range(m):
        if few.squared[r] >= floor:
            state.cover.seen[few.rows[r]] = count
    return count, False


@compiled
def take(state: State, few: Few, first: int, end: int, column: int) -> None:
    """Select some of a few rows, and bring the others up to date.

    Args:
        state: the rows become centres, and the cover of all few is changed in place.
        few: the rows, changed in place.
        first: position of the first that is selected.
        end: the position after the last one.
        column: number of the first new centre.
    """
    for r in range(first, end):
        _add_centre(state, few, r, column + r - first)
    for r in range(first, end):
        _bring_nearer(state, few, few.rows.shape[0], column + r - first, np.float32(0))


# ---- the greedy for a product of objectives


@compiled
def natural_logarithm(value: float) -> float:
    """Return the bits of `curation.selection.greedy.logarithm.natural_logarithm`."""
    if not value > 0:
        return -math.inf
    mantissa, power = math.frexp(value)
    if mantissa < ROOT_HALF:
        mantissa *= 2
        power -= 1
    f = mantissa - 1
    s = f / (2 + f)
    z = s * s
    series = SERIES[6]
    for k in range(5, -1, -1):
        series = series * z + SERIES[k]
    half = 0.5 * f * f
    return power * LN2_HIGH - ((half - (s * (half + series * z) + power * LN2_LOW)) - f)


@compiled
def farthest(
    item_squared: NDArray[np.float32],
    start: NDArray[np.int64],
    squared: NDArray[np.float32],
    logarithm: NDArray[np.float64],
) -> None:
    """Find the farthest item of each unit, and the logarithm of its share of the largest squared distance, 4.

    Args:
        item_squared: (r,) squared distances of the items, those of each unit side by side; -1 for what is selected.
        start: (m + 1,) first item of each unit.
        squared: (m,) squared distance of each unit, changed in place; 0 without items.
        logarithm: (m,) changed in place where the distance has changed.
    """
    for unit in range(squared.shape[0]):
        largest = np.float32(0) if start[unit] == start[unit + 1] else np.float32(-1)
        for item in range(start[unit], start[unit + 1]):
            largest = max(largest, item_squared[item])
        if largest != squared[unit]:
            squared[unit] = largest
            logarithm[unit] = natural_logarithm(min(np.float64(largest), 4.0) / 4.0)


@compiled
def quota_terms(
    counts: NDArray[np.int64],
    total: NDArray[np.int64],
    quotient: NDArray[np.float64],
    strength: float,
    terms: NDArray[np.float64],
) -> None:
    """Find `curation.selection.greedy.terms.quota_term`, the same bits.

    Args:
        counts: (k, c) members of each class.
        total: (k,) members in all, at least 1.
        quotient: (c,) of each class.
        strength: exponent.
        terms: (k,) changed in place.
    """
    for kind in range(counts.shape[0]):
        value = 0.0
        for column in range(counts.shape[1]):
            value += quotient[column] * counts[kind, column]
        terms[kind] = strength * natural_logarithm(value / total[kind])


@compiled
def _best_of_few(
    start: NDArray[np.float64],
    factors: NDArray[np.float64],
    squared: NDArray[np.float32],
    logarithm: NDArray[np.float64],
    smallest: np.float32,
    floor: float,
) -> tuple[int, float, int]:
    """Return the position of the largest value, the first on ties; this value; and how many are not below `floor`."""
    place, best, n_staying = 0, -np.inf, 0
    for unit in range(start.shape[0]):
        value = start[unit]
        for term in range(factors.shape[0]):
            value = value + factors[term] * logarithm[unit]
        if squared[unit] < smallest:
            value = -np.inf
        n_staying += value >= floor
        if value > best:
            place, best = unit, value
    return place, best, n_staying


@compiled
def pick_by_value(
    state: State,
    few: Few,
    few_start: NDArray[np.int64],
    units: NDArray[np.int64],
    start: NDArray[np.float64],
    factors: NDArray[np.float64],
    squared: NDArray[np.float32],
    logarithm: NDArray[np.float64],
    smallest: np.float32,
    floor: float,
    tie: int,
    count: int,
    places: NDArray[np.int64],
    pick_squared: NDArray[np.float32],
) -> tuple[int, int, bool]:
    """Pick the best of a few units again and again, as long as nothing outside can be as good.

    A unit's value is what no pick changes and its distance in one space to some powers, added as logarithms.

    Args:
        state: the picks' items are added to the centres, and the cover of the few items is changed in place.
        few: the items of the units, changed in place.
        few_start: (m + 1,) first item of each unit.
        units: (m,) the units, ascending.
        start: (m,) what no pick changes, changed in place: minus infinity for picks.
        factors: (t,) what the logarithm is multiplied by, of each term; they are added one after the other.
        squared: (m,) squared distance of each unit, changed in place.
        logarithm: (m,) of its share of the largest, changed in place.
        smallest: squared distance below which a unit is not allowed.
        floor: value that no unit outside exceeds.
        tie: the first unit outside that may be at the floor.
        count: number of centres.
        places: (k,) positions of the picks among the units, changed in place; k is how many there are at most.
        pick_squared: (k,) their squared distances, changed in place.

    Returns:
        How many were picked, the number of centres, and whether it ended because many of the few are below the floor.
    """
    n = 0
    while True:
        place, value, n_staying = _best_of_few(start, factors, squared, logarithm, smallest, floor)
        if 4 * n_staying < 3 * units.shape[0]:
            return n, count, True
        is_ahead = value > floor or (value == floor and units[place] < tie)
        if n == places.shape[0] or value == -np.inf or not is_ahead:
            return n, count, False
        places[n], pick_squared[n], start[place] = place, squared[place], -np.inf
        n += 1
        first, end = few_start[place], few_start[place + 1]
        if first == end:
            continue
        is_first = count == 0
        take(state, few, first, end, count)
        count += end - first
        farthest(few.squared, few_start, squared, logarithm)
        if is_first:
            return n, count, False


# ---- preparation


@compiled_reordered
def centre(
    vectors: NDArray[np.float32],
    mean: NDArray[np.float64],
    first: int,
    end: int,
    out: NDArray[np.float32] | NDArray[np.float64],
    half: NDArray[np.float32] | NDArray[np.float64],
) -> None:
    """Subtract the mean from some vectors, and find half their squared lengths.

    Args:
        vectors: (n, d).
        mean: (d,).
        first: the first row to do.
        end: the row after the last one.
        out: (n, at least d), its first d columns are changed.
        half: (n,), changed in place.
    """
    for i in range(first, end):
        squared = 0.0
        for t in range(vectors.shape[1]):
            difference = np.float64(vectors[i, t]) - mean[t]
            squared += difference * difference
            out[i, t] = difference
        half[i] = squared / 2


@compiled_reordered
def project(
    vectors: NDArray[np.float32],
    mean: NDArray[np.float64],
    basis: NDArray[np.float64],
    first: int,
    end: int,
    out: NDArray[np.float32],
    half: NDArray[np.float32],
) -> None:
    """Project some vectors, and find half their squared distances to the mean.

    Args:
        vectors: (n, d).
        mean: (d,).
        basis: (d, p).
        first: the first row to do.
        end: the row after the last one.
        out: (n, at least p + 1), its first p + 1 columns are changed: the projection, and the norm of the rest.
        half: (n,), changed in place.
    """
    p = basis.shape[1]
    centred = np.empty((end - first, vectors.shape[1]))
    halves = np.empty(end - first)
    centre(vectors[first:end], mean, 0, end - first, centred, halves)
    along = np.dot(centred, basis)
    for i in range(end - first):
        half[first + i] = halves[i]
        rest = 2 * halves[i]
        for t in range(p):
            rest -= along[i, t] * along[i, t]
            out[first + i, t] = along[i, t]
        out[first + i, p] = np.sqrt(max(rest, 0.0))


@compiled
def rest_norms(phi: NDArray[np.float32], leading: int, first: int, end: int, rest: NDArray[np.float32]) -> None:
    """Find the norms of all but the leading values of some projections.

    Args:
        phi: (n, q), whatever their last column.
        leading: values that are left out.
        first: the first row to do.
        end: the row after the last one.
        rest: (n,), changed in place.
    """
    for i in range(first, end):
        total = 0.0
        for t in range(leading, phi.shape[1] - 1):
            total += np.float64(phi[i, t]) * np.float64(phi[i, t])
        rest[i] = np.sqrt(total)


@compiled
def cut_runs(vectors: NDArray[np.float32], size: int, limit: float) -> NDArray[np.int64]:
    """Cut consecutive vectors into runs of up to `size`, each within a squared distance of its first vector.

    Args:
        vectors: (n, q).
        size: vectors a run, at most.
        limit: squared distance.

    Returns:
        (g + 1,) first vectors.
    """
    n = vectors.shape[0]
    start = np.empty(n + 1, np.int64)
    count = 0
    for i in range(n):
        if count == 0 or i - start[count - 1] == size or _sum_of_squares(vectors, i, vectors, start[count - 1]) > limit:
            start[count] = i
            count += 1
    start[count] = n
    return start[: count + 1].copy()


@compiled
def permute_rows(matrix: NDArray[np.float32], order: NDArray[np.int64]) -> None:
    """Put row `order[i]` at `i`, in place, along the cycles of the permutation: no second matrix is needed."""
    done = np.zeros(order.shape[0], np.bool_)
    held = np.empty((1, matrix.shape[1]), np.float32)
    for start in range(order.shape[0]):
        if done[start] or order[start] == start:
            continue
        _copy_row(matrix, start, held, 0)
        at = start
        while order[at] != start:
            _copy_row(matrix, order[at], matrix, at)
            done[at] = True
            at = order[at]
        _copy_row(held, 0, matrix, at)
        done[at] = True
