"""Compiled loops of the fast greedy k-center. Importing this module imports numba.

All of them stand in one file, because numba renews its cache of a compiled function when the function's own file
changes, not when that of a function it calls does.

Names: a *row* is a candidate in the order of `Points`; a *column* is a centre, that is a sample of the base or a pick,
numbered as it came. Every pair is first judged by a lower bound on its squared distance, in float32 from a matrix
product (see `stages.selection.kcenter.projection`):

    bound(row, column) = 2 (half[row] - phi_row . phi_column),

where the last value of `phi_column` is minus the centre's half squared norm and that of `phi_row` is 1. A pair can
only matter if `bound <= squared[row] + slack`, that is if

    phi_row . phi_column >= half[row] - (squared[row] + slack) / 2.

Only then is its distance computed.
"""

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar, cast

import numba
import numpy as np
from numpy.typing import NDArray

Function = TypeVar("Function", bound=Callable[..., Any])

_REORDERED = {"reassoc", "contract", "nsz", "arcp"}
"""Liberties that let the compiler vectorise a sum. They are given where the result is only a bound."""


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


class Points(NamedTuple):
    """The candidates, neighbours side by side.

    Attributes:
        vectors: (n, d) float32, in the caller's order.
        order: (n,) int64 row of `vectors` for each row here.
        phi: (n, q) float32 projections, last column 1.
        half: (n,) float32 half squared norms.
    """

    vectors: NDArray[np.float32]
    order: NDArray[np.int64]
    phi: NDArray[np.float32]
    half: NDArray[np.float32]


class Centres(NamedTuple):
    """What is selected so far, and room for what will be.

    Attributes:
        vectors: (k, d) float32.
        phi: (k, q) float32 projections, last column minus the half squared norm.
    """

    vectors: NDArray[np.float32]
    phi: NDArray[np.float32]


class Cover(NamedTuple):
    """What is known about each row: an upper bound that is exact once all columns are seen.

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
        phi: (g, q) float32 centres of the balls, last column 1.
        half: (g,) float32 half squared norms of these.
        radius: (n,) float32, not below the distance of a row to the centre of its ball.
    """

    start: NDArray[np.int64]
    phi: NDArray[np.float32]
    half: NDArray[np.float32]
    radius: NDArray[np.float32]


# ---- exact distances


@compiled_reordered
def _sum_of_squares(points: NDArray[np.float32], row: int, others: NDArray[np.float32], column: int) -> np.float64:
    total = np.float64(0)
    for j in range(points.shape[1]):
        difference = np.float64(points[row, j]) - np.float64(others[column, j])
        total += difference * difference
    return total


@compiled
def _sum_in_lanes(points: NDArray[np.float32], row: int, others: NDArray[np.float32], column: int) -> np.float64:
    lanes = np.zeros(8)
    for j in range(points.shape[1]):
        difference = np.float64(points[row, j]) - np.float64(others[column, j])
        lanes[j % 8] += difference * difference
    total: np.float64 = ((lanes[0] + lanes[4]) + (lanes[2] + lanes[6])) + (
        (lanes[1] + lanes[5]) + (lanes[3] + lanes[7])
    )
    return total


@compiled
def squared_distance(points: NDArray[np.float32], row: int, others: NDArray[np.float32], column: int) -> np.float32:
    """Return `D` of two vectors, the bits of `stages.selection.distance.squared_distances`.

    A float64 sum of d squares in any order is within `(d + 2) u`, u = 2^-53, of the true one, so two orders differ by
    at most twice that. Where that much less and more round to the same float32, the order makes no difference.
    """
    total = _sum_of_squares(points, row, others, column)
    margin = total * (points.shape[1] + 4) * 2.0**-51
    low, high = np.float32(total - margin), np.float32(total + margin)
    if low == high:
        return low
    return np.float32(_sum_in_lanes(points, row, others, column))


# ---- one row against the columns that its bound lets through


@compiled_reordered
def _count_above(products: NDArray[np.float32], limit: np.float32) -> int:
    count = 0
    for k in range(products.shape[0]):
        count += products[k] >= limit
    return count


@compiled
def _limit(points: Points, cover: Cover, row: int, slack: np.float32) -> np.float32:
    """Return the inner product from which on a column can be as near as the nearest known one."""
    limit: np.float32 = points.half[row] - (cover.squared[row] + slack) * np.float32(0.5)
    return limit


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
        points: all candidates.
        centres: all centres.
        cover: changed in place.
        row: the row.
        products: (b,) inner products with the columns.
        columns: (b,) their numbers.
        floor: squared distance.
        slack: of the inner products, doubled.
        open_: (b,) scratch space.
    """
    limit = _limit(points, cover, row, slack)
    if _count_above(products, limit) == 0:
        return
    count = 0
    for k in range(products.shape[0]):
        if products[k] >= limit:
            open_[count] = k
            count += 1
    while count > 0:
        best = 0
        for k in range(1, count):
            if products[open_[k]] > products[open_[best]]:
                best = k
        if products[open_[best]] < limit:
            return
        column = columns[open_[best]]
        count -= 1
        open_[best] = open_[count]
        squared = squared_distance(points.vectors, points.order[row], centres.vectors, column)
        if squared < cover.squared[row] or (squared == cover.squared[row] and column < cover.nearest[row]):
            cover.squared[row] = squared
            cover.nearest[row] = column
            if squared < floor:
                return
            limit = _limit(points, cover, row, slack)


# ---- bringing rows up to date


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
def refresh(
    points: Points,
    centres: Centres,
    cover: Cover,
    rows: NDArray[np.int64],
    columns: NDArray[np.int64],
    count: int,
    floor: np.float32,
    slack: np.float32,
    width: int,
) -> None:
    """Account for the columns up to `count` in some rows; rows that fall below `floor` are left where they are.

    Args:
        points: all candidates.
        centres: all centres.
        cover: changed in place.
        rows: (m,) rows that are not up to date.
        columns: (b,) numbers below `count`, ascending; the columns that are missing here are known not to matter.
        count: number of centres.
        floor: squared distance.
        slack: of the inner products, doubled.
        width: columns a matrix product.
    """
    q = points.phi.shape[1]
    live = rows.copy()
    n_live = live.shape[0]
    width = min(width, columns.shape[0])
    a = np.empty(n_live * q, np.float32)
    b = np.empty(width * q, np.float32)
    product = np.empty(n_live * width, np.float32)
    open_ = np.empty(width, np.int64)
    at = 0
    while at < columns.shape[0] and n_live > 0:
        end = min(columns.shape[0], at + width)
        part = columns[at:end]
        last = part[-1]
        now = np.empty(n_live, np.int64)
        n_now = 0
        for r in range(n_live):
            if cover.seen[live[r]] <= last:
                now[n_now] = live[r]
                n_now += 1
        if n_now > 0:
            left = a[: n_now * q].reshape(n_now, q)
            right = b[: (end - at) * q].reshape(end - at, q)
            inner = product[: n_now * (end - at)].reshape(n_now, end - at)
            _take_rows(points.phi, now[:n_now], left)
            _take_rows(centres.phi, part, right)
            np.dot(left, right.T, inner)
            for r in range(n_now):
                row = now[r]
                first = _first_not_below(part, cover.seen[row])
                _settle(points, centres, cover, row, inner[r, first:], part[first:], floor, slack, open_)
                if cover.squared[row] >= floor:
                    cover.seen[row] = last + 1
            kept = 0
            for r in range(n_live):
                if cover.squared[live[r]] >= floor:
                    live[kept] = live[r]
                    kept += 1
            n_live = kept
        at = end
    for r in range(n_live):
        cover.seen[live[r]] = count


@compiled
def refresh_all_columns(
    points: Points,
    centres: Centres,
    cover: Cover,
    rows: NDArray[np.int64],
    count: int,
    floor: np.float32,
    slack: np.float32,
    width: int,
) -> None:
    """Like `refresh`, for all columns that the rows have not seen."""
    first = count
    for r in range(rows.shape[0]):
        first = min(first, cover.seen[rows[r]])
    if first < count:
        refresh(points, centres, cover, rows, np.arange(first, count), count, floor, slack, width)


# ---- groups: which columns can matter to which ball


@compiled
def _lowest_bit(word: np.uint64) -> int:
    """Return the position of the lowest bit that is set."""
    position = 0
    low = word & (~word + np.uint64(1))
    if low >> np.uint64(32):
        position += 32
        low >>= np.uint64(32)
    if low >> np.uint64(16):
        position += 16
        low >>= np.uint64(16)
    if low >> np.uint64(8):
        position += 8
        low >>= np.uint64(8)
    if low >> np.uint64(4):
        position += 4
        low >>= np.uint64(4)
    if low >> np.uint64(2):
        position += 2
        low >>= np.uint64(2)
    if low >> np.uint64(1):
        position += 1
    return position


@compiled
def _pending_columns(words: NDArray[np.uint64], first: int, count: int) -> NDArray[np.int64]:
    """Return the numbers of the bits that are set, from `first` on, below `count`."""
    columns = np.empty(count - first, np.int64)
    found = 0
    for w in range(first // 64, (count + 63) // 64):
        word = words[w]
        if w == first // 64:
            shift = np.uint64(first % 64)
            word = (word >> shift) << shift
        while word != np.uint64(0):
            columns[found] = w * 64 + _lowest_bit(word)
            found += 1
            word &= word - np.uint64(1)
    return columns[:found]


@compiled
def refresh_groups(
    points: Points,
    centres: Centres,
    cover: Cover,
    groups: Groups,
    chosen: NDArray[np.int64],
    pending: NDArray[np.uint64],
    count: int,
    floor: np.float32,
    slack: np.float32,
    width: int,
) -> None:
    """Bring the rows of some groups that are not below `floor` up to date, by the columns near each group only.

    A group for which more than half of many columns are pending is left as it is: its rows are better taken together
    with those of other groups, by `refresh_all_columns`.
    """
    for k in range(chosen.shape[0]):
        group = chosen[k]
        start, end = groups.start[group], groups.start[group + 1]
        rows = np.empty(end - start, np.int64)
        n_rows = 0
        first = count
        for row in range(start, end):
            if cover.squared[row] >= floor and cover.seen[row] < count:
                rows[n_rows] = row
                n_rows += 1
                first = min(first, cover.seen[row])
        if n_rows == 0:
            continue
        columns = _pending_columns(pending[group], first, count)
        if count - first > 256 and columns.shape[0] * 2 > count - first:
            continue
        refresh(points, centres, cover, rows[:n_rows], columns, count, floor, slack, width)


@compiled
def _reach(groups: Groups, cover: Cover, group: int) -> np.float32:
    """Return how far from the centre of a ball a column can be and still be as near to a row as its nearest.

    `|phi_c - g| <= |phi_c - phi_row| + |phi_row - g| <= sqrt(squared[row]) + radius[row]`. Rounding is allowed for.
    """
    reach = np.float32(0)
    for row in range(groups.start[group], groups.start[group + 1]):
        if cover.squared[row] >= 0:
            reach = max(reach, groups.radius[row] + np.sqrt(cover.squared[row]))
    return reach * np.float32(1.000001)


@compiled
def mark_pending(
    centres: Centres,
    cover: Cover,
    groups: Groups,
    from_group: int,
    to_group: int,
    from_column: int,
    to_column: int,
    pending: NDArray[np.uint64],
    slack: np.float32,
) -> None:
    """Set the bit of each new column in each group whose ball it can reach.

    Args:
        centres: all centres.
        cover: of all rows.
        groups: all groups.
        from_group: the first group to mark.
        to_group: the group after the last one.
        from_column: the first new column.
        to_column: the number of columns.
        pending: (g, words) uint64 bit sets, changed in place.
        slack: of the inner products, doubled.
    """
    limits = np.empty(to_group - from_group, np.float32)
    for group in range(from_group, to_group):
        reach = _reach(groups, cover, group)
        limits[group - from_group] = groups.half[group] - (reach * reach + slack) * np.float32(0.5)
    for start in range(from_column, to_column, 512):
        end = min(to_column, start + 512)
        inner = np.dot(groups.phi[from_group:to_group], centres.phi[start:end].T)
        for g in range(inner.shape[0]):
            for c in range(inner.shape[1]):
                if inner[g, c] >= limits[g]:
                    column = start + c
                    pending[from_group + g, column // 64] |= np.uint64(1) << np.uint64(column % 64)


@compiled
def _largest(values: NDArray[np.float32]) -> int:
    """Return the position of the largest value."""
    best = 0
    for k in range(1, values.shape[0]):
        if values[k] > values[best]:
            best = k
    return best


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
def search_groups(
    points: Points,
    centres: Centres,
    cover: Cover,
    groups: Groups,
    from_group: int,
    to_group: int,
    from_column: int,
    to_column: int,
    slack: np.float32,
    width: int,
) -> None:
    """Find the exact nearest among some columns for every row of some groups that is not a pick.

    The columns are taken from the centre of the ball outwards. By the triangle inequality a row is done when the next
    one is farther from the centre of the ball than `sqrt(squared[row]) + radius[row]`. Where that would rule out less
    than half of them, sorting does not pay, and the rows are left to `refresh_all_columns`.
    """
    size = 0
    for group in range(from_group, to_group):
        size = max(size, groups.start[group + 1] - groups.start[group])
    q = points.phi.shape[1]
    a = np.empty(size * q, np.float32)
    b = np.empty(width * q, np.float32)
    product = np.empty(size * width, np.float32)
    open_ = np.empty(width, np.int64)
    rows = np.empty(size, np.int64)
    inner = np.dot(groups.phi[from_group:to_group], centres.phi[from_column:to_column].T)
    for group in range(from_group, to_group):
        to_ball = inner[group - from_group]
        closest = from_column + _largest(to_ball)
        for row in range(groups.start[group], groups.start[group + 1]):
            if cover.squared[row] >= 0:
                squared = squared_distance(points.vectors, points.order[row], centres.vectors, closest)
                if squared < cover.squared[row] or (squared == cover.squared[row] and closest < cover.nearest[row]):
                    cover.squared[row] = squared
                    cover.nearest[row] = closest
        reach = _reach(groups, cover, group)
        limit = groups.half[group] - (reach * reach + slack) * np.float32(0.5)
        near = at_least(to_ball, limit)
        if near.shape[0] * 2 > to_column - from_column:
            continue
        for row in range(groups.start[group], groups.start[group + 1]):
            cover.seen[row] = to_column
        near = _from_largest(to_ball, near)
        at = 0
        while at < near.shape[0]:
            end = min(near.shape[0], at + width)
            from_centre = 2 * (groups.half[group] - to_ball[near[at]]) - slack
            n_rows = 0
            for row in range(groups.start[group], groups.start[group + 1]):
                if cover.squared[row] >= 0:
                    reach = (groups.radius[row] + np.sqrt(cover.squared[row])) * np.float32(1.000001)
                    if from_centre <= reach * reach:
                        rows[n_rows] = row
                        n_rows += 1
            if n_rows == 0:
                break
            columns = near[at:end].copy()
            for c in range(end - at):
                columns[c] += from_column
            left = a[: n_rows * q].reshape(n_rows, q)
            right = b[: (end - at) * q].reshape(end - at, q)
            block = product[: n_rows * (end - at)].reshape(n_rows, end - at)
            _take_rows(points.phi, rows[:n_rows], left)
            _take_rows(centres.phi, columns, right)
            np.dot(left, right.T, block)
            for r in range(n_rows):
                _settle(points, centres, cover, rows[r], block[r], columns, np.float32(-1), slack, open_)
            at = end


# ---- the greedy itself


@compiled_reordered
def _inner(rows: NDArray[np.float32], row: int, columns: NDArray[np.float32], column: int) -> np.float32:
    total = np.float32(0)
    for t in range(rows.shape[1]):
        total += rows[row, t] * columns[column, t]
    return total


@compiled
def pick_among(
    points: Points,
    centres: Centres,
    cover: Cover,
    rows: NDArray[np.int64],
    floor: np.float32,
    count: int,
    limit: int,
    threshold: np.float32,
    slack: np.float32,
    picks: NDArray[np.int64],
    pick_squared: NDArray[np.float32],
    pick_nearest: NDArray[np.int64],
) -> tuple[int, bool]:
    """Pick the farthest of a few rows again and again, as long as nothing outside can be as far.

    Args:
        points: all candidates.
        centres: changed in place: picks are added.
        cover: changed in place, for these rows only.
        rows: (m,) all rows whose squared distance is at least `floor`, up to date.
        floor: squared distance that every other row is below.
        count: number of centres.
        limit: number of centres to end at.
        threshold: squared distance below which nothing is picked.
        slack: of the inner products, doubled.
        picks: (limit,) candidates, by column; changed in place, as are the next two.
        pick_squared: (limit,) squared distance when picked.
        pick_nearest: (limit,) nearest centre when picked.

    Returns:
        The number of centres, and whether the threshold has ended the selection.
    """
    m, q = rows.shape[0], points.phi.shape[1]
    row_of = rows.copy()
    phi = np.empty((m, q), np.float32)
    _take_rows(points.phi, rows, phi)
    squared = np.empty(m, np.float32)
    candidate = np.empty(m, np.int64)
    from_product = np.empty(m, np.float32)
    best = -1
    for r in range(m):
        squared[r] = cover.squared[rows[r]]
        candidate[r] = points.order[rows[r]]
        from_product[r] = _limit(points, cover, rows[r], slack)
        if best < 0 or squared[r] > squared[best] or (squared[r] == squared[best] and candidate[r] < candidate[best]):
            best = r
    ended = False
    while best >= 0 and squared[best] >= floor and count < limit:
        if squared[best] < threshold:
            ended = True
            break
        row = row_of[best]
        pick = candidate[best]
        picks[count] = pick
        pick_squared[count] = squared[best]
        pick_nearest[count] = cover.nearest[row]
        _copy_row(phi, best, centres.phi, count)
        centres.phi[count, q - 1] = -points.half[row]
        _copy_row(points.vectors, pick, centres.vectors, count)
        squared[best] = np.float32(-1)
        cover.squared[row] = np.float32(-1)
        cover.nearest[row] = count
        best = -1
        below = 0
        for r in range(m):
            if squared[r] < floor:
                below += 1
                continue
            if _inner(phi, r, centres.phi, count) >= from_product[r]:
                exact = squared_distance(points.vectors, candidate[r], points.vectors, pick)
                if exact < squared[r]:
                    squared[r] = exact
                    cover.squared[row_of[r]] = exact
                    cover.nearest[row_of[r]] = count
                    from_product[r] = _limit(points, cover, row_of[r], slack)
                    if exact < floor:
                        continue
            if (
                best < 0
                or squared[r] > squared[best]
                or (squared[r] == squared[best] and candidate[r] < candidate[best])
            ):
                best = r
        count += 1
        if below * 4 > m:
            kept = 0
            new_best = -1
            for r in range(m):
                if squared[r] >= floor:
                    if r == best:
                        new_best = kept
                    row_of[kept] = row_of[r]
                    squared[kept] = squared[r]
                    candidate[kept] = candidate[r]
                    from_product[kept] = from_product[r]
                    _copy_row(phi, r, phi, kept)
                    kept += 1
            m = kept
            best = new_best
    for r in range(m):
        if squared[r] >= floor:
            cover.seen[row_of[r]] = count
    return count, ended


# ---- storage


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
