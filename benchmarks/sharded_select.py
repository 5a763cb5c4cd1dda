"""Exact greedy k-center over shards, beside one process: the same picks, rounds, what is sent, and whose time it takes.

`python -m benchmarks.sharded_select` runs 100,000 embeddings of 128 dimensions, 5,000 of them selected;
`--points 1000000 --picks 50000 --shards 2 --shards 4` any other case. All figures of a table are from one run.

The shards are threads of this process, with one thread each. What counts is processor time, since a shard of a cluster
has a core of its own, and those of this benchmark may not:

- *all*: processor seconds of driver and shards, as a multiple of those of one process.
- *span*: the driver's seconds and, for each message, those of the slowest shard: what a cluster would take without its
  network. As a share of the processor seconds of one process.
- *driver*: the driver's share of the span.

Exit code 1 if one of the arrays that describe a selection is not the one of one process, to the last bit.
"""

import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass, fields
from functools import partial
from typing import Any, TypeVar

import click
import numpy as np
from threadpoolctl import threadpool_limits

from benchmarks.select_speed import DATA, Vectors, timed
from curation.selection.kcenter import fast
from curation.selection.sharded.coreset import Part, parts_of
from curation.selection.sharded.driver import Sizes, farthest_first
from curation.selection.sharded.shard import Far, Shard
from curation.selection.traversal import Traversal

Returned = TypeVar("Returned")


class _AtOnce(Executor):
    """Runs what it is given in the thread that gives it, so that its processor time is told from that of others."""

    def submit(self, function: Callable[..., Returned], /, *args: Any, **named: Any) -> "Future[Returned]":
        """Run a function."""
        done: Future[Returned] = Future()
        done.set_result(function(*args, **named))
        return done


@dataclass
class Account:
    """The cost of a selection over shards.

    Attributes:
        rounds: questions for candidates.
        sent: candidates that came back.
        slowest: processor seconds of the slowest shard of each message, added.
        shards: processor seconds of all shards.
        driver: those of the driver.
    """

    rounds: int = 0
    sent: int = 0
    slowest: float = 0.0
    shards: float = 0.0
    driver: float = 0.0


class Threads:
    """Shards that are threads of this process, and an account of what they do."""

    def __init__(self, vectors: Vectors, n_shards: int, pool: Executor) -> None:
        """Cut candidates, (n, d), into shards, side by side."""
        self.account, self._pool = Account(), pool

        def make(part: Part) -> Shard:
            return Shard(part.vectors, part.first_row, _AtOnce(), fast.Tuning(threads=1))

        tasks = [partial(make, part) for part in parts_of(vectors, n_shards, 1)]
        self._shards: list[Shard] = self._side_by_side(tasks)

    def call(self, method: str, *args: Any, only: int | None = None, replayed: bool = False) -> list[Any]:
        """Call a method of every shard; see `curation.selection.sharded.driver.Call`."""
        chosen = self._shards if only is None else [self._shards[only]]
        answers = self._side_by_side([partial(getattr(shard, method), *args) for shard in chosen])
        if method == "at_least":
            self.account.rounds += 1
            self.account.sent += sum(len(answer.rows) for answer in answers if isinstance(answer, Far))
        return answers

    def _side_by_side(self, tasks: Sequence[Callable[[], Any]]) -> list[Any]:
        """Return what tasks return, and write down their processor time."""

        def measured(task: Callable[[], Any]) -> tuple[float, Any]:
            begun = time.thread_time()
            answer = task()
            return time.thread_time() - begun, answer

        seconds, answers = zip(*self._pool.map(measured, tasks), strict=True)
        self.account.slowest += max(seconds)
        self.account.shards += sum(seconds)
        return list(answers)


def over_shards(vectors: Vectors, base: Vectors, limit: int, n_shards: int, sizes: Sizes) -> tuple[Traversal, Account]:
    """Select by shards, and account for it."""
    with threadpool_limits(1, user_api="blas"), ThreadPoolExecutor(n_shards) as pool:
        shards = Threads(vectors, n_shards, pool)
        begun = time.thread_time()
        found = farthest_first(shards.call, len(vectors), base, limit, np.float32(0), _AtOnce(), sizes)
        shards.account.driver = time.thread_time() - begun
    return found, shards.account


def differing(one: Traversal, other: Traversal) -> list[str]:
    """Return the names of the arrays that are not equal."""
    names = [field.name for field in fields(one)]
    return [name for name in names if not np.array_equal(getattr(one, name), getattr(other, name))]


@click.command()
@click.option("--points", default=100_000, show_default=True, help="Candidates.")
@click.option("--dimension", default=128, show_default=True, help="Of an embedding.")
@click.option("--picks", default=5_000, show_default=True, help="Samples to select.")
@click.option("--base", default=0, show_default=True, help="Samples selected before.")
@click.option("--data", type=click.Choice(list(DATA)), default="images", show_default=True, help="Kind of embeddings.")
@click.option("--shards", type=int, multiple=True, default=(2, 4), show_default=True, help="May be repeated.")
@click.option("--target", default=Sizes().target, show_default=True, help="Candidates that are to come back a round.")
def main(points: int, dimension: int, picks: int, base: int, data: str, shards: tuple[int, ...], target: int) -> None:
    """Time exact greedy k-center over shards beside one process."""
    few = DATA[data](6_000, dimension, 0)
    fast.farthest_first(few, few[:50], 300, np.float32(0))  # compiles
    over_shards(few, few[:50], 300, 2, Sizes(target))
    vectors, before = DATA[data](points, dimension, 1), DATA[data](base, dimension, 2)
    wall, cpu, expected = timed(lambda: fast.farthest_first(vectors, before, picks, np.float32(0)))
    click.echo(f"{points:,} x {dimension} {data}, {picks:,} picks, {base:,} in the base")
    click.echo(f"one process: {cpu:.1f} s of processor time, {wall:.1f} s by the clock")
    click.echo(f"{'shards':>6}{'all':>8}{'span':>8}{'driver':>8}{'rounds':>8}{'picks a round':>15}{'sent':>12}  arrays")
    wrong = False
    for n_shards in shards:
        found, account = over_shards(vectors, before, picks, n_shards, Sizes(target))
        names = differing(found, expected)
        wrong |= bool(names)
        span, rounds = account.slowest + account.driver, account.rounds
        click.echo(
            f"{n_shards:>6}{(account.shards + account.driver) / cpu:>8.2f}{span / cpu:>8.2f}"
            f"{account.driver / span:>8.1%}{rounds:>8}{len(found.picks) / max(1, rounds):>15.0f}{account.sent:>12,}  "
            + (f"DIFFER: {', '.join(names)}" if names else "equal")
        )
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
