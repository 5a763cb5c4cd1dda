"""Check the programs of selection by strategies on thousands of small awkward inputs.

`python -m benchmarks.strategy_properties --cases 5000 --seed 1`

Weights of 0, ties, duplicates, objects, own smallest distances, quotas over classes and over counts, small and large
and negative strengths, with and without a base. The plain program is compared with the value as the docs state it: no
pick may have a smaller one than another allowed unit, but for rounding. The lazy program must return the same as the
plain one, to the last bit.
"""

from dataclasses import dataclass, fields

import click
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from curation.selection.distance import squared_distances
from curation.selection.greedy import lazy, plain
from curation.selection.kcenter.fast import Tuning
from curation.selection.objectives import Combined, Diverse, Fixed, Objectives, Quota, Space
from tests.embedding_examples import KINDS, embeddings_of_kind

_STRENGTHS = (0.5, 1.0, 1.0, 2.0, 3.0, 0.01, 30.0, 100.0, 1e-3)
_DIMENSIONS = (1, 2, 3, 8, 17)


@dataclass(frozen=True)
class Case:
    """The input of a selection, and sizes of the lazy program that must not matter.

    Attributes:
        candidates: (n, d) float32.
        base: (m, d) float32.
        limit: picks at most.
        threshold: smallest squared distance.
        objectives: what is to be large.
        tuning: sizes.
    """

    candidates: NDArray[np.float32]
    base: NDArray[np.float32]
    limit: int
    threshold: np.float32 | None
    objectives: Objectives
    tuning: Tuning

    def plain(self) -> Combined:
        """Run the definition."""
        return plain.combined(self.candidates, self.base, self.limit, self.threshold, self.objectives)

    def lazy(self) -> Combined:
        """Run the lazy program."""
        return lazy.combined(self.candidates, self.base, self.limit, self.threshold, self.objectives, self.tuning)


# ---- random cases


def random_case(seed: int, *, may_rise: bool = False) -> Case:
    """Return a case; with `may_rise`, distances can have negative strengths."""
    rng = np.random.default_rng(seed)
    n, dimension = int(rng.integers(1, 60)), int(rng.choice(_DIMENSIONS))
    candidates = _vectors(rng, n, dimension)
    if rng.random() < 0.15:  # not of unit length
        candidates *= np.float32(rng.choice([0.3, 2, 5]))
    base = _vectors(rng, int(rng.integers(0, 15)) if rng.random() < 0.6 else 0, dimension)
    if len(base) and rng.random() < 0.5:
        base = np.concatenate([base, candidates[rng.integers(0, n, 2)]])
    places = iter(rng.permutation(12).tolist())
    fixed = [_fixed(rng, next(places), n) for _ in range(int(rng.integers(0, 3)))]
    spaces = [None, *(_space(rng, n) for _ in range(int(rng.integers(0, 3))))]
    diverse = [
        _diverse(rng, next(places), spaces[int(rng.integers(len(spaces)))], may_rise=may_rise)
        for _ in range(int(rng.integers(0, 4)))
    ]
    quotas = [_quota(rng, next(places), n) for _ in range(int(rng.choice([0, 0, 1, 1, 2])))]
    threshold = None if rng.random() < 0.6 else np.float32(rng.choice([0, 0.01, 0.1, 0.5]))
    limit = int(rng.integers(0, n + 5))
    return Case(candidates, base, limit, threshold, Objectives(fixed, diverse, quotas), _tuning(rng))


def _vectors(rng: np.random.Generator, n: int, dimension: int) -> NDArray[np.float32]:
    return embeddings_of_kind(str(rng.choice(KINDS)), n, dimension, int(rng.integers(2**31)))


def _fixed(rng: np.random.Generator, place: int, n: int) -> Fixed:
    values = [
        rng.random(n),
        np.round(rng.random(n), 1),
        rng.choice([0, 0.25, 0.5, 1], n),
        rng.choice([0.0, 1.0], n),
        np.full(n, float(rng.integers(0, 2))),
    ][int(rng.integers(5))]
    return Fixed(place, values, float(rng.choice(_STRENGTHS) * rng.choice([1, 1, -1])))


def _space(rng: np.random.Generator, n: int) -> Space:
    n_items, dimension = int(rng.integers(0, 3 * n)), int(rng.choice(_DIMENSIONS))
    base = _vectors(rng, int(rng.integers(0, 10)) if rng.random() < 0.5 else 0, dimension)
    return Space(_vectors(rng, n_items, dimension), np.sort(rng.integers(0, n, n_items)), base)


def _diverse(rng: np.random.Generator, place: int, space: Space | None, *, may_rise: bool) -> Diverse:
    smallest = np.float32(rng.choice([0, 0.01, 0.1, 0.5, 1])) if rng.random() < 0.3 else None
    sign = -1 if may_rise and rng.random() < 0.5 else 1
    return Diverse(place, space, float(rng.choice(_STRENGTHS) * sign), smallest)


def _quota(rng: np.random.Generator, place: int, n: int) -> Quota:
    n_classes = int(rng.integers(1, 5))
    target = rng.random(n_classes) if rng.random() < 0.5 else rng.choice([0.0, 1.0, 2.0], n_classes)
    target[0] += not target.any()
    classes = rng.integers(-1, n_classes, n)
    counts, others = (classes[:, None] == np.arange(n_classes)).astype(np.int64), (classes < 0).astype(np.int64)
    if rng.random() < 0.4:
        counts, others = rng.integers(0, 3, (n, n_classes)), rng.integers(0, 2, n)
    before = rng.integers(0, 5, n_classes)
    return Quota(place, target / target.sum(), counts, others, before, float(rng.choice(_STRENGTHS)))


def _tuning(rng: np.random.Generator) -> Tuning:
    return Tuning(
        group_size=int(rng.choice([2, 4])),
        cluster_from=float(rng.choice([0, 3e9])),
        outer=int(rng.choice([4, 8, 64])),
        inner=int(rng.choice([1, 2, 4, 32])),
        width=int(rng.choice([2, 8])),
        threads=int(rng.choice([1, 2])),
        most_kinds=int(rng.choice([1, 3, 4096])),
    )


# ---- what must hold


def failures_of(case: Case) -> list[str]:
    """Return what is wrong with the plain program, and where the lazy one differs from it."""
    found = case.plain()
    wrong = [] if (why := first_wrong_pick(case, found.traversal.picks)) is None else [f"plain: {why}"]
    if all(one.strength > 0 for one in case.objectives.diverse):
        wrong += [f"lazy: {name}" for name in differences(found, case.lazy())]
    return wrong


def differences(one: Combined, other: Combined) -> list[str]:
    """Return the names of the fields that are not equal."""
    pairs = [("values", one.values, other.values), ("places", np.array(one.places), np.array(other.places))]
    for field in fields(one.traversal):
        pairs.append((field.name, getattr(one.traversal, field.name), getattr(other.traversal, field.name)))
    return [name for name, mine, theirs in pairs if mine.dtype != theirs.dtype or not np.array_equal(mine, theirs)]


def first_wrong_pick(case: Case, picks: NDArray[np.int64]) -> str | None:
    """Return why the first, a middle or the last pick is not what the definition says, or None."""
    n = len(case.candidates)
    for rank in sorted({0, 1, len(picks) // 2, len(picks)} & set(range(len(picks) + 1))):
        allowed, values = _state(case, picks[:rank])
        allowed[picks[:rank]] = False
        if rank == len(picks):
            if rank < min(case.limit, n) and allowed.any():
                return f"ended after {rank}"
            continue
        best = values[allowed].max(initial=-np.inf)
        if not allowed[picks[rank]] or values[picks[rank]] < best - 1e-9 * max(1.0, abs(best)):
            return f"pick {rank} has {values[picks[rank]]}, allowed: {allowed[picks[rank]]}; another one {best}"
    return None


def _state(case: Case, chosen: NDArray[np.int64]) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Return which units are allowed, but for those chosen, and the value of each, from the beginning."""
    n = len(case.candidates)
    images = Space(case.candidates, np.arange(n), case.base)
    values, allowed = np.zeros(n), np.ones(n, np.bool_)
    if case.threshold is not None:
        allowed &= _farthest(images, n, chosen) >= case.threshold
    for fixed in case.objectives.fixed:
        values += _logarithm(fixed.values, fixed.strength)
    for diverse in case.objectives.diverse:
        space = diverse.space or images
        squared = _farthest(space, n, chosen)
        allowed &= squared >= (diverse.smallest or 0)
        term = _logarithm(np.sqrt(np.minimum(squared, 4).astype(np.float64) / 4), diverse.strength)
        values += np.where(np.isin(np.arange(n), space.owners), term, -np.inf)
    for quota in case.objectives.quotas:
        quotient = quota.target / (2 * (quota.before + quota.counts[chosen].sum(axis=0)) + 1)
        members = np.maximum(quota.counts.sum(axis=1) + quota.others, 1)
        values += _logarithm((quota.counts * quotient / quotient.max()).sum(axis=1) / members, quota.strength)
    return allowed, values


def _farthest(space: Space, n: int, chosen: NDArray[np.int64]) -> NDArray[np.float32]:
    """Return each unit's largest squared distance of an item to the nearest one selected, (n,); 0 without items."""
    centres = np.concatenate([space.base, space.items[np.isin(space.owners, chosen)]])
    nearest = np.full(len(space.items), np.inf, np.float32)
    for centre in centres:
        nearest = np.minimum(nearest, squared_distances(space.items, centre))
    farthest = np.zeros(n, np.float32)
    np.maximum.at(farthest, space.owners, nearest)
    return farthest


def _logarithm(values: NDArray[np.float64], strength: float) -> NDArray[np.float64]:
    with np.errstate(divide="ignore"):
        return abs(strength) * np.log(values if strength > 0 else np.maximum(1 - values, 0))


@click.command()
@click.option("--cases", default=5000, show_default=True, help="Random cases.")
@click.option("--seed", default=1, show_default=True, help="Of the first one; the others follow.")
def main(cases: int, seed: int) -> None:
    """Check the programs of selection by strategies."""
    wrong = []
    for number in tqdm(range(seed, seed + cases), disable=None):
        wrong += [f"seed {number}: {one}" for one in failures_of(random_case(number, may_rise=number % 4 == 0))]
    click.echo("\n".join(wrong[:20]))
    click.echo(f"{cases:,} cases, {len(wrong)} failures")
    if wrong:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
