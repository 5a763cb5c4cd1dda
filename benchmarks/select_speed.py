"""The time that exact greedy k-center takes, beside other ways to compute it. All figures of a table are from one run.

`python -m benchmarks.select_speed` runs the cases that this project holds itself to and says what they come to;
`--suite grid` runs 20,000 to 1,000,000 embeddings of 32 to 512 dimensions; `--points 60000 --dimension 128` any other.
`--strategies` times selections by several strategies instead (`benchmarks.strategy_speed`).

Each contender runs in a process of its own, for its memory: the peak includes the embeddings, and leaves out what the
libraries took before them. Ours run to the end, several times if that is short, and the median counts. Peers take far
longer. They are given `--seconds` each; what is not done by then is extrapolated, since each of their picks costs the
same pass over all candidates, and so does each sample of the base; the table says how many picks were run.

Every contender follows the same rule, so picks are compared. Those of this project's programs must be the same; peers
compute in float32, so theirs must be the same up to a pick that is as far as ours but for rounding.

Peers: a loop in numpy; the same with faiss; the loop of anomalib's KCenterGreedy (Apache-2.0, as in K. Roth et al.,
Towards Total Recall in Industrial Anomaly Detection, CVPR 2022), written anew here with torch, without its random
projection; `lightly-mundig`, the engine of a commercial product, if it is installed. That is no dependency of this
project, and nothing of it is in here.
"""

import os
import statistics
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from itertools import product
from multiprocessing import get_context
from pathlib import Path
from typing import TypeVar

import click
import numpy as np
from numpy.typing import NDArray

from curation.selection.distance import product_slack, squared_distances

_BLOCK = 2**16


@dataclass(frozen=True)
class Case:
    """The input of a selection.

    Attributes:
        data: kind of embeddings.
        points: candidates.
        dimension: length of an embedding.
        share: of the candidates, to select.
        base_share: samples selected before, as a share of the candidates.
    """

    data: str
    points: int
    dimension: int
    share: float
    base_share: float = 0.0

    @property
    def picks(self) -> int:
        """Number of samples to select."""
        return max(1, round(self.points * self.share))

    @property
    def base(self) -> int:
        """Number of samples selected before."""
        return round(self.points * self.base_share)

    def __str__(self) -> str:
        base = f", {self.base:,} in the base" if self.base else ""
        return f"{self.points:,} x {self.dimension} {self.data}, {self.picks:,} picks{base}"


@dataclass(frozen=True)
class Timing:
    """One line of a table.

    Attributes:
        name: what was timed.
        seconds: wall-clock time; extrapolated if there are fewer `picks` than were asked for.
        cpu: seconds of processor time, all threads together, likewise.
        memory: peak in bytes, embeddings included.
        picks: what was picked.
    """

    name: str
    seconds: float
    cpu: float
    memory: int
    picks: NDArray[np.int64]


Vectors = NDArray[np.float32]
Found = TypeVar("Found")
Contender = Callable[[Vectors, Vectors, int, float], tuple[float, float, NDArray[np.int64]]]
"""Selects a number of samples from vectors, given a base and some seconds. Returns wall and processor time, and picks.
Memory is measured around it, so what is needed for checks alone stays outside."""


# ---- data


def image_like(n: int, dimension: int, seed: int) -> Vectors:
    """Return unit vectors, (n, dimension), in 200 clusters with a decaying spectrum: embeddings of unrelated photos."""
    rng = np.random.default_rng(0)
    spectrum = np.arange(1, dimension + 1) ** -0.7
    clusters = 0.7 * rng.normal(size=(200, dimension))
    vectors = np.empty((n, dimension), np.float32)
    rng = np.random.default_rng(seed)
    for start in range(0, n, _BLOCK):
        block = vectors[start : start + _BLOCK]
        block[:] = _unit((clusters[rng.integers(0, 200, len(block))] + rng.normal(size=block.shape)) * spectrum)
    return vectors


def video_like(n: int, dimension: int, seed: int) -> Vectors:
    """Return unit vectors, (n, dimension), in scenes of 100 to 600 frames that drift slowly in eight directions."""
    rng = np.random.default_rng(seed)
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


DATA = {"images": image_like, "video": video_like}


def _unit(vectors: NDArray[np.float64]) -> Vectors:
    unit: Vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    return unit


# ---- ours


def fast(vectors: Vectors, base: Vectors, n: int, seconds: float) -> tuple[float, float, NDArray[np.int64]]:
    """Run the program that `select` uses."""
    from curation.selection.kcenter.fast import farthest_first

    return timed(lambda: farthest_first(vectors, base, n, np.float32(0)).picks)


def fast_picks(vectors: Vectors, base: Vectors, n: int, seconds: float) -> tuple[float, float, NDArray[np.int64]]:
    """Run it without finding out which pick covers each candidate: what the peers do."""
    from curation.selection.kcenter.fast import picks_only

    return timed(lambda: picks_only(vectors, base, n, np.float32(0)))


def batched(vectors: Vectors, base: Vectors, n: int, seconds: float) -> tuple[float, float, NDArray[np.int64]]:
    """Run the program for GPUs."""
    from curation.selection.kcenter.batched import farthest_first

    return timed(lambda: farthest_first(vectors, base, n, np.float32(0)).picks)


def plain(vectors: Vectors, base: Vectors, n: int, seconds: float) -> tuple[float, float, NDArray[np.int64]]:
    """Run the definition, on as many picks as fit into some seconds, by doubling."""
    from curation.selection.kcenter.plain import farthest_first

    few = min(n, 16)
    while True:
        wall, cpu, found = timed(partial(farthest_first, vectors, base, few, np.float32(0)))
        picks = found.picks
        if few == n or 2 * wall > seconds:
            return wall * n / few, cpu * n / few, picks
        few = min(n, 2 * few)


# ---- peers


def numpy_loop(vectors: Vectors, base: Vectors, n: int, seconds: float) -> tuple[float, float, NDArray[np.int64]]:
    """Run the loop as most programs write it: distances to the newest pick, minimum, argmax."""
    nearest = _distances_to(vectors, base)

    def step(pick: int) -> int:
        np.minimum(nearest, ((vectors - vectors[pick]) ** 2).sum(axis=1), out=nearest)
        return int(nearest.argmax())

    return _loop(step, int(nearest.argmax()), n, len(base), seconds)


def faiss_loop(vectors: Vectors, base: Vectors, n: int, seconds: float) -> tuple[float, float, NDArray[np.int64]]:
    """Run the same loop with faiss computing the distances."""
    import faiss

    nearest = _distances_to(vectors, base)

    def step(pick: int) -> int:
        np.minimum(nearest, faiss.pairwise_distances(vectors[pick][None], vectors)[0], out=nearest)
        return int(nearest.argmax())

    return _loop(step, int(nearest.argmax()), n, len(base), seconds)


def anomalib_loop(vectors: Vectors, base: Vectors, n: int, seconds: float) -> tuple[float, float, NDArray[np.int64]]:
    """Run the loop of anomalib: the Euclidean norm of all differences in torch, minimum, argmax."""
    import torch

    features = torch.from_numpy(vectors)
    nearest = torch.from_numpy(_distances_to(vectors, base)).sqrt()

    def step(pick: int) -> int:
        torch.minimum(nearest, torch.linalg.norm(features - features[pick], dim=1), out=nearest)
        return int(torch.argmax(nearest))

    return _loop(step, int(nearest.argmax()), n, len(base), seconds)


def mundig(vectors: Vectors, base: Vectors, n: int, seconds: float) -> tuple[float, float, NDArray[np.int64]]:
    """Run `lightly-mundig` on as many picks as fit into some seconds, by doubling; reading the vectors counts once.

    A selection that ran once gives other picks the second time, so each is made anew.
    """
    begun = max(1, len(base))  # where nothing is selected, it would begin with a row of its own choice
    few = min(n, 16)
    while True:
        selection = import_module("lightly_mundig").Selection()
        read_wall, read_cpu, _ = timed(
            partial(selection.add_diversifying_strategy, embeddings=np.concatenate([base, vectors]), strength=1.0)
        )
        wall, cpu, picks = timed(
            partial(
                selection.run_selection,
                preselected_indices=list(range(begun)),
                n_total_samples=len(base) + len(vectors),
                n_samples_to_select=len(base) + few,
            )
        )
        picks = np.array(picks)
        if few == n or 2 * wall > seconds:
            left = (len(base) + n) / (len(base) + few)
            return read_wall + wall * left, read_cpu + cpu * left, picks[picks >= len(base)] - len(base)
        few = min(n, 2 * few)


def _loop(
    step: Callable[[int], int], first: int, n: int, n_base: int, seconds: float
) -> tuple[float, float, NDArray[np.int64]]:
    """Run a loop for some seconds, and extrapolate to all picks and the base."""
    picks = [first]
    wall, cpu = time.perf_counter(), time.process_time()
    while len(picks) < max(2, n) and time.perf_counter() - wall < seconds:
        picks.append(step(picks[-1]))
    left = (n_base + n) / (len(picks) - 1)
    return (time.perf_counter() - wall) * left, (time.process_time() - cpu) * left, np.array(picks[:n])


def _distances_to(vectors: Vectors, base: Vectors) -> Vectors:
    """Return the squared distances to the nearest sample of the base, not timed: its passes are extrapolated."""
    if len(base) == 0:
        return np.full(len(vectors), np.inf, np.float32)
    from curation.selection.kcenter.fast import farthest_first

    return farthest_first(vectors, base, 1, np.float32(0)).base_squared


def timed(run: Callable[[], Found]) -> tuple[float, float, Found]:
    """Return wall and processor time of a call, in seconds, and what it returned."""
    wall, cpu = time.perf_counter(), time.process_time()
    found = run()
    return time.perf_counter() - wall, time.process_time() - cpu, found


OURS: dict[str, Contender] = {"ours, picks": fast_picks, "ours, picks and coverage": fast, "ours, plain": plain}
ON_GPU: dict[str, Contender] = {"ours, on the GPU": batched}
PEERS: dict[str, Contender] = {"numpy loop": numpy_loop, "faiss loop": faiss_loop, "anomalib's loop": anomalib_loop}
MUNDIG: dict[str, Contender] = {"lightly-mundig": mundig}
REPEATED = ("ours, picks", "ours, picks and coverage", "ours, on the GPU")


def contenders() -> dict[str, Contender]:
    """Return those that can run here."""
    import torch

    found = OURS | (ON_GPU if torch.cuda.is_available() else {}) | PEERS
    return found | (MUNDIG if find_spec("lightly_mundig") else {})


# ---- measuring


def measure(name: str, folder: str, n: int, seconds: float) -> Timing:
    """Time one contender; called in a process of its own.

    Args:
        name: key of `OURS`, `ON_GPU`, `PEERS` or `MUNDIG`.
        folder: holds vectors.npy and base.npy.
        n: picks.
        seconds: for a peer; for ours, to repeat a short run in.
    """
    contender = (OURS | ON_GPU | PEERS | MUNDIG)[name]
    head = np.load(Path(folder) / "vectors.npy", mmap_mode="r")[:6000].copy()
    for few in (head, image_like(6000, head.shape[1], 0)):  # imports, and compiles what the one or the other needs
        contender(few, few[:0], 500, 0.1)
        contender(few, few[:50], 500, 0.1)
    before = memory_of_process("VmRSS")
    vectors, base = np.load(Path(folder) / "vectors.npy"), np.load(Path(folder) / "base.npy")
    Path("/proc/self/clear_refs").write_text("5")  # the peak counts from here
    runs: list[tuple[float, float, NDArray[np.int64]]] = [contender(vectors, base, n, seconds)]
    while name in REPEATED and len(runs) < 5 and runs[0][0] * (len(runs) + 1) < seconds:
        runs.append(contender(vectors, base, n, seconds))
    wall, cpu = statistics.median(run[0] for run in runs), statistics.median(run[1] for run in runs)
    return Timing(name, wall, cpu, memory_of_process("VmHWM") - before, runs[0][2])


def memory_of_process(field: str) -> int:
    """Return a figure of the process in bytes: VmRSS is what it holds now, VmHWM what it held at most."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(field + ":"))


def agreement(
    vectors: Vectors, base: Vectors, picks: NDArray[np.int64], expected: NDArray[np.int64]
) -> tuple[bool, str]:
    """Compare picks with the exact ones, as far as both go.

    Returns:
        Whether they are the same up to rounding, and in words.
    """
    n = min(len(picks), len(expected))
    differing = np.flatnonzero(picks[:n] != expected[:n])
    if len(differing) == 0:
        return True, "same"
    first = int(differing[0])
    before = np.concatenate([base, vectors[expected[:first]]])
    theirs, exact = (squared_distances(before, vectors[pick]).min() for pick in (picks[first], expected[first]))
    is_tie = bool(exact - theirs <= 2 * product_slack(vectors.shape[1], 1.0))
    return is_tie, f"same for {first:,} picks, then " + ("a near tie" if is_tie else "WRONG")


def run_case(case: Case, seconds: float) -> tuple[list[Timing], list[str]]:
    """Time all contenders, print their table, and return the timings and what is wrong."""
    vectors, base = (DATA[case.data](n, case.dimension, seed) for seed, n in enumerate((case.points, case.base)))
    wrong = []
    with tempfile.TemporaryDirectory() as folder:
        np.save(Path(folder) / "vectors.npy", vectors)
        np.save(Path(folder) / "base.npy", base)
        del vectors
        timings = []
        for name in contenders():
            with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as executor:
                timings.append(executor.submit(measure, name, folder, case.picks, seconds).result())
        vectors = np.load(Path(folder) / "vectors.npy")
    lines = [f"{'':<28}{'wall s':>10}{'ratio':>9}{'cpu s':>10}{'peak MiB':>10}{'x':>6}{'picks run':>11}  picks"]
    for timing in timings:
        right, words = agreement(vectors, base, timing.picks, timings[0].picks)
        if not right or (timing.name in OURS | ON_GPU and words != "same"):
            wrong.append(f"{case}: {timing.name}: {words}")
        lines.append(
            f"{timing.name:<28}{timing.seconds:>10.2f}{timing.seconds / timings[0].seconds:>9.1f}{timing.cpu:>10.1f}"
            f"{timing.memory / 2**20:>10.0f}{timing.memory / vectors.nbytes:>6.2f}{len(timing.picks):>11,}  {words}"
        )
    click.echo(f"\n{case}; embeddings {vectors.nbytes / 2**20:,.0f} MiB, {len(os.sched_getaffinity(0))} cores")
    click.echo("\n".join(lines))
    return timings, wrong


# ---- what the project holds itself to

_IMAGES, _VIDEO = Case("images", 60_000, 128, 0.05), Case("video", 100_000, 512, 0.05)
_MILLION = Case("video", 1_000_000, 128, 0.05)
BARS = (
    (_IMAGES, "lightly-mundig", 10),
    (_IMAGES, "anomalib's loop", 100),
    (_VIDEO, "lightly-mundig", 50),
    (_VIDEO, "anomalib's loop", 500),
    (_MILLION, "lightly-mundig", 200),
)
"""Case, peer, and how many times as long as ours that is to take."""

SUITES = {
    "bars": [_IMAGES, Case("images", 60_000, 128, 0.01), _VIDEO, Case("video", 100_000, 512, 0.01), _MILLION],
    "grid": [
        Case(*settings)
        for settings in product(
            ("images", "video"), (20_000, 60_000, 100_000, 1_000_000), (32, 128, 512), (0.01, 0.05), (0.0, 0.05)
        )
    ],
}


def judge(results: dict[Case, list[Timing]]) -> list[str]:
    """Return a line for each bar whose case was run: what it is, what it came to, and whether that is enough."""
    seconds = {(case, timing.name): timing.seconds for case, timings in results.items() for timing in timings}
    memory = {(case, timing.name): timing.memory for case, timings in results.items() for timing in timings}
    ours, whole = "ours, picks", "ours, picks and coverage"
    lines = []
    for case, peer, bar in BARS:
        if (case, peer) in seconds:
            ratio = seconds[case, peer] / seconds[case, ours]
            lines.append(_judged(f"{case}: {peer} takes {ratio:.0f} times as long (bar {bar})", ratio >= bar))
    for case in results:
        peak = memory[case, whole] / (case.points * case.dimension * 4)
        lines.append(_judged(f"{case}: memory {peak:.2f} times the embeddings (bar 2.5)", peak <= 2.5))
        larger = Case(case.data, case.points, case.dimension, 0.05, case.base_share)
        if case.share == 0.01 and larger in results:
            growth = seconds[larger, ours] / seconds[case, ours]
            lines.append(_judged(f"{case}: five times the picks take {growth:.1f} times as long (bar 3)", growth < 3))
    return lines


def _judged(text: str, reached: bool) -> str:
    return f"{'reached' if reached else 'MISSED ':<8} {text}"


@click.command()
@click.option("--suite", type=click.Choice(list(SUITES)), default="bars", show_default=True, help="Cases to run.")
@click.option("--points", type=int, multiple=True, help="Candidates, instead of a suite; may be repeated, as the next.")
@click.option("--dimension", type=int, multiple=True, default=(128,), show_default=True, help="Of an embedding.")
@click.option("--share", multiple=True, default=(0.05,), show_default=True, help="Share to select.")
@click.option("--base", multiple=True, default=(0.0,), show_default=True, help="Base, as a share of the candidates.")
@click.option("--data", type=click.Choice(list(DATA)), multiple=True, default=("images",), help="Kind of embeddings.")
@click.option("--strategies", is_flag=True, help="Several strategies instead of k-center alone.")
@click.option("--seconds", default=5.0, show_default=True, help="Time for each peer.")
def main(
    suite: str,
    points: tuple[int, ...],
    dimension: tuple[int, ...],
    share: tuple[float, ...],
    base: tuple[float, ...],
    data: tuple[str, ...],
    strategies: bool,
    seconds: float,
) -> None:
    """Time exact greedy k-center beside its peers."""
    if strategies:
        from benchmarks.strategy_speed import run  # which imports this module

        if wrong := run(points, dimension if points else (), share[0], seconds):
            raise click.ClickException("picks differ:\n" + "\n".join(wrong))
        return
    cases = [Case(*settings) for settings in product(data, points, dimension, share, base)] if points else SUITES[suite]
    if "lightly-mundig" not in contenders():
        click.echo("lightly-mundig is not installed and left out")
    results, wrong = {}, []
    for case in cases:
        results[case], errors = run_case(case, seconds)
        wrong += errors
    click.echo("\n" + "\n".join(judge(results)))
    if wrong:
        raise click.ClickException("picks differ:\n" + "\n".join(wrong))


if __name__ == "__main__":
    main()
