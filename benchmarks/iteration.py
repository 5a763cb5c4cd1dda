"""What a first iteration costs, and one with one per cent more, stage by stage: time, memory, parts, and how it grows.

`python -m benchmarks.iteration --rows 100000 --rows 1000000`

Each stage runs in a process of its own, by its own code, on two kinds of projects:

- `--pictures` JPEG files from a seed are listed, decoded and embedded for real by `ingest`, `clean`, `train` and
  `embed`, with the template's parameters. What a million of them take is extrapolated from these, and said to be;
- `--rows` samples are imagined (`benchmarks.seeded_project`): what decoding gives, and the embeddings, are made from a
  seed in the form in which the stages write them. From there on the stages do all of their own work: `clean` accounts
  for files and samples, `embed` takes in given embeddings, `select` chooses, `merge_datapool` and `report` follow.

Start-up is what the same stage takes for `STARTING` rows: it is left out of ratios and growth. Figures are seconds of
processor time of all threads, since these depend less on what else the machine does; `wall` is by the clock. Growth is
the power of the number of rows by which the time grows from one size to the next: beyond `DEFECT` it is marked.
"""

import json
import math
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click
from PIL import Image

from benchmarks.decode import scene
from benchmarks.seeded_project import begin_next, give_embeddings, make_project
from curation.pipeline import paths

ROOT = Path(__file__).parent.parent
TABLE_STAGES = ("clean", "train", "embed", "select", "merge_datapool", "report")
FILE_STAGES = ("ingest", "clean", "train", "embed")
STARTING = 1_000
DEFECT = 1.15
_SHARE_OF_PARTS = 0.08
_PICTURE = (640, 480)

Costs = Mapping[str, Mapping[str, Any]]
"""What `benchmarks.measured_stage` says of each stage."""


def run_stages(folder: Path, stages: Sequence[str], *, imagined: bool) -> dict[str, Mapping[str, Any]]:
    """Run stages of a project one after the other, each in a process of its own."""
    costs = {}
    environment = {**os.environ, "PYTHONPATH": os.fspath(ROOT)}
    for stage in stages:
        command = [sys.executable, "-m", "benchmarks.measured_stage", stage, *(["--imagined"] if imagined else [])]
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise click.ClickException(f"stage {stage} failed:\n{done.stderr[-3000:]}")
        costs[stage] = json.loads(done.stdout.splitlines()[-1])
        click.echo(f"  {stage}: {costs[stage]['cpu_s']:.1f} s; {costs[stage]['said']}", err=True)
    return costs


def imagined_iterations(folder: Path, rows: int, dimension: int, share: float) -> tuple[Costs, Costs]:
    """Return what an iteration costs, and the next with one per cent more, on imagined media."""
    new, picks = max(1, rows // 100), max(1, int(rows * share))
    make_project(folder, ROOT, rows, picks)
    costs = []
    for seed in range(2):
        cleaned = run_stages(folder, TABLE_STAGES[:1], imagined=True)
        give_embeddings(folder, dimension, seed)
        costs.append(cleaned | run_stages(folder, TABLE_STAGES[1:], imagined=True))
        if not seed:
            begin_next(folder, rows, new, max(1, int(new * share)))
    return costs[0], costs[1]


def write_pictures(folder: Path, numbers: Sequence[int]) -> None:
    """Write JPEG files from seeds, in folders of a hundred; every tenth is a scene, the others pan over it."""
    for number in numbers:
        file = folder / f"{number // 100:05}" / f"{number:07}.jpg"
        file.parent.mkdir(parents=True, exist_ok=True)
        wide = scene(_PICTURE[0] + 100, _PICTURE[1], number // 10, grain=3)
        Image.fromarray(wide[:, 10 * (number % 10) :][:, : _PICTURE[0]]).save(file, quality=90)


def real_iterations(folder: Path, pictures: int) -> tuple[Costs, Costs]:
    """Return what listing, decoding and embedding pictures costs, and one per cent more of them.

    The second time `clean` finds all of the first in the base's ledger, as after an accepted iteration.
    """
    make_project(folder, ROOT, 1, max(1, pictures // 20))
    text = (folder / paths.PARAMS).read_text(encoding="utf-8")
    text = text.replace("embeddings_file: given.npy", "embeddings_file: null")
    (folder / paths.PARAMS).write_text(text, encoding="utf-8")
    (folder / "relevant_filenames.txt").write_text("", encoding="utf-8")
    for file in (paths.GIVEN_EMBEDDINGS, paths.GIVEN_PREDICTIONS, paths.GIVEN_WEIGHTS):
        (folder / file).write_text("", encoding="utf-8")
    subprocess.run(["git", "init", "-q"], cwd=folder, check=True)
    write_pictures(folder / paths.RAW, range(pictures))
    first = run_stages(folder, (*FILE_STAGES, "select", "merge_datapool"), imagined=False)
    begin_next(folder, 0, 0, max(1, pictures // 2000))
    write_pictures(folder / paths.RAW, range(pictures, pictures + max(1, pictures // 100)))
    return first, run_stages(folder, FILE_STAGES, imagined=False)


def table(title: str, first: Costs, more: Costs, start: tuple[Costs, Costs] | None) -> list[str]:
    """Return the lines that tell what two iterations cost, by stage and in all."""
    heads = [f"{when + ' cpu s':>13} {'wall':>7} {'MB':>6}" for when in ("first:", "+1 %:")]
    largest = "largest parts of the first | of +1 %"
    lines = [title, f"  {'stage':15} {heads[0]} {heads[1]} {'start-up':>9} {'+1 % / first':>13}  {largest}"]
    for stage in first:
        one, other = first[stage], more.get(stage)
        if other is None:
            continue
        starts = _starts(start, stage)
        net = [max(0.0, each["cpu_s"] - begin) for each, begin in zip((one, other), starts, strict=True)]
        ratio = f"{net[1] / net[0]:.1%}" if net[0] > 0 and start else "-"
        figures = [f"{each['cpu_s']:>13.1f} {each['wall_s']:>7.1f} {each['peak_mb']:>6}" for each in (one, other)]
        lines.append(
            f"  {stage:15} {figures[0]} {figures[1]} {starts[0]:>9.1f} {ratio:>13}  {_parts(one)} | {_parts(other)}"
        )
    return lines


def _starts(start: tuple[Costs, Costs] | None, stage: str) -> tuple[float, float]:
    """Return the start-up of a stage in a first iteration and in the next."""
    return (start[0][stage]["cpu_s"], start[1][stage]["cpu_s"]) if start else (0.0, 0.0)


def _parts(cost: Mapping[str, Any]) -> str:
    """Name the parts of a stage that take most of it."""
    return ", ".join(
        f"{name} {spent / cost['cpu_s']:.0%}"
        for name, spent in cost["parts"].items()
        if spent > _SHARE_OF_PARTS * cost["cpu_s"]
    )


def totals(rows: int, first: Costs, more: Costs, start: tuple[Costs, Costs], real: tuple[Costs, float] | None) -> str:
    """Say what one per cent more costs besides start-up, of the tables alone and with decoding and embedding."""
    sums = [
        sum(max(0.0, costs[stage]["cpu_s"] - _starts(start, stage)[which]) for stage in costs)
        for which, costs in enumerate((first, more))
    ]
    said = f"{rows} rows: +1 % takes {sums[1] / sums[0]:.1%} of the first's {sums[0]:.0f} s besides start-up (bar 3 %)"
    if real is None:
        return said
    costs, pictures = real
    each = sum(costs[stage]["cpu_s"] for stage in ("clean", "embed")) / pictures
    whole = (sums[1] + rows / 100 * each) / (sums[0] + rows * each)
    return f"{said}; with {each * 1000:.1f} ms a picture for decoding and embedding, extrapolated: {whole:.2%}"


def growth(sizes: Mapping[int, tuple[Costs, Costs]], start: tuple[Costs, Costs]) -> list[str]:
    """Return the lines that tell how the time and the memory of each stage grow from one size to the next."""
    lines = []
    for (few, costs), (many, more) in pairwise(sorted(sizes.items())):
        for stage in costs[0]:
            begin = start[0][stage]
            net = [max(1e-3, each[0][stage]["cpu_s"] - begin["cpu_s"]) for each in (costs, more)]
            power = math.log(net[1] / net[0]) / math.log(many / few)
            memory = (more[0][stage]["peak_mb"] - costs[0][stage]["peak_mb"]) * 1000 / (many - few)
            mark = "  FASTER THAN THE DATA" if power > DEFECT else ""
            lines.append(f"  {few} -> {many} {stage:15} rows^{power:.2f}, {memory:.2f} kB a row{mark}")
    return lines


@click.command()
@click.option("--rows", type=click.IntRange(min=STARTING), multiple=True, default=(100_000,), show_default=True)
@click.option("--dimension", default=32, show_default=True, help="Of an embedding.")
@click.option("--share", default=0.05, show_default=True, help="Share of the samples to select.")
@click.option("--pictures", default=1_000, show_default=True, help="Files to decode and embed for real; 0 = none.")
@click.option("--folder", type=click.Path(path_type=Path), help="Where the projects go; else a temporary folder.")
def main(rows: tuple[int, ...], dimension: int, share: float, pictures: int, folder: Path | None) -> None:
    """Measure every stage of a first iteration and of one with one per cent more."""
    with TemporaryDirectory(dir=folder) as name:
        place = Path(name)
        real = real_iterations(place / "pictures", pictures) if pictures else None
        start = imagined_iterations(place / "start", STARTING, dimension, share)
        sizes = {}
        for size in sorted(set(rows)):
            click.echo(f"{size} rows", err=True)
            sizes[size] = imagined_iterations(place / str(size), size, dimension, share)
    if real:
        click.echo("\n".join(table(f"{pictures} pictures, for real", *real, None)))
    for size, costs in sizes.items():
        click.echo("\n".join(table(f"{size} rows of {dimension} values, imagined media", *costs, start)))
    for size, costs in sizes.items():
        click.echo(totals(size, *costs, start, (real[0], pictures) if real else None))
    click.echo("\n".join(growth(sizes, start)))


if __name__ == "__main__":
    main()
