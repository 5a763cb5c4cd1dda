"""Greedy k-center without the passes over all candidates: the same picks as `curation.selection.kcenter.plain`.

Each pick asks for one thing only, the farthest candidate. So most distances need not be known:

1. *Lazy upper bounds.* What is known of a candidate's distance to the selected is an upper bound, since more picks
   only bring it nearer. A candidate whose upper bound is below that of an exactly known one is not the next pick, and
   is left alone until the picks come down to it (lazy evaluation as in M. Minoux, Accelerated greedy algorithms for
   maximizing submodular set functions, 1978).
2. *Active set.* A floor is chosen such that a few thousand candidates are at or above it. Only these are brought up
   to date, and picks are made among them as long as the farthest is not below the floor. Inside, a second floor
   leaves so few that every pick can be compared with all of them at once.
3. *Lower bounds by matrix product.* Bringing up to date means to find the nearest of many centres. A projection gives
   a lower bound on each distance (`projection`); only where that is below the upper bound the distance is computed.
4. *Groups.* Centres that are far from a whole group of neighbouring candidates are ruled out for all of it
   (`groups`): most of them by a bound of a few values, from a second projection.

All distances that are compared are exact, and ties go to the lower row, so neither the order of the work nor the
number of threads nor the rounding of the BLAS library can change a pick.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np
import scipy.linalg  # noqa: F401  (loads the BLAS library that compiled code calls, so that its threads can be limited)
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits
from tqdm import tqdm

from curation.core.cores import available_cores
from curation.selection.distance import product_slack
from curation.selection.kcenter import balls as grouping
from curation.selection.kcenter import kernels
from curation.selection.kcenter import short_vectors as projection
from curation.selection.kcenter.blocks import in_blocks
from curation.selection.traversal import Traversal

_TINY = np.finfo(np.float32).smallest_subnormal

_ROWS_A_TASK = 256
_GROUPS_A_TASK = (64, 1024)
_MARKED_A_TASK = (512, 1024)
_TASKS_A_THREAD = 8
"""The division of work for the threads: the least and the most of it in a task, and tasks a thread in between."""


@dataclass(frozen=True)
class Tuning:
    """Sizes that decide how long it takes, never what comes out.

    Attributes:
        group_size: candidates a group.
        run_radius: squared distance that consecutive candidates of a group keep from its first, as a share of the mean
            squared distance of any two candidates.
        cluster_from: candidates times centres from which on groups are made by k-means, if consecutive candidates are
            no neighbours; below it there are no groups then.
        outer: candidates in the active set, at least; a sixteenth of all where that is more.
        inner: candidates that every pick is compared with at once.
        width: columns a matrix product.
        window: picks after which all candidates are brought up to date, so that what is pending takes little memory.
        quick_from: centres from which on a bound of few directions comes first.
        threads: None for one a core.
        most_kinds: kinds of units that quotas are computed for after every pick (`curation.selection.greedy.kinds`).
    """

    group_size: int = 128
    run_radius: float = 0.05
    cluster_from: float = 3e9
    outer: int = 4096
    inner: int = 2048
    width: int = 512
    window: int = 2**16
    quick_from: int = 2**13
    threads: int | None = None
    most_kinds: int = 4096


def tuning_for(limit: int) -> Tuning:
    """Return the sizes for some picks: of very many, what is pending takes half of the memory and a sixth more time."""
    usual = Tuning()
    return usual if limit <= usual.window else replace(usual, window=usual.window // 2)


def farthest_first(
    candidates: NDArray[np.float32],
    base: NDArray[np.float32],
    limit: int,
    threshold: np.float32,
    tuning: Tuning | None = None,
) -> Traversal:
    """Select like `curation.selection.kcenter.plain.farthest_first`.

    Args:
        candidates: (n, d) float32, n at least 1.
        base: (m, d) float32; may be empty.
        limit: picks at most.
        threshold: the smallest squared distance at which a candidate is still picked.
        tuning: sizes.
    """
    with _search(candidates, base, limit, tuning) as search:
        base_squared, base_nearest = search.in_callers_order() if len(base) else _no_cover(len(candidates))
        search.select(threshold)
        search.find_nearest()
        search.take_duplicates(threshold)
        squared, nearest = search.in_callers_order()
    return Traversal(*search.selected(), base_squared, base_nearest, np.maximum(squared, 0), nearest)


def _no_cover(n: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Return what `in_callers_order` gives of n candidates where nothing is selected, in no memory."""
    return np.broadcast_to(np.float32(np.inf), n), np.broadcast_to(np.int64(-1), n)


def picks_only(
    candidates: NDArray[np.float32],
    base: NDArray[np.float32],
    limit: int,
    threshold: np.float32,
    tuning: Tuning | None = None,
) -> NDArray[np.int64]:
    """Return the picks of `farthest_first`, (k,) int64, without finding out which of them covers each candidate.

    Args: as for `farthest_first`.
    """
    with _search(candidates, base, limit, tuning) as search:
        search.select(threshold)
        search.take_duplicates(threshold)
    return search.selected().candidate


@contextmanager
def threads(tuning: Tuning) -> Iterator[Executor]:
    """Give searches their threads. They take a matrix product each, so BLAS is kept from starting some of its own."""
    with threadpool_limits(1, user_api="blas"), ThreadPoolExecutor(tuning.threads or available_cores()) as executor:
        yield executor


@contextmanager
def _search(
    candidates: NDArray[np.float32], base: NDArray[np.float32], limit: int, tuning: Tuning | None
) -> Iterator["Search"]:
    limit = min(limit, len(candidates))
    tuning = tuning or tuning_for(limit)
    with threads(tuning) as executor:
        yield Search(candidates, base, limit, tuning, executor)


class Search:
    """The candidates, the centres so far, and what is known of the distances between them.

    Attributes:
        n_base: samples of the base.
        count: centres: the base and the picks so far.
        limit: centres at most.
        state: what the compiled loops work on.
    """

    def __init__(
        self,
        candidates: NDArray[np.float32],
        base: NDArray[np.float32],
        limit: int,
        tuning: Tuning,
        executor: Executor,
        n_near: int = 0,
    ) -> None:
        """Project and group the candidates, and find the nearest sample of the base to each of them.

        Args:
            candidates: (n, d) float32, n at least 1.
            base: (m, d) float32; may be empty.
            limit: picks at most.
            tuning: sizes.
            executor: threads.
            n_near: centres nearest to a group that are listed; 0 unless more than distances counts.
        """
        self._tuning, self._executor = tuning, executor
        self._threads = tuning.threads or available_cores()
        self.n_base = self.count = len(base)
        self.limit = len(base) + limit
        self._window_end = len(base) + tuning.window
        n = len(candidates)
        self._project = project = projection.fit(candidates, base, limit)
        phi, half = project(candidates, executor)
        base_phi, base_half = project(base, executor)
        order, start = self._order_and_groups(phi, half)
        groups = grouping.enclose(phi, start, min(limit, tuning.window), project.coarse, executor, n_near)
        self._grouped = len(start) > 2
        leading = project.n_leading if self.limit >= tuning.quick_from else 0
        rest, base_rest = (projection.rest_norms(each, leading, executor) for each in (phi, base_phi))
        phi[:, -1], base_phi[:, -1] = 1, -base_half
        self._cover = kernels.Cover(np.full(n, np.inf, np.float32), np.full(n, -1, np.int32), np.zeros(n, np.int32))
        largest = 2 * max(float(half.max()), float(base_half.max(initial=0)))
        self.state = kernels.State(
            kernels.Points(np.ascontiguousarray(candidates), order, phi, half[order], rest),
            _centres(self.limit, base, base_phi, base_rest, groups.coarse.shape[1]),
            _no_picks(self.limit),
            self._cover,
            groups,
            product_slack(project.width, largest),
            tuning.width,
            leading,
            tuning.quick_from,
        )
        self._floors = np.empty(n, np.float32)
        self._find_first_nearest()

    def _order_and_groups(
        self, phi: NDArray[np.float32], half: NDArray[np.float32]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Find groups of neighbouring candidates; a single one if that is not worth its time.

        Args:
            phi: (n, q) projections, put into the order of the groups in place.
            half: (n,) half squared norms.

        Returns:
            (n,) int64 order of the rows, and (g + 1,) int64 first rows of the groups in it.
        """
        n, tuning = len(phi), self._tuning
        start = grouping.runs(phi, half, tuning.group_size, tuning.run_radius)
        if start is not None:
            return np.arange(n), start
        if n * self.limit < tuning.cluster_from:
            return np.arange(n), grouping.consecutive(n, n)
        order, start = grouping.cluster(phi, tuning.group_size, self._executor)
        kernels.permute_rows(phi, order)
        return order, start

    def _side_by_side(self, task: Callable[[int, int], None], length: int, limits: tuple[int, int]) -> None:
        """Call `task(start, stop)` for blocks of `range(length)` on the threads.

        Calling compiled code takes tens of microseconds, in which the threads wait for each other: so the blocks are
        not smaller than they need to be.

        Args:
            task: what to do with a block.
            length: of all.
            limits: the smallest and the largest block.
        """
        least, most = limits
        in_blocks(self._executor, task, length, min(most, max(least, length // (_TASKS_A_THREAD * self._threads))))

    def selected(self) -> kernels.Picks:
        """Return the picks so far, without the base."""
        candidate, squared, nearest = self.state.picks
        new = slice(self.n_base, self.count)
        return kernels.Picks(candidate[new], squared[new], nearest[new])

    def rows_of_callers(self) -> NDArray[np.int64]:
        """Return the row of each candidate, (n,), in the order in which they were given."""
        order = self.state.points.order
        row_of = np.empty(len(order), np.int64)
        row_of[order] = np.arange(len(order))
        return row_of

    def in_callers_order(self) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Return the squared distance of each candidate to its nearest centre, and that centre's number."""
        order = self.state.points.order
        squared = np.empty_like(self._cover.squared)
        nearest = np.empty(len(squared), np.int64)
        squared[order] = self._cover.squared
        nearest[order] = self._cover.nearest
        return squared, nearest

    def _find_first_nearest(self) -> None:
        """Make what is known of every candidate exact, where nothing was known before."""
        if self.count == 0:
            return
        if self._grouped:
            self._side_by_side(
                lambda a, b: kernels.search_groups(self.state, a, b, self.count),
                len(self.state.groups.half),
                _GROUPS_A_TASK,
            )
        self._refresh(kernels.at_least(self._cover.squared, np.float32(0)), self._all_from(np.float32(0)))
        self._cover.seen[:] = self.count

    def add(self, chosen: NDArray[np.int64], rows: NDArray[np.int64]) -> None:
        """Make some candidates centres, without what is written down of a pick.

        Args:
            chosen: (b,) candidates in the caller's order.
            rows: (b,) the same in the order of the groups.
        """
        points, centres, first = self.state.points, self.state.centres, self.count
        self.count += len(rows)
        new = slice(first, self.count)
        centres.vectors[new] = points.vectors[chosen]
        centres.phi[new] = points.phi[rows]
        centres.phi[new, -1] = -points.half[rows]
        centres.rest[new] = points.rest[rows]
        self.state.picks.candidate[new] = chosen
        self._cover.squared[rows], self._cover.nearest[rows] = -1, np.arange(first, self.count)
        self.account_for(first)

    def account_for(self, first: int) -> None:
        """Prepare for what comes after the centres from number `first` on."""
        if first == 0 < self.count:
            self._find_first_nearest()
        else:
            self._mark_pending(first)

    def find_nearest(self) -> None:
        """Make what is known of every candidate exact, and free the memory of what only further picks would need."""
        rows = kernels.at_least(self._cover.squared, np.float32(0))
        floors = self._all_from(np.float32(0))
        rows = self._refresh_groups(rows, floors)
        self.state = self.state._replace(groups=self.state.groups._replace(pending=np.empty((0, 0), np.uint64)))
        self._refresh(rows, floors)

    def select(self, threshold: np.float32) -> None:
        """Pick until the limit, the threshold, or until all that is left are duplicates of selected samples."""
        self._pick_first()
        n = len(self._cover.squared)
        outer = max(self._tuning.outer, n // 16)
        target = outer
        lowest = max(threshold, _TINY)
        ended = False
        with tqdm(total=self.limit - self.n_base, desc="select", disable=None, leave=False) as progress:
            progress.update(self.count - self.n_base)
            while self.count < self.limit and not ended:
                floor, rows = self._farthest(target, lowest)
                if len(rows) == 0:
                    return
                before = self.count
                rows = self.refresh(rows, self._all_from(floor))
                n_active = len(rows)
                ended = self._select_among(rows, floor, threshold)
                progress.update(self.count - before)
                if n_active < outer // 4:
                    target = min(int(target * 1.6) + 1, max(n // 3, 1))
                elif n_active > outer // 2:
                    target = max(int(target * 0.8), outer // 8)

    def _pick_first(self) -> None:
        """With an empty base, pick candidate 0: nothing is near or far yet."""
        if self.count == 0 < self.limit:
            self.add(np.zeros(1, np.int64), np.flatnonzero(self.state.points.order == 0))

    def _farthest(self, target: int, lowest: np.float32) -> tuple[np.float32, NDArray[np.int64]]:
        """Return a floor, `lowest` at least, and the rows that may not be below it: about `target`, none if all are."""
        squared = self._cover.squared
        floor = max(lowest, _nth_largest(squared, target, sample=65_536))
        rows = kernels.at_least(squared, floor)
        if len(rows) == 0:  # the sample that the floor was taken from missed the few that are left
            floor = max(lowest, squared.max())
            rows = kernels.at_least(squared, floor)
        return floor, rows

    def _select_among(self, rows: NDArray[np.int64], floor: np.float32, threshold: np.float32) -> bool:
        """Pick among some rows until all of them are below `floor`; say whether the threshold ended the selection."""
        squared = self._cover.squared
        while self.count < self.limit and len(rows):
            inner_floor = max(floor, _nth_largest(squared[rows], self._tuning.inner))
            few = self.refresh(rows[squared[rows] >= inner_floor], self._all_from(inner_floor))
            before = self.count
            self.count, ended = kernels.pick_among(self.state, few, inner_floor, before, self.limit, threshold)
            self._mark_pending(before)
            if ended:
                return True
            rows = rows[squared[rows] >= floor]
        return False

    def _all_from(self, floor: np.float32) -> NDArray[np.float32]:
        """Return the same floor for each row, (n,), until the next call."""
        self._floors.fill(floor)
        return self._floors

    def refresh(self, rows: NDArray[np.int64], floors: NDArray[np.float32]) -> NDArray[np.int64]:
        """Make the distances of some rows exact, and return those that are not below their floor.

        Args:
            rows: candidates in the order of the groups.
            floors: (n,) squared distance of each of all rows, below which its distance does not matter.
        """
        return self._refresh(self._refresh_groups(rows, floors), floors)

    def _refresh_groups(self, rows: NDArray[np.int64], floors: NDArray[np.float32]) -> NDArray[np.int64]:
        """Make the distances of some rows exact where their group rules out much; return those not below the floor."""
        if self._grouped:
            groups = np.unique(np.searchsorted(self.state.groups.start, rows, side="right") - 1)
            self._side_by_side(
                lambda a, b: kernels.refresh_groups(self.state, groups[a:b], self.count, floors),
                len(groups),
                _GROUPS_A_TASK,
            )
        return rows[self._cover.squared[rows] >= floors[rows]]

    def _refresh(self, rows: NDArray[np.int64], floors: NDArray[np.float32]) -> NDArray[np.int64]:
        """Make the distances of some rows exact, and return those that are not below their floor.

        Rows that have seen about as many centres are taken together.
        """
        late = rows[self._cover.seen[rows] < self.count]
        late = late[np.argsort(self._cover.seen[late], kind="stable")]
        in_blocks(
            self._executor,
            lambda a, b: kernels.refresh_all_columns(self.state, late[a:b], self.count, floors),
            len(late),
            _ROWS_A_TASK,
        )
        return rows[self._cover.squared[rows] >= floors[rows]]

    def _mark_pending(self, first: int) -> None:
        """Note for every group which of the centres from number `first` on can matter to it."""
        centres = self.state.centres
        while first < self.count and self._grouped:
            stop = min(self.count, self._window_end)
            centres.coarse[first:stop] = self._project.coarse(centres.phi[first:stop])

            def mark(first_group: int, end_group: int, start: int = first, end: int = stop) -> None:
                kernels.mark_pending(self.state, first_group, end_group, start, end)

            self._side_by_side(mark, len(self.state.groups.half), _MARKED_A_TASK)
            if stop == self._window_end:
                self._begin_window(stop)
            first = stop

    def _begin_window(self, count: int) -> None:
        """Make every distance to the first `count` centres exact, so that none of them is pending any more."""
        newest, self.count = self.count, count
        self.refresh(kernels.at_least(self._cover.squared, np.float32(0)), np.zeros(len(self._floors), np.float32))
        self.state.groups.pending[:] = 0
        self._window_end, self.count = count + self._tuning.window, newest

    def take_duplicates(self, threshold: np.float32) -> None:
        """Pick what is left at distance 0, the lowest candidate first, as far as the limit and the threshold allow."""
        if threshold > 0 or self.count == self.limit:
            return
        squared, nearest = self.in_callers_order()
        left = np.flatnonzero(squared == 0)[: self.limit - self.count]
        numbers = np.arange(self.count, self.count + len(left))
        picks = self.state.picks
        picks.candidate[numbers], picks.squared[numbers], picks.nearest[numbers] = left, 0, nearest[left]
        self._cover.nearest[self.rows_of_callers()[left]] = numbers
        self.count += len(left)


def _no_picks(limit: int) -> kernels.Picks:
    """Return room for the picks among some centres."""
    return kernels.Picks(np.full(limit, -1, np.int64), np.full(limit, np.inf, np.float32), np.full(limit, -1, np.int64))


def _centres(
    limit: int,
    base: NDArray[np.float32],
    base_phi: NDArray[np.float32],
    base_rest: NDArray[np.float32],
    n_coarse: int,
) -> kernels.Centres:
    """Return room for some centres, the first of them the base.

    Args:
        limit: centres at most.
        base: (m, d) float32.
        base_phi: (m, q) float32, as it stands in `kernels.Centres`.
        base_rest: (m,) float32, likewise.
        n_coarse: values of a coarse projection.
    """
    centres = kernels.Centres(
        np.empty((limit, base.shape[1]), np.float32),
        np.empty((limit, base_phi.shape[1]), np.float32),
        np.empty((limit, n_coarse), np.float32),
        np.empty(limit, np.float32),
    )
    centres.vectors[: len(base)], centres.phi[: len(base)], centres.rest[: len(base)] = base, base_phi, base_rest
    return centres


def _nth_largest(values: NDArray[np.float32], n: int, sample: int | None = None) -> np.float32:
    """Return about the n-th largest value that is not negative, the smallest if there are fewer; 0 without any.

    Args:
        values: (m,) float32.
        n: at least 1.
        sample: how many evenly spaced values to judge by; None for all.
    """
    step = max(1, len(values) // sample) if sample else 1
    seen = values[::step]
    seen = seen[seen >= 0]
    if len(seen) == 0:
        return np.float32(0)
    position = min(len(seen), max(1, n // step))
    return np.float32(np.partition(seen, -position)[-position])
