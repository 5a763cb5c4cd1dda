"""The time that a selection by several strategies takes, beside other programs for it.

`python -m benchmarks.select_speed --strategies` runs it. DIVERSITY is combined with WEIGHTS, TYPICALITY or BALANCE over
ten classes, or measured between three objects of each image, with one sample selected before. What does not change with
a pick, such as the typicality, is computed before and not timed.

Ours run to the end. The former loop, one pass in numpy a pick, and `lightly-mundig` run for some seconds and are
extrapolated, as in `benchmarks.select_speed`. The former loop must give the same picks. `lightly-mundig` takes the mean
over an image's objects where we take the farthest, and adds its logarithms in float32, so its picks are compared only
for information.
"""

import tempfile
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from multiprocessing import get_context
from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray

from benchmarks.select_speed import Timing, Vectors, image_like, memory_of_process, timed
from curation.selection.objectives import Diverse, Fixed, Objectives, Quota, Space
from curation.selection.tracking import Selected
from curation.selection.typicality import typicality

_CLASSES, _OBJECTS = 10, 3

STRATEGIES = ("WEIGHTS", "TYPICALITY", "BALANCE", "objects")
"""With what DIVERSITY is combined, or between what it is measured."""


@dataclass(frozen=True)
class Given:
    """The input of a selection; what a combination does not use is empty.

    Attributes:
        vectors: (1 + n, d) float32; the first sample is selected before.
        values: (1 + n,) float64 from 0 to 1, of WEIGHTS or TYPICALITY.
        classes: (1 + n,) int64.
        objects: (3 + 3 n, d) float32, three of each sample.
    """

    vectors: Vectors
    values: NDArray[np.float64]
    classes: NDArray[np.int64]
    objects: Vectors

    @property
    def objectives(self) -> Objectives:
        """The same for this project's programs."""
        n = len(self.vectors) - 1
        if len(self.objects):
            space = Space(self.objects[_OBJECTS:], np.repeat(np.arange(n), _OBJECTS), self.objects[:_OBJECTS])
            return Objectives(diverse=[Diverse(0, space, 1.0)])
        fixed = [Fixed(1, self.values[1:], 1.0)] if len(self.values) else []
        quotas = []
        if len(self.classes):
            members = (self.classes[:, None] == np.arange(_CLASSES)).astype(np.int64)
            quotas = [Quota(1, np.full(_CLASSES, 1 / _CLASSES), members[1:], np.zeros(n, np.int64), members[0], 1.0)]
        return Objectives(fixed, [Diverse(0, None, 1.0)], quotas)

    def head(self, n: int) -> "Given":
        """Return the first n samples."""
        return Given(self.vectors[:n], self.values[:n], self.classes[:n], self.objects[: _OBJECTS * n])


def given(strategy: str, n: int, dimension: int) -> Given:
    """Make the input of a combination."""
    rng = np.random.default_rng(7)
    vectors = image_like(n + 1, dimension, 1)
    values, classes, objects = np.empty(0), np.empty(0, np.int64), np.empty((0, dimension), np.float32)
    if strategy == "WEIGHTS":
        values = rng.random(n + 1)
    elif strategy == "TYPICALITY":
        values = typicality(vectors, vectors[:0])
    elif strategy == "BALANCE":
        classes = rng.integers(0, _CLASSES, n + 1)
    else:
        objects = image_like(_OBJECTS * (n + 1), dimension, 2)
    return Given(vectors, values, classes, objects)


# ---- contenders


Contender = Callable[[Given, int, float], tuple[float, float, NDArray[np.int64]]]
"""Selects a number of samples in some seconds. Returns wall and processor time, for all of them, and the picks."""


def ours(all_of: Given, n: int, seconds: float) -> tuple[float, float, NDArray[np.int64]]:
    """Run the lazy search without finding out which pick covers each candidate: what the others do."""
    from curation.selection.greedy import lazy

    objectives, vectors = all_of.objectives, all_of.vectors
    return timed(lambda: lazy.picks_only(vectors[1:], vectors[:1], n, None, objectives))


def ours_and_coverage(all_of: Given, n: int, seconds: float) -> tuple[float, float, NDArray[np.int64]]:
    """Run the program that `select` uses."""
    from curation.selection.greedy import lazy

    objectives, vectors = all_of.objectives, all_of.vectors
    return timed(lambda: lazy.combined(vectors[1:], vectors[:1], n, None, objectives).traversal.picks)


def former_loop(all_of: Given, n: int, seconds: float) -> tuple[float, float, NDArray[np.int64]]:
    """Run one pass over all candidates a pick, on as many picks as fit into some seconds, by doubling."""
    few = min(n, 16)
    while True:
        wall, cpu, picks = timed(partial(_former_picks, all_of, few))
        if few == n or 2 * wall > seconds:
            return wall * n / few, cpu * n / few, picks
        few = min(n, 2 * few)


def _former_picks(all_of: Given, n: int) -> NDArray[np.int64]:
    objectives = all_of.objectives
    space = objectives.diverse[0].space
    items, base, size = (all_of.vectors[1:], all_of.vectors[:1], 1)
    if space is not None:
        items, base, size = space.items, space.base, _OBJECTS
    selected = Selected(items, base)
    with np.errstate(divide="ignore"):
        fixed = np.log(all_of.values[1:]) if len(all_of.values) else np.zeros(len(items) // size)
        counts = [quota.before.copy() for quota in objectives.quotas]
        picks = []
        for _ in range(n):
            squared = selected.squared.reshape(-1, size).max(axis=1).astype(np.float64)
            rows = np.flatnonzero(squared >= 0)
            value = fixed[rows] + np.log(np.minimum(squared[rows], 4) / 4) / 2
            for quota, count in zip(objectives.quotas, counts, strict=True):
                quotient = quota.target / (2 * count + 1)
                value = value + np.log(quotient / quotient.max())[all_of.classes[1:][rows]]
                count[all_of.classes[1 + rows[value.argmax()]]] += 1
            picks.append(int(rows[value.argmax()]))
            for item in range(size * picks[-1], size * (picks[-1] + 1)):
                selected.add(item)
    return np.array(picks)


def mundig(all_of: Given, n: int, seconds: float) -> tuple[float, float, NDArray[np.int64]]:
    """Run `lightly-mundig` on as many picks as fit into some seconds, by doubling; reading its input counts once."""
    few = min(n, 16)
    while True:
        selection = import_module("lightly_mundig").Selection()
        read_wall, read_cpu, _ = timed(partial(_fill, selection, all_of))
        wall, cpu, picks = timed(
            partial(
                selection.run_selection,
                preselected_indices=[0],
                n_total_samples=len(all_of.vectors),
                n_samples_to_select=1 + few,
            )
        )
        if few == n or 2 * wall > seconds:
            left = n / few
            return read_wall + wall * left, read_cpu + cpu * left, np.array([pick for pick in picks if pick > 0]) - 1
        few = min(n, 2 * few)


def _fill(selection: "object", all_of: Given) -> None:
    call = {name: getattr(selection, f"add_{name}_strategy") for name in ("diversifying", "weighting", "balancing")}
    if len(all_of.objects):
        of_sample = np.arange(len(all_of.objects)).reshape(-1, _OBJECTS).tolist()
        getattr(selection, "add_subpart_diversifying_strategy")(all_of.objects, of_sample, 1.0)  # noqa: B009
        return
    call["diversifying"](embeddings=all_of.vectors, strength=1.0)
    if len(all_of.values):
        call["weighting"](all_of.values.tolist(), 1.0)
    if len(all_of.classes):
        call["balancing"](np.eye(_CLASSES)[all_of.classes].tolist(), [1 / _CLASSES] * _CLASSES, 1.0)


OURS = "ours, picks"
CONTENDERS: dict[str, Contender] = {
    OURS: ours,
    "ours, picks and coverage": ours_and_coverage,
    "former loop": former_loop,
    "lightly-mundig": mundig,
}


# ---- measuring


def measure(name: str, path: str, n: int, seconds: float) -> Timing:
    """Time one contender; called in a process of its own.

    Args:
        name: key of `CONTENDERS`.
        path: file that holds what is given.
        n: picks.
        seconds: for those that are extrapolated.
    """
    from curation.selection.sharded.coreset import warm

    contender = CONTENDERS[name]
    warm()  # a few samples do not need all that a million do, and compiling that takes as long as their picks
    contender(given_of(path).head(3000), 500, 0.1)  # imports, and compiles the rest
    before = memory_of_process("VmRSS")
    all_of = given_of(path)
    Path("/proc/self/clear_refs").write_text("5")  # the peak counts from here
    wall, cpu, picks = contender(all_of, n, seconds)
    return Timing(name, wall, cpu, memory_of_process("VmHWM") - before, picks)


def given_of(path: str) -> Given:
    """Read what is given."""
    with np.load(path) as file:
        return Given(*(file[name] for name in ("vectors", "values", "classes", "objects")))


_WEIGHTS_BAR = {100_000: 20.0, 1_000_000: 100.0}
"""How many times as long as ours `lightly-mundig` is to take, by candidates of 32 and 128 dimensions."""


def run(points: tuple[int, ...], dimensions: tuple[int, ...], share: float, seconds: float) -> list[str]:
    """Time all contenders on all combinations, print their tables, and return what is wrong."""
    wrong = []
    cases = [(n, d) for n in points for d in dimensions] or [(100_000, 32), (100_000, 128), (1_000_000, 128)]
    for n, dimension in cases:
        for strategy in STRATEGIES:
            if strategy != "objects" or n <= 100_000:
                wrong += _run_case(strategy, n, dimension, round(n * share), seconds)
    return wrong


def _run_case(strategy: str, n: int, dimension: int, picks: int, seconds: float) -> list[str]:
    names = [name for name in CONTENDERS if name != "lightly-mundig" or find_spec("lightly_mundig")]
    timings = []
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "given.npz")
        all_of = given(strategy, n, dimension)
        n_bytes = (all_of.objects if strategy == "objects" else all_of.vectors).nbytes
        np.savez(path, vectors=all_of.vectors, values=all_of.values, classes=all_of.classes, objects=all_of.objects)
        del all_of
        for name in names:
            with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as executor:
                timings.append(executor.submit(measure, name, path, picks, seconds).result())
    click.echo(f"\nDIVERSITY x {strategy}, {n:,} x {dimension}, {picks:,} picks; embeddings {n_bytes / 2**20:,.0f} MiB")
    click.echo(f"{'':<28}{'wall s':>10}{'ratio':>9}{'cpu s':>10}{'ratio':>9}{'x':>6}{'picks run':>11}  picks")
    wrong = []
    first = timings[0]
    for timing in timings:
        same = _leading(timing.picks, first.picks)
        if timing.name != "lightly-mundig" and same < min(len(timing.picks), len(first.picks)):
            wrong.append(f"{strategy}, {n:,} x {dimension}: {timing.name} differs after {same:,} picks")
        click.echo(
            f"{timing.name:<28}{timing.seconds:>10.2f}{timing.seconds / first.seconds:>9.1f}{timing.cpu:>10.1f}"
            f"{timing.cpu / first.cpu:>9.1f}{timing.memory / n_bytes:>6.2f}{len(timing.picks):>11,}  same for {same:,}"
        )
    bar = _WEIGHTS_BAR.get(n, 0.0) if strategy == "WEIGHTS" else 20.0 * (strategy == "objects")
    if bar and timings[-1].name == "lightly-mundig":
        ratio = timings[-1].seconds / first.seconds
        click.echo(f"{'reached' if ratio >= bar else 'MISSED'}: {ratio:.0f} times as long (bar {bar:.0f})")
    return wrong


def _leading(picks: NDArray[np.int64], others: NDArray[np.int64]) -> int:
    """Return how many picks are the same, from the first one on."""
    n = min(len(picks), len(others))
    differing = np.flatnonzero(picks[:n] != others[:n])
    return int(differing[0]) if len(differing) else n
