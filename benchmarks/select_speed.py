"""How long exact greedy k-center takes, beside other ways to compute it. All figures of a table are from one run.

`python -m benchmarks.select_speed --points 60000 --dimension 128 --share 0.05`

Peers take far longer. They are given `--seconds` each; a loop that is not done by then is extrapolated, since each of
its picks costs the same, and the table says so.

`lightly-mundig`, the engine of a commercial product, is timed if it is installed and LIGHTLY_MUNDIG_TOKEN holds a
licence key of yours. It is no dependency of this project.
"""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from resource import RUSAGE_SELF, getrusage

import click
import numpy as np
from numpy.typing import NDArray

from stages.selection.kcenter import fast, plain

Loop = Callable[[int], None]
"""Updates the distances by one pick."""


@dataclass(frozen=True)
class Timing:
    """One line of the table.

    Attributes:
        name: what was timed.
        seconds: wall-clock time, extrapolated if `measured` is below the number of picks.
        cpu: seconds of processor time, all threads together, for the part that ran.
        measured: picks that ran.
        common: share of the picks that the first line has picked too by then; None where the rule differs.
    """

    name: str
    seconds: float
    cpu: float
    measured: int
    common: float | None


def image_like(n: int, dimension: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """Return unit vectors, (n, dimension), in 200 clusters with a decaying spectrum: embeddings of unrelated photos."""
    spectrum = np.arange(1, dimension + 1) ** -0.7
    clusters = 0.7 * rng.normal(size=(200, dimension))
    vectors = (clusters[rng.integers(0, 200, n)] + rng.normal(size=(n, dimension))) * spectrum
    return _unit(vectors)


def video_like(n: int, dimension: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """Return unit vectors, (n, dimension), in scenes of 100 to 600 frames that drift slowly in eight directions."""
    spectrum = np.arange(1, dimension + 1) ** -0.5
    vectors = np.empty((n, dimension), np.float32)
    start = 0
    while start < n:
        stop = min(n, start + int(rng.integers(100, 600)))
        drift = np.cumsum(0.01 * rng.normal(size=(stop - start, 8)), axis=0) @ rng.normal(size=(8, dimension))
        noise = 0.01 * rng.normal(size=(stop - start, dimension))
        vectors[start:stop] = _unit((rng.normal(size=dimension) + drift + noise) * spectrum)
        start = stop
    return vectors


KINDS = {"images": image_like, "video": video_like}


def numpy_loop(vectors: NDArray[np.float32], picks: list[int]) -> Loop:
    """Return the loop as most programs write it: distances to the newest pick, minimum, argmax."""
    nearest = np.full(len(vectors), np.inf, np.float32)

    def step(_: int) -> None:
        np.minimum(nearest, ((vectors - vectors[picks[-1]]) ** 2).sum(axis=1), out=nearest)
        picks.append(int(nearest.argmax()))

    return step


def faiss_loop(vectors: NDArray[np.float32], picks: list[int]) -> Loop:
    """Return the same loop with faiss computing the distances."""
    import faiss

    nearest = np.full(len(vectors), np.inf, np.float32)

    def step(_: int) -> None:
        distances = faiss.pairwise_distances(vectors[picks[-1]][None], vectors)[0]
        np.minimum(nearest, distances, out=nearest)
        picks.append(int(nearest.argmax()))

    return step


def time_ours(name: str, select: Callable[[], NDArray[np.int64]]) -> tuple[Timing, NDArray[np.int64]]:
    """Time one of this project's programs to the end."""
    wall, cpu = time.perf_counter(), time.process_time()
    picks = select()
    return Timing(name, time.perf_counter() - wall, time.process_time() - cpu, len(picks), 1.0), picks


def time_loop(
    name: str,
    make: Callable[[NDArray[np.float32], list[int]], Loop],
    vectors: NDArray[np.float32],
    expected: NDArray[np.int64],
    seconds: float,
) -> Timing:
    """Time a loop for some seconds.

    Loops in float32 can decide near ties the other way and go on differently, so the share of common picks is compared.
    """
    picks = [int(expected[0])]
    step = make(vectors, picks)
    wall, cpu = time.perf_counter(), time.process_time()
    while len(picks) < len(expected) and time.perf_counter() - wall < seconds:
        step(len(picks))
    elapsed, cpu = time.perf_counter() - wall, time.process_time() - cpu
    common = len(set(picks) & set(expected[: len(picks)].tolist())) / len(picks)
    return Timing(name, elapsed * len(expected) / max(1, len(picks) - 1), cpu, len(picks), common)


def time_mundig(vectors: NDArray[np.float32], n: int, seconds: float) -> Timing | None:
    """Time `lightly-mundig` on as many picks as fit into some seconds, by doubling; None where it cannot run."""
    token = os.environ.get("LIGHTLY_MUNDIG_TOKEN")
    if find_spec("lightly_mundig") is None or not token:
        return None
    mundig = import_module("lightly_mundig")
    picks = min(n, 50)
    while True:
        selection = mundig.Selection(token=token)
        wall, cpu = time.perf_counter(), time.process_time()
        selection.add_diversifying_strategy(embeddings=vectors, strength=1.0)
        selection.run_selection(n_total_samples=len(vectors), n_samples_to_select=picks)
        elapsed, cpu = time.perf_counter() - wall, time.process_time() - cpu
        if picks == n or 2 * elapsed > seconds:
            return Timing("lightly-mundig", elapsed * n / picks, cpu, picks, None)
        picks = min(n, 2 * picks)


def table(timings: list[Timing], n: int) -> str:
    """Return the table as text; ratios are to the first line."""
    lines = [f"{'':<28}{'wall s':>10}{'ratio':>9}{'cpu s':>9}{'picks run':>11}  result"]
    for timing in timings:
        result = "other rule" if timing.common is None else f"{timing.common:.1%} common"
        how = "" if timing.measured == n else " (extrapolated)"
        lines.append(
            f"{timing.name:<28}{timing.seconds:>10.2f}{timing.seconds / timings[0].seconds:>9.1f}{timing.cpu:>9.1f}"
            f"{timing.measured:>11}  {result}{how}"
        )
    return "\n".join(lines)


@click.command()
@click.option("--points", default=60_000, show_default=True, help="Candidates.")
@click.option("--dimension", default=128, show_default=True, help="Length of an embedding.")
@click.option("--share", default=0.05, show_default=True, help="Share of the candidates to select.")
@click.option("--base", default=0, show_default=True, help="Samples selected before (then only ours are timed).")
@click.option("--data", type=click.Choice(list(KINDS)), default="images", show_default=True, help="Kind of embeddings.")
@click.option("--seconds", default=10.0, show_default=True, help="Time for each peer.")
@click.option("--plain/--no-plain", "with_plain", default=True, help="Time the plain program too, to its end.")
def main(points: int, dimension: int, share: float, base: int, data: str, seconds: float, with_plain: bool) -> None:
    """Time exact greedy k-center and print one table."""
    rng = np.random.default_rng(0)
    vectors, selected = KINDS[data](points, dimension, rng), KINDS[data](base, dimension, rng)
    n = max(1, round(points * share))
    compile_time, _ = time_ours("", lambda: fast.farthest_first(vectors[:2000], vectors[:9], 99, np.float32(0)).picks)
    ours, picks = time_ours("ours: picks", lambda: fast.picks_only(vectors, selected, n, np.float32(0)))
    whole, again = time_ours(
        "ours: picks and coverage", lambda: fast.farthest_first(vectors, selected, n, np.float32(0)).picks
    )
    memory = getrusage(RUSAGE_SELF).ru_maxrss / 1024
    timings = [ours, whole]
    if not np.array_equal(picks, again):
        raise click.ClickException("two runs give different picks")
    if with_plain:
        timing, expected = time_ours(
            "ours: plain program", lambda: plain.farthest_first(vectors, selected, n, np.float32(0)).picks
        )
        timings.append(timing)
        if not np.array_equal(picks, expected):
            raise click.ClickException("the two programs give different picks")
    if base == 0:
        timings.append(time_loop("numpy loop", numpy_loop, vectors, picks, seconds))
        timings.append(time_loop("faiss loop", faiss_loop, vectors, picks, seconds))
        mundig = time_mundig(vectors, n, seconds)
        timings += [mundig] if mundig else []
    click.echo(f"{points} {data} x {dimension}, {n} picks, {base} in the base, {os.cpu_count()} cores")
    click.echo(table(timings, n))
    click.echo(
        f"peak memory after ours: {memory:.0f} MiB, of which embeddings {vectors.nbytes / 2**20:.0f} MiB; "
        f"compiling, or loading what was compiled before: {compile_time.seconds:.1f} s"
    )
    if not all(timing.common is None or timing.common >= 0.95 for timing in timings):
        raise click.ClickException("a loop that follows the same rule gives different picks")


def _unit(vectors: NDArray[np.float64]) -> NDArray[np.float32]:
    unit: NDArray[np.float32] = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    return unit


if __name__ == "__main__":
    main()
