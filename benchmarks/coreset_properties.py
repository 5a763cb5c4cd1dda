"""Compare every program of the coreset rule with ten lines that state the rule, in many random cases.

`python -m benchmarks.coreset_properties --cases 10000 --seed 1`

A case is up to 120 embeddings of some kind (random, clustered, duplicated, on a grid, on a line, like a video, all
equal, all zero, nearly equal) in 1 to 33 dimensions, with or without a base, which may hold copies of candidates, a
number or a share of samples to select, and with or without a `min_distance`, which may be a distance that occurs. The
sizes that decide how the fast programs work are drawn too, and the number of shards. Picks, their distances and
neighbours, and the nearest selected sample of each candidate, before and after, must be the same to the last bit.

Exit code 1 if a case fails; the message says how to repeat it.
"""

import sys
from collections.abc import Callable
from dataclasses import fields
from functools import partial

import click
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from curation.execution.local import LocalEngine
from curation.selection.distance import euclidean, squared_distances
from curation.selection.kcenter import batched, fast, plain
from curation.selection.sharded.coreset import make, parts_of
from curation.selection.sharded.driver import Sizes, farthest_first
from curation.selection.stopping import sample_limit, squared_threshold
from curation.selection.traversal import Traversal
from tests.embedding_examples import KINDS, embeddings_of_kind

Program = Callable[[NDArray[np.float32], NDArray[np.float32], int, np.float32], Traversal]

_DIMENSIONS = (1, 1, 2, 2, 3, 3, 8, 17, 33)


def brute_force(
    candidates: NDArray[np.float32], base: NDArray[np.float32], limit: int, threshold: np.float32
) -> tuple[list[int], NDArray[np.float32]]:
    """Return the picks, and the squared distances of all candidates to all selected samples, base first.

    Args:
        candidates: (n, d).
        base: (m, d).
        limit: picks at most.
        threshold: squared distance below which nothing is picked.

    Returns:
        k picks, and (n, m + k) float32 squared distances.
    """
    columns = [squared_distances(candidates, centre) for centre in base]
    picks: list[int] = []
    while len(picks) < min(limit, len(candidates)):
        squared = np.min(columns, axis=0) if columns else np.full(len(candidates), np.inf, np.float32)
        left = [row for row in range(len(candidates)) if row not in picks]
        pick = max(left, key=lambda row: (squared[row], -row))
        if squared[pick] < threshold:
            break
        picks.append(pick)
        columns.append(squared_distances(candidates, candidates[pick]))
    return picks, np.reshape(columns, (-1, len(candidates))).astype(np.float32).T


def traversal(
    candidates: NDArray[np.float32], base: NDArray[np.float32], limit: int, threshold: np.float32
) -> Traversal:
    """Return what a program should return."""
    picks, distances = brute_force(candidates, base, limit, threshold)
    base_squared, base_nearest = _first_smallest(distances[:, : len(base)])
    squared, nearest = _first_smallest(distances)
    squared[picks], nearest[picks] = 0, len(base) + np.arange(len(picks))
    before = [_first_smallest(distances[[pick], : len(base) + rank]) for rank, pick in enumerate(picks)]
    return Traversal(
        np.array(picks, np.int64),
        np.array([found[0] for found, _ in before], np.float32),
        np.array([number[0] for _, number in before], np.int64),
        base_squared,
        base_nearest,
        squared,
        nearest,
    )


def differences(one: Traversal, other: Traversal) -> list[str]:
    """Return the names of the fields that are not equal."""
    return [
        field.name for field in fields(one) if not np.array_equal(getattr(one, field.name), getattr(other, field.name))
    ]


def _first_smallest(distances: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Return the smallest value of each row and its first column; infinity and -1 without columns."""
    n, m = distances.shape
    if m == 0:
        return np.full(n, np.inf, np.float32), np.full(n, -1, np.int64)
    return distances.min(axis=1), distances.argmin(axis=1)


def random_case(rng: np.random.Generator) -> tuple[NDArray[np.float32], NDArray[np.float32], int, np.float32, str]:
    """Return candidates, base, limit, threshold, and what kind of case it is."""
    kind, n, dimension = str(rng.choice(KINDS)), int(rng.integers(1, 121)), int(rng.choice(_DIMENSIONS))
    candidates = embeddings_of_kind(kind, n, dimension, int(rng.integers(2**31)))
    if rng.random() < 0.1:  # not of unit length
        candidates *= np.float32(rng.choice([1e-3, 0.3, 30.0]))
    base = candidates[:0]
    if rng.random() < 0.5:
        other = embeddings_of_kind(
            str(rng.choice(KINDS)), int(rng.integers(0, 40)), dimension, int(rng.integers(2**31))
        )
        base = np.concatenate([other, candidates[rng.integers(0, n, rng.integers(0, 4))]])
    budget = rng.choice(["number", "share", "none"])
    limit = sample_limit(
        n,
        int(rng.integers(0, n + 5)) if budget == "number" else None,
        float(rng.uniform(0.001, 1)) if budget == "share" else None,
    )
    distance = None if rng.random() < 0.5 else float(rng.uniform(0, 2))
    if rng.random() < 0.2:  # a distance that occurs: at exactly min_distance a sample is kept
        occurring = squared_distances(candidates, candidates[rng.integers(n)])
        distance = float(euclidean(occurring[rng.integers(n) :][:1])[0])
    text = f"{n} {kind} x {dimension}, {len(base)} in the base, limit {limit}, min_distance {distance}"
    return candidates, base, limit, squared_threshold(distance), text


def over_shards(
    candidates: NDArray[np.float32],
    base: NDArray[np.float32],
    limit: int,
    threshold: np.float32,
    n_shards: int,
    sizes: Sizes,
) -> Traversal:
    """Select over shards of this process."""
    parts = parts_of(candidates, n_shards, 1)
    with fast.threads(fast.Tuning(threads=1)) as executor, LocalEngine().actors(make, parts) as shards:
        return farthest_first(shards.call, len(candidates), base, limit, threshold, executor, sizes)


def programs(rng: np.random.Generator) -> dict[str, Program]:
    """Return the programs of the rule, with random sizes that must not matter."""
    tuning = fast.Tuning(
        group_size=int(rng.integers(2, 40)),
        run_radius=float(rng.choice([0, 0.05, np.inf])),
        cluster_from=float(rng.choice([0, np.inf])),
        outer=int(rng.integers(1, 60)),
        inner=int(rng.integers(1, 40)),
        width=int(rng.integers(4, 64)),
        window=int(rng.integers(1, 80)),
        threads=int(rng.integers(1, 3)),
    )
    round_size = int(rng.integers(1, 60))
    sizes = Sizes(int(rng.integers(1, 60)), int(rng.integers(1, 40)))
    return {
        "plain": plain.farthest_first,
        "fast": partial(fast.farthest_first, tuning=tuning),
        "batched": partial(batched.farthest_first, device="cpu", round_size=round_size),
        "sharded": partial(over_shards, n_shards=int(rng.integers(1, 7)), sizes=sizes),
    }


def failures_of(seed: int, case: int) -> list[str]:
    """Run one case, and return a line for each program that is wrong."""
    rng = np.random.default_rng([seed, case])
    candidates, base, limit, threshold, text = random_case(rng)
    expected = traversal(candidates, base, limit, threshold)
    failures = []
    for name, program in programs(rng).items():
        wrong = differences(program(candidates, base, limit, threshold), expected)
        if wrong:
            failures.append(f"case {case} of seed {seed}: {name}: {', '.join(wrong)} wrong ({text})")
    return failures


@click.command()
@click.option("--cases", default=10_000, show_default=True, help="Number of cases.")
@click.option("--seed", default=1, show_default=True, help="Seed of the first one.")
@click.option("--only", type=int, help="Run one case of the seed.")
def main(cases: int, seed: int, only: int | None) -> None:
    """Compare plain, fast, batched and sharded greedy k-center with brute force."""
    failed = 0
    for case in tqdm(range(cases) if only is None else [only], disable=None):
        failures = failures_of(seed, case)
        failed += bool(failures)
        for line in failures:
            click.echo(line)
    click.echo(f"{cases if only is None else 1} cases with seed {seed}: {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
