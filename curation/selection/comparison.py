"""The coverage that each number of samples would bring, by the chosen rule, greedy k-center and chance."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from curation.selection.covering import Changes, changes
from curation.selection.distance import euclidean
from curation.selection.rules.coreset import Coreset, coreset
from curation.selection.traversal import Traversal
from curation.tables.repeated import RepeatedTexts

CHOSEN, CORESET, RANDOM = "chosen", "coreset", "random"
_PAIRS, _WORK, _FEWEST = 1e9, 1e11, 1000
_MANY, _SHARE = 100_000, 0.5
"""Candidates beyond which that share of the work has to do: the picks should take most of the time of a selection."""
_DRAWN = 100_000
"""Picks of chance whose distance to those before is measured, at most: it takes the square of their number."""


@dataclass(frozen=True)
class Picks:
    """The selection of a rule.

    Attributes:
        picks: (k,) int64 candidates in order of selection.
        squared: (k,) float32 squared distance of each to the nearest sample selected before; infinite if there is none.
    """

    picks: NDArray[np.int64]
    squared: NDArray[np.float32]


@dataclass(frozen=True)
class Curve:
    """The coverage of the candidates by 0, 1, … k picks.

    Attributes:
        radius: (k + 1,) float64 largest distance of a candidate to the nearest selected sample; NaN if there is none.
        mean: (k + 1,) float64 mean of these distances.
    """

    radius: NDArray[np.float64]
    mean: NDArray[np.float64]


def baselines(
    candidates: NDArray[np.float32],
    base: NDArray[np.float32],
    found: Traversal,
    seed: int,
    *,
    is_coreset: bool,
    coreset: Coreset = coreset,
) -> dict[str, Picks]:
    """Return what the chosen rule, greedy k-center and chance select, as many samples each.

    Args:
        candidates: (n, d) float32, sorted by filename.
        base: (m, d) float32.
        found: by the chosen rule.
        seed: of chance.
        is_coreset: whether the chosen rule is greedy k-center.
        coreset: the program of that rule.
    """
    count = len(found.picks)
    chosen = Picks(found.picks, found.pick_squared)
    if is_coreset:
        farthest = chosen
    else:
        traversal = coreset(candidates, base, count)
        farthest = Picks(traversal.picks, traversal.pick_squared)
    drawn = np.random.default_rng(seed).permutation(len(candidates))[:count]
    if np.array_equal(drawn, found.picks):
        return {CHOSEN: chosen, CORESET: farthest, RANDOM: chosen}
    return {CHOSEN: chosen, CORESET: farthest, RANDOM: _by_chance(candidates, found.base_squared, drawn)}


def _by_chance(candidates: NDArray[np.float32], base_squared: NDArray[np.float32], drawn: NDArray[np.int64]) -> Picks:
    """Return a random draw with the distance of each pick to those before; unknown, NaN, after the first `_DRAWN`.

    Args:
        candidates: (n, d) float32.
        base_squared: (n,) float32 squared distance of each candidate to the base; infinite if that is empty.
        drawn: (k,) candidates.
    """
    measured = drawn[:_DRAWN]
    squared = np.full(len(drawn), np.nan, np.float32)
    squared[: len(measured)] = base_squared[measured]
    points = candidates[measured]
    found = changes(points, points, squared[: len(measured)], np.arange(len(measured)))
    last = np.diff(found.row, append=len(measured)) > 0
    squared[found.row[last]] = found.squared[last]
    return Picks(drawn, squared)


def measured_rows(n: int, count: int, dimension: int) -> NDArray[np.int64]:
    """Return the candidates that coverage is measured on: all, or a seeded sample where all would take minutes.

    Args:
        n: number of candidates.
        count: number of picks.
        dimension: of the embeddings.
    """
    pairs = min(_PAIRS, _WORK / max(1, dimension)) * (_SHARE if n > _MANY else 1)
    affordable = max(_FEWEST, int(pairs / max(1, count)))
    if n <= affordable:
        return np.arange(n)
    return np.sort(np.random.default_rng(0).choice(n, affordable, replace=False))


def coverage_curve(found: Changes, base_squared: NDArray[np.float32], count: int) -> Curve:
    """Return coverage after each pick.

    Each change ends when the next one of the same candidate comes. Since a candidate's distance only falls, the largest
    distance after a number of picks is the largest among the changes that end later: one pass from the end.

    Args:
        found: all changes.
        base_squared: (n,) float32 squared distance of each candidate to the base; infinite if that is empty.
        count: number of picks.
    """
    n = len(base_squared)
    radius, mean = np.full(count + 1, np.nan), np.full(count + 1, np.nan)
    if n == 0:
        return Curve(radius, mean)
    start = np.nan_to_num(euclidean(base_squared))
    distance = euclidean(found.squared)
    is_first = np.diff(found.row, prepend=-1) > 0
    before = np.where(is_first, start[found.row], np.concatenate([[0.0], distance])[: len(distance)])
    falls = np.bincount(found.pick + 1, weights=distance - before, minlength=count + 1)
    mean[:] = (start.sum() + np.cumsum(falls)) / n
    last_budget = np.full(len(distance), count)  # at which the distance still holds
    last_budget[:-1] = np.where(is_first[1:], count, found.pick[1:])
    largest = np.zeros(count + 1)
    np.maximum.at(largest, last_budget, distance)
    until = np.full(n, count)
    until[found.row[is_first]] = found.pick[is_first]
    np.maximum.at(largest, until, start)
    radius[:] = np.maximum.accumulate(largest[::-1])[::-1]
    if np.isinf(base_squared).all():
        radius[0], mean[0] = np.nan, np.nan
    return Curve(radius, np.maximum(mean, 0))


def knee(values: NDArray[np.float64]) -> int:
    """Return where a falling curve bends most: the place that is farthest below the line between its ends.

    V. Satopää, J. Albrecht, D. Irwin and B. Raghavan, Finding a "kneedle" in a haystack, ICDCS Workshops 2011.

    Args:
        values: (n,) float64, n at least 1.

    Returns:
        The place, the first one on ties; 0 where the curve does not fall.
    """
    if len(values) < 3 or values[0] <= values[-1]:
        return 0
    across = np.arange(len(values)) / (len(values) - 1)
    down = (values - values[-1]) / (values[0] - values[-1])
    return int((across + down).argmin())


def compare(
    candidates: NDArray[np.float32],
    found: Traversal,
    rules: dict[str, Picks],
    labels: RepeatedTexts,
    raw_paths: RepeatedTexts,
    samples_a_pick: int,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Measure what rules have selected.

    Args:
        candidates: (n, d) float32.
        found: by the chosen rule.
        rules: what each has selected, by name; all as many, the chosen rule first.
        labels: n names of weak labels.
        raw_paths: n raw files.
        samples_a_pick: 1, or the length of a sequence.

    Returns:
        One row for each number of samples (columns `curation.tables.selection.BUDGET_CURVE`), and one for each rule
        (`COMPARISON`).
    """
    count = len(found.picks)
    rows = measured_rows(len(candidates), count, candidates.shape[1])
    points, base_squared = candidates[rows], found.base_squared[rows]
    first = min(1, count) if np.isinf(base_squared).all() else 0  # nothing is near or far before the first pick
    label_of, file_of = labels.numbers, raw_paths.numbers
    curves: dict[int, Curve] = {}  # rules that have selected the same share theirs
    columns: dict[str, NDArray[np.generic]] = {"budget": np.arange(count + 1) * samples_a_pick}
    table = []
    for name, rule in rules.items():
        if id(rule) not in curves:
            falls = changes(points, candidates[rule.picks], base_squared)
            curves[id(rule)] = coverage_curve(falls, base_squared, count)
        curve = curves[id(rule)]
        columns |= _columns_of(name, curve, rule)
        table.append(
            {
                "rule": name,
                "samples": count * samples_a_pick,
                "coverage_radius": curve.radius[-1],
                "mean_distance": curve.mean[-1],
                "smallest_distance": _smallest(rule.squared),
                "label_share": _share(label_of, rule.picks),
                "raw_file_share": _share(file_of, rule.picks),
                "knee": (knee(curve.radius[first:]) + first) * samples_a_pick,
                "measured": len(rows),
            }
        )
    return pd.DataFrame(columns), pd.DataFrame(table)


def _columns_of(name: str, curve: Curve, rule: Picks) -> dict[str, NDArray[np.generic]]:
    """Return the columns of `BUDGET_CURVE` that are a rule's."""
    prefix = "" if name == CHOSEN else f"{name}_"
    return {
        f"{prefix}coverage_radius": curve.radius,
        f"{prefix}mean_distance": curve.mean,
        f"{prefix}pick_distance": np.concatenate([[np.nan], euclidean(rule.squared)]),
    }


def _smallest(squared: NDArray[np.float32]) -> float:
    """Return the smallest distance between two selected samples, at least one of them new; NaN without a pair."""
    known = squared[np.isfinite(squared)]
    return float(euclidean(known).min()) if len(known) else float("nan")


def _share(numbers: NDArray[np.integer], picks: NDArray[np.int64]) -> float:
    """Return the share of the distinct numbers of all candidates that picks have; NaN without candidates."""
    if not len(numbers):
        return float("nan")
    return len(np.unique(numbers[picks])) / int(np.count_nonzero(np.bincount(numbers)))
