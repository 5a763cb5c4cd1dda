"""Check the promises of every selection rule on thousands of small awkward inputs. Prints cases and failures.

`python -m benchmarks.select_properties --cases 10000`

Of each rule: exactly the number of distinct samples asked for; a smallest distance that holds against the base and
between the picks, and that leaves nothing out that would fit; distances that brute force gives; the same picks for
another order of the rows. Of `coreset` also: the picks that ten lines of brute force choose. The tests of the project
check the same on fewer inputs.
"""

import click
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from curation.params.select import SelectParams
from curation.selection.distance import squared_distances
from curation.selection.outcome import select
from curation.selection.rule import Options
from curation.selection.rules.registry import RULES, choose
from curation.selection.stopping import squared_threshold
from curation.selection.traversal import Traversal
from tests.embedding_examples import KINDS, embeddings_of_kind

Case = tuple[NDArray[np.float32], NDArray[np.float32], int, np.float32 | None, Options]


def random_case(rng: np.random.Generator) -> Case:
    """Return candidates, base, number asked for, smallest squared distance and options."""
    kind, other = rng.choice(KINDS, 2)
    n, m, dimension = int(rng.integers(0, 40)), int(rng.integers(0, 12)), int(rng.choice([1, 2, 3, 8, 17]))
    candidates = embeddings_of_kind(str(kind), n, dimension, int(rng.integers(2**16)))
    base = embeddings_of_kind(str(other), m, dimension, int(rng.integers(2**16)))
    if n and m > 3:
        base[:2] = candidates[rng.integers(0, n, 2)]
    distance = rng.choice([0, 0, 1e-3, 0.1, 0.5, 2**0.5])
    videos = [f"video {number}" for number in rng.integers(0, 3, n)]
    rare, times = float(rng.choice([0, 0.5, 1])), np.sort(rng.uniform(0, 9, n))
    options = Options(int(rng.integers(100)), rare, rng.random(n), videos, times)
    return candidates, base, int(rng.integers(0, 45)), squared_threshold(distance) if distance else None, options


def all_squared(points: NDArray[np.float32], others: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return (n, m) squared distances, one row at a time."""
    rows = [squared_distances(others, point) for point in points]
    return np.array(rows, np.float32).reshape(len(points), len(others))


def farthest_first(
    between: NDArray[np.float32], to_base: NDArray[np.float32], limit: int, smallest: float
) -> list[int]:
    """Return the picks of greedy k-center from the definition.

    Args:
        between: (n, n) squared distances.
        to_base: (n,) squared distances.
        limit: picks at most.
        smallest: squared distance of a pick.
    """
    squared, picks = to_base.copy(), list[int]()
    while len(picks) < min(limit, len(squared)):
        left = np.where(np.isin(np.arange(len(squared)), picks), -1, squared)
        if left.max() < smallest:
            break
        picks.append(int(left.argmax()))
        squared = np.minimum(squared, between[picks[-1]])
    return picks


def failures(method: str, case: Case, rng: np.random.Generator) -> list[str]:
    """Return the promises that a rule breaks on a case."""
    candidates, base, limit, threshold, options = case
    n = len(candidates)
    found = choose(method, candidates, base, limit, threshold, options)
    picks, smallest = found.picks, np.float32(0 if threshold is None else threshold)
    to_base = all_squared(candidates, base).min(axis=1, initial=np.inf)
    between = all_squared(candidates, candidates)
    reached = np.minimum(to_base, between[:, picks].min(axis=1, initial=np.inf))
    distances = [min(to_base[p], between[p, picks[:rank]].min(initial=np.inf)) for rank, p in enumerate(picks)]
    checks = {
        "number": len(picks) == min(limit, n) if threshold is None else len(picks) <= min(limit, n),
        "distinct": len(set(picks.tolist())) == len(picks),
        "distance kept": all(distance >= smallest for distance in distances),
        "nothing more fits": len(picks) == min(limit, n) or bool((reached < smallest).all()),
        "distances": np.array_equal(found.pick_squared, np.array(distances, np.float32))
        and np.array_equal(found.squared, reached)
        and np.array_equal(found.base_squared, to_base),
        "order of rows": _same_in_any_order(method, case, found, rng),
    }
    if method == "coreset":
        checks["brute force"] = picks.tolist() == farthest_first(between, to_base, limit, float(smallest))
    return [name for name, holds in checks.items() if not holds]


def _same_in_any_order(method: str, case: Case, found: Traversal, rng: np.random.Generator) -> bool:
    """Give stage `select` the rows in another order and compare what it selects."""
    candidates, base, limit, threshold, options = case
    names = [f"{row:03d}" for row in range(len(candidates))]
    base_names = [f"base {row:03d}" for row in range(len(base))]
    known = pd.DataFrame(
        {"filename": names, "raw_path": options.raw_paths, "frame": 0, "label_name": "", "time_s": options.times}
    )
    order, base_order = rng.permutation(len(candidates)), rng.permutation(len(base))
    if limit == 0:
        return True
    params = SelectParams(
        method=method,
        strategies=(),
        rare=options.rare,
        seed=options.seed,
        n_samples=limit,
        proportion_samples=None,
        min_distance=None if threshold is None else float(np.sqrt(np.float64(threshold))),
        selected_sequence_length=1,
        process_all=False,
        review_file=None,
        predictions_file=None,
        holdout_file=None,
        holdout_distance=None,
    )
    found_again = select(
        [names[row] for row in order],
        candidates[order],
        [base_names[row] for row in base_order],
        base[base_order],
        known.iloc[order],
        params,
        {},
    )
    return list(found_again.selection["filename"]) == [names[pick] for pick in found.picks]


@click.command()
@click.option("--cases", default=10_000, show_default=True, help="Inputs for each rule.")
@click.option("--seed", default=0, show_default=True, help="Of the inputs.")
def main(cases: int, seed: int) -> None:
    """Check every rule on random small inputs of every awkward kind."""
    click.echo(f"{'rule':<22}{'cases':>8}{'failed':>8}")
    broken = False
    for method in RULES:
        rng = np.random.default_rng(seed)
        failed: dict[str, int] = {}
        count = 0
        for number in range(cases):
            broken_promises = failures(method, random_case(rng), rng)
            count += bool(broken_promises)
            for promise in broken_promises:
                failed.setdefault(promise, number)
        click.echo(f"{method:<22}{cases:>8}{count:>8}  {failed or ''}")
        broken |= count > 0
    if broken:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
