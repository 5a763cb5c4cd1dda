"""The coreset rule where an engine has several places to work: large selections are made over shards."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from curation.execution.engine import Engine
from curation.params.execution import ExecutionParams
from curation.params.select import SelectParams
from curation.selection.rules.coreset import Coreset, coreset, is_quick
from curation.selection.traversal import Traversal

if TYPE_CHECKING:
    from curation.selection.sharded.shard import Shard

_FEWEST = 10_000
"""Candidates a shard: with fewer, messages would take longer than the work."""


class Part(NamedTuple):
    """The candidates of a shard.

    Attributes:
        vectors: (n, d) float32.
        first_row: number of the first of them among all.
        threads: that the shard works with.
    """

    vectors: NDArray[np.float32]
    first_row: int
    threads: int


def coreset_on(open_engine: Callable[[], AbstractContextManager[Engine]]) -> Coreset:
    """Return greedy k-center (`curation.selection.rules.coreset`) as an engine does it: the same, to the last bit.

    Args:
        open_engine: called only where there is much to do.
    """
    return partial(_over_shards, open_engine)


def _over_shards(
    open_engine: Callable[[], AbstractContextManager[Engine]],
    candidates: NDArray[np.float32],
    base: NDArray[np.float32],
    limit: int,
    threshold: np.float32 | None = None,
) -> Traversal:
    """Select over shards, unless that would take longer than it does here.

    Each shard keeps its candidates, their projections and all picks. What is kept here is what comes out.
    """
    most = len(candidates) // _FEWEST
    if most < 2 or is_quick(candidates, base, limit):
        return coreset(candidates, base, limit, threshold)
    with open_engine() as engine:
        if engine.shards > 1:
            parts = parts_of(candidates, min(engine.shards, most), engine.cpus_per_task)
            return _by_engine(engine, parts, base, limit, np.float32(0) if threshold is None else threshold)
    return coreset(candidates, base, limit, threshold)


def _by_engine(
    engine: Engine, parts: Sequence[Part], base: NDArray[np.float32], limit: int, threshold: np.float32
) -> Traversal:
    """Select over the shards that an engine makes of parts."""
    from curation.selection.kcenter import fast  # imports numba, which takes longer than a small selection
    from curation.selection.sharded.driver import farthest_first

    n = sum(len(part.vectors) for part in parts)
    with (
        fast.threads(fast.Tuning()) as executor,
        engine.actors(make, parts, cpus=engine.cpus_per_task, warm=warm) as shards,
    ):
        return farthest_first(shards.call, n, base, limit, threshold, executor)


def told(execution: ExecutionParams, select: SelectParams) -> str | None:
    """Say what of a selection a cluster takes no part in; None where there is no such thing."""
    if execution.engine == "local" or (select.method == "coreset" and not select.strategies):
        return None
    chosen_by = "strategies" if select.strategies else f"method: {select.method}"
    return f"select.{chosen_by} is evaluated on this machine: of the rules, a cluster takes part in coreset alone"


def parts_of(candidates: NDArray[np.float32], n_shards: int, threads: int) -> list[Part]:
    """Cut candidates, (n, d), into parts of about the same size, none of them empty; nothing is copied."""
    bounds = np.linspace(0, len(candidates), min(n_shards, len(candidates)) + 1).astype(int).tolist()
    return [Part(candidates[first:end], first, threads) for first, end in pairwise(bounds)]


def make(part: Part) -> "Shard":
    """Return a shard, and give the threads of this process to it."""
    from curation.selection.kcenter import fast  # after it BLAS is there to be limited
    from curation.selection.sharded.shard import Shard

    # `fast.threads` says why. This process does nothing else, unless it is the one that has limited them already.
    threadpool_limits(1, user_api="blas")
    return Shard(part.vectors, part.first_row, ThreadPoolExecutor(part.threads), fast.Tuning(threads=part.threads))


def warm() -> None:
    """Compile what shards call, once for all processes of a node: if each did so, that would take minutes, not seconds.

    Vectors of few directions among many are projected, where many picks make it worth while; others are not. These are
    few, but enough for a bound of still fewer.
    """
    from curation.selection.kcenter import fast
    from curation.selection.sharded.shard import Shard

    rng = np.random.default_rng(0)
    flat = (rng.normal(size=(400, 25)) @ rng.normal(size=(25, 80))).astype(np.float32)
    with fast.threads(fast.Tuning()) as executor:
        for vectors in (flat, flat[:, :2].copy()):
            shard = Shard(vectors, 0, executor, fast.Tuning(group_size=8, cluster_from=0, width=8))
            shard.begin(vectors[:40], 10_000)
            for rows in (np.arange(40, 80), np.arange(80, 120)):
                shard.add(vectors[rows], rows)
                shard.at_least(np.float32(0.01), 100)
            shard.finish()
