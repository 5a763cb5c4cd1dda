"""Greedy k-center without the passes over all candidates: the same picks as `stages.selection.kcenter.plain`.

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
   (`groups`).

All distances that are compared are exact, and ties go to the lower row, so neither the order of the work nor the
number of threads nor the rounding of the BLAS library can change a pick.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import scipy.linalg  # noqa: F401  (loads the BLAS library that compiled code calls, so that its threads can be limited)
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits
from tqdm import tqdm

from stages.cores import available_cores
from stages.selection.distance import product_slack
from stages.selection.kcenter import groups as grouping
from stages.selection.kcenter import kernels, projection
from stages.selection.kcenter.parallel import in_blocks
from stages.selection.traversal import Traversal

_TINY = np.finfo(np.float32).smallest_subnormal


@dataclass(frozen=True)
class Tuning:
    """Sizes that decide how long it takes, never what comes out.

    Attributes:
        group_size: candidates a group.
        cluster_from: candidates times centres from which on groups are made by k-means.
        outer: candidates in the active set, at least; a sixteenth of all where that is more.
        inner: candidates that every pick is compared with at once.
        width: columns a matrix product.
        threads: None for one a core.
    """

    group_size: int = 64
    cluster_from: float = 3e9
    outer: int = 4096
    inner: int = 2048
    width: int = 512
    threads: int | None = None


def farthest_first(
    candidates: NDArray[np.float32],
    base: NDArray[np.float32],
    limit: int,
    threshold: np.float32,
    tuning: Tuning | None = None,
) -> Traversal:
    """Select like `stages.selection.kcenter.plain.farthest_first`.

    Args:
        candidates: (n, d) float32, n at least 1.
        base: (m, d) float32; may be empty.
        limit: picks at most.
        threshold: the smallest squared distance at which a candidate is still picked.
        tuning: sizes.
    """
    tuning = tuning or Tuning()
    with threadpool_limits(1, user_api="blas"), ThreadPoolExecutor(tuning.threads or available_cores()) as executor:
        search = Search(candidates, base, min(limit, len(candidates)), tuning, executor)
        base_squared, base_nearest = search.in_callers_order()
        search.select(threshold)
        search.find_nearest(search.n_base)
        search.take_duplicates(threshold)
        squared, nearest = search.in_callers_order()
    picked = slice(search.n_base, search.count)
    return Traversal(
        search.picks[picked],
        search.pick_squared[picked],
        search.pick_nearest[picked],
        base_squared,
        base_nearest,
        np.maximum(squared, 0),
        nearest,
    )


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
    tuning = tuning or Tuning()
    with threadpool_limits(1, user_api="blas"), ThreadPoolExecutor(tuning.threads or available_cores()) as executor:
        search = Search(candidates, base, min(limit, len(candidates)), tuning, executor)
        search.select(threshold)
        search.take_duplicates(threshold)
    return search.picks[search.n_base : search.count]


class Search:
    """The candidates, the centres so far, and what is known of the distances between them.

    Attributes:
        n_base: samples of the base.
        count: centres: the base and the picks so far.
        picks: candidates by centre number, -1 for the base.
        pick_squared: their squared distances when picked.
        pick_nearest: their nearest centre when picked.
    """

    def __init__(
        self,
        candidates: NDArray[np.float32],
        base: NDArray[np.float32],
        limit: int,
        tuning: Tuning,
        executor: ThreadPoolExecutor,
    ) -> None:
        """Project and group the candidates, and find the nearest sample of the base to each of them."""
        self._tuning = tuning
        self._executor = executor
        n, dimension = candidates.shape
        self.n_base = self.count = len(base)
        self.limit = len(base) + limit
        project = projection.fit(candidates, base, limit)
        phi, half = project(candidates, executor)
        if n * self.limit < tuning.cluster_from:
            order, start = np.arange(n), grouping.runs(n, tuning.group_size)
        else:
            order, start = grouping.cluster(phi, tuning.group_size, executor)
            kernels.permute_rows(phi, order)
        middle, radius = grouping.balls(phi, start)
        self._groups = kernels.Groups(start, middle, _half_norms(middle), radius)
        middle[:, -1] = 1
        phi[:, -1] = 1
        self._points = kernels.Points(np.ascontiguousarray(candidates), order, phi, half[order])
        self._centres = kernels.Centres(
            np.empty((self.limit, dimension), np.float32), np.empty((self.limit, project.width), np.float32)
        )
        largest = float(half.max())
        if self.n_base:
            base_phi, base_half = project(base, executor)
            self._centres.vectors[: self.n_base] = base
            self._centres.phi[: self.n_base] = base_phi
            self._centres.phi[: self.n_base, -1] = -base_half
            largest = max(largest, float(base_half.max()))
        self._slack = product_slack(project.width, 2 * largest)
        self._cover = kernels.Cover(np.full(n, np.inf, np.float32), np.full(n, -1, np.int32), np.zeros(n, np.int32))
        self._pending = np.zeros((len(start) - 1, self.limit // 64 + 1), np.uint64)
        self.picks = np.full(self.limit, -1, np.int64)
        self.pick_squared = np.full(self.limit, np.inf, np.float32)
        self.pick_nearest = np.full(self.limit, -1, np.int64)
        self.find_nearest(0)

    def _pick_first(self) -> None:
        """With an empty base, pick candidate 0: nothing is near or far yet."""
        if self.count == 0 < self.limit:
            row = int(np.flatnonzero(self._points.order == 0)[0])
            self._centres.vectors[0] = self._points.vectors[0]
            self._centres.phi[0] = self._points.phi[row]
            self._centres.phi[0, -1] = -self._points.half[row]
            self.picks[0], self.count = 0, 1
            self._cover.squared[row], self._cover.nearest[row] = -1, 0
            self.find_nearest(0)

    def find_nearest(self, first: int) -> None:
        """Make what is known of every candidate exact, considering the centres from number `first` on."""
        if first < self.count:
            step = max(1, int(2**22 // (self.count - first)))
            in_blocks(
                self._executor,
                lambda a, b: kernels.search_groups(
                    self._points,
                    self._centres,
                    self._cover,
                    self._groups,
                    a,
                    b,
                    first,
                    self.count,
                    self._slack,
                    self._tuning.width // 4,
                ),
                len(self._groups.half),
                min(step, 64),
            )
            self._up_to_date(kernels.at_least(self._cover.squared, np.float32(0)), np.float32(0), by_group=False)
        self._cover.seen[:] = self.count

    def in_callers_order(self) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Return the squared distance of each candidate to its nearest centre, and that centre's number."""
        squared = np.empty_like(self._cover.squared)
        nearest = np.empty(len(squared), np.int64)
        squared[self._points.order] = self._cover.squared
        nearest[self._points.order] = self._cover.nearest
        return squared, nearest

    def select(self, threshold: np.float32) -> None:
        """Pick until the limit, the threshold, or until all that is left are duplicates of selected samples."""
        self._pick_first()
        n = len(self._points.order)
        outer = max(self._tuning.outer, n // 16)
        target = outer
        lowest = max(threshold, _TINY)
        ended = False
        with tqdm(total=self.limit - self.n_base, desc="select", disable=None, leave=False) as progress:
            progress.update(self.count - self.n_base)
            while self.count < self.limit and not ended:
                floor = max(lowest, _nth_largest(self._cover.squared, target, sample=65_536))
                rows = kernels.at_least(self._cover.squared, floor)
                if len(rows) == 0:  # the sample that the floor was taken from missed the few that are left
                    floor = self._cover.squared.max()
                    if floor < lowest:
                        return
                    rows = kernels.at_least(self._cover.squared, floor)
                before = self.count
                rows = self._up_to_date(rows, floor, by_group=True)
                n_active = len(rows)
                ended = self._select_among(rows, floor, threshold)
                self._mark_pending(before)
                progress.update(self.count - before)
                if n_active < outer // 4:
                    target = min(int(target * 1.6) + 1, max(n // 3, 1))
                elif n_active > outer // 2:
                    target = max(int(target * 0.8), outer // 8)

    def _select_among(self, rows: NDArray[np.int64], floor: np.float32, threshold: np.float32) -> bool:
        """Pick among some rows until all of them are below `floor`; say whether the threshold ended the selection."""
        while self.count < self.limit and len(rows):
            inner_floor = max(floor, _nth_largest(self._cover.squared[rows], self._tuning.inner))
            few = self._up_to_date(rows[self._cover.squared[rows] >= inner_floor], inner_floor, by_group=False)
            self.count, ended = kernels.pick_among(
                self._points,
                self._centres,
                self._cover,
                few,
                inner_floor,
                self.count,
                self.limit,
                threshold,
                self._slack,
                self.picks,
                self.pick_squared,
                self.pick_nearest,
            )
            if ended:
                return True
            rows = rows[self._cover.squared[rows] >= floor]
        return False

    def _up_to_date(self, rows: NDArray[np.int64], floor: np.float32, by_group: bool) -> NDArray[np.int64]:
        """Make the distances of some rows exact, and return those that are not below `floor`."""
        cover, width = self._cover, self._tuning.width
        if by_group:
            chosen = np.unique(np.searchsorted(self._groups.start, rows, side="right") - 1)
            in_blocks(
                self._executor,
                lambda a, b: kernels.refresh_groups(
                    self._points,
                    self._centres,
                    cover,
                    self._groups,
                    chosen[a:b],
                    self._pending,
                    self.count,
                    floor,
                    self._slack,
                    width,
                ),
                len(chosen),
                16,
            )
            rows = rows[cover.squared[rows] >= floor]
        late = rows[cover.seen[rows] < self.count]
        late = late[np.argsort(cover.seen[late], kind="stable")]
        in_blocks(
            self._executor,
            lambda a, b: kernels.refresh_all_columns(
                self._points, self._centres, cover, late[a:b], self.count, floor, self._slack, width
            ),
            len(late),
            256 if by_group else 128,
        )
        return rows[cover.squared[rows] >= floor]

    def _mark_pending(self, first: int) -> None:
        """Note for every group which of the newest centres can matter to it."""
        if first < self.count:
            in_blocks(
                self._executor,
                lambda a, b: kernels.mark_pending(
                    self._centres, self._cover, self._groups, a, b, first, self.count, self._pending, self._slack
                ),
                len(self._groups.half),
                64,
            )

    def take_duplicates(self, threshold: np.float32) -> None:
        """Pick what is left at distance 0, the lowest candidate first, as far as the limit and the threshold allow."""
        if threshold > 0 or self.count == self.limit:
            return
        squared, nearest = self.in_callers_order()
        left = np.flatnonzero(squared == 0)[: self.limit - self.count]
        numbers = slice(self.count, self.count + len(left))
        self.picks[numbers] = left
        self.pick_squared[numbers] = 0
        self.pick_nearest[numbers] = nearest[left]
        row_of = np.empty(len(squared), np.int64)
        row_of[self._points.order] = np.arange(len(squared))
        self._cover.nearest[row_of[left]] = np.arange(self.count, self.count + len(left))
        self.count += len(left)


def _half_norms(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return half the squared length of each row, (n,) float32."""
    half: NDArray[np.float32] = np.empty(len(vectors), np.float32)
    np.einsum("nq,nq->n", vectors, vectors, dtype=np.float64, casting="same_kind", out=half)  # n rows, q columns
    half /= 2
    return half


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
