"""`kill -9` of whole `dvc repro` runs, stages and all, at random moments; `curate repair && dvc repro` makes it good.

A chain begins with a copy of a project that has one committed iteration and new raw files. `dvc repro` runs in a
process group of its own, which is killed; then `curate repair` and the same command run, and that is killed further on;
and so on through all stages, until the last run of the chain is left alone. It must end in what a run that nobody
disturbed ends in. How often there was something to repair is counted.

One *tried* is one kill that came while the run was going on. After each, the datapool must be the former, the new one
or absent, the objects that the commit names must be in the cache, and every object of the cache must be what its name
says. Which stage a kill waits for, and how long in there, comes from the seed; how far a run has got by then does not.
"""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

from curation.core.hashing import md5_of_file
from tests.pipeline.project import Project, new_project
from tests.torture.tally import Tally, Tree, tree

CHAINS, KILLS = 17, 15
STAGES = ("code", "ingest", "resolve_base", "base", "clean", "train", "embed", "select", "merge_datapool", "report")
_ANNOUNCED = "Running stage '"
_MADE = ("dvc.lock", "base.json", "code.json", "datapool", "reports")


@dataclass(frozen=True)
class Moment:
    """The moment when a run is killed.

    Attributes:
        place: index of the stage that has begun by then; -1: none yet.
        share: of the time that this stage takes, and what DVC does after it.
    """

    place: int
    share: float


@dataclass(frozen=True)
class Undisturbed:
    """The result of a run that is left alone.

    Attributes:
        made: its results.
        seconds: how long each stage took, with what DVC did after it; last, how long DVC took before the first.
    """

    made: Tree
    seconds: tuple[float, ...]


def small_project(folder: Path, batches: str = "ab") -> Project:
    """Make a project with one committed iteration and new raw files, in which each stage is as quick as can be.

    The embeddings are given, since a training is killed elsewhere (tests/test_train.py).
    """
    project = new_project(folder)
    project.set_params(
        embed__embeddings_file="given.csv", select__n_samples=2, report__n_example_images=0, report__n_thumbnails=0
    )
    names = project.add_images(batches[0], 4)
    later = [f"{batch}_{number:03d}.png" for batch in batches[1:] for number in range(4)]
    values = np.random.default_rng(0).normal(size=(len(names + later), 3))
    rows = [
        f"{name},{','.join(f'{value:.4f}' for value in row)},0" for name, row in zip(names + later, values, strict=True)
    ]
    text = "\n".join(["filenames,embedding_0,embedding_1,embedding_2,labels", *rows])
    (project.folder / "given.csv").write_text(f"{text}\n")
    project.dvc("repro")
    project.commit("iteration 1")
    for batch in batches[1:]:
        project.add_images(batch, 4)
    return project


def start(project: Project) -> "subprocess.Popen[str]":
    """Start `dvc repro` in a process group of its own."""
    return subprocess.Popen(
        ["dvc", "repro"],
        cwd=project.folder,
        env=project.environment() | {"PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        text=True,
        errors="replace",
        start_new_session=True,
    )


def results(project: Project) -> Tree:
    """Return the hashes of all that an iteration makes, `dvc.lock` with those of the cached outputs among them."""
    found: Tree = {}
    for name in _MADE:
        path = project.folder / name
        found |= {f"{name}/{file}": value for file, value in (tree(path) if path.exists() else {}).items()}
    return found


def undisturbed(project: Project) -> Undisturbed:
    """Run a project to the end, and take the time of each stage."""
    begun, now = {-1: time.monotonic()}, 0.0
    with start(project) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith(_ANNOUNCED):
                begun[_place(line)] = time.monotonic()
    now = time.monotonic()
    if process.returncode or set(begun) != set(range(-1, len(STAGES))):
        raise AssertionError("the run that nobody disturbs has to run all stages")
    ends = [begun[place + 1] for place in range(-1, len(STAGES) - 1)] + [now]
    seconds = [end - begun[place] for place, end in zip(range(-1, len(STAGES)), ends, strict=True)]
    return Undisturbed(results(project), (*seconds[1:], seconds[0]))


def _place(line: str) -> int:
    return STAGES.index(line.removeprefix(_ANNOUNCED).split("'")[0])


def moments(rng: np.random.Generator, count: int) -> list[Moment]:
    """Return when the runs of a chain are killed, in order: in every stage once, as far as the count allows."""
    places = [*rng.permutation(np.arange(-1, len(STAGES))), *rng.integers(-1, len(STAGES), count)][:count]
    return [Moment(int(place), float(rng.uniform(0, 1.1))) for place in sorted(places)]


def kill(process: "subprocess.Popen[str]", moment: Moment, seconds: tuple[float, ...]) -> bool:
    """Kill a run and all that it started; False where it had ended before.

    A stage that an earlier run has finished does not begin again: then the next one that begins is waited for.
    """
    assert process.stdout is not None
    lines = process.stdout if moment.place >= 0 else ()
    any(line.startswith(_ANNOUNCED) and _place(line) >= moment.place for line in lines)
    try:
        process.wait(moment.share * seconds[moment.place])
        return False
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        return True
    finally:
        process.communicate()


def look(project: Project, former: Tree, new: Tree, wanted: set[str], tally: Tally, when: str) -> None:
    """Count what a kill has damaged."""
    folder = project.folder / "datapool"
    found = tree(folder) if folder.exists() else None
    objects = {path: path.parent.name + path.name for path in cache_objects(project)}
    if found not in (former, new, None) or not wanted <= set(objects.values()):
        tally.lost += 1
        tally.told.append(f"{when}: the datapool, or what the commit names, is not there")
    damaged = [name for path, name in objects.items() if md5_of_file(path) != name.removesuffix(".dir")]
    if damaged:
        tally.silent += 1
        tally.told.append(f"{when}: {damaged[0]} in the cache is not what its name says")


def make_good(project: Project, tally: Tally, when: str) -> None:
    """Let `curate repair` bring back what a kill has cut off; count and tell where it had to, or failed."""
    done = project.run("python", "-m", "curate", "repair", check=False)
    repaired = [line for line in done.output.splitlines() if " was cut off: " in line]
    if done.code:
        tally.crashed += 1
        tally.told.append(f"{when}: curate repair failed ({done.output[-300:]!r})")
    elif repaired:
        tally.repaired += 1
        tally.told.append(f"{when}: {'; '.join(repaired)}")


def cache_objects(project: Project) -> list[Path]:
    """Return the objects of a project's cache; names that DVC gives to what it is still writing don't count."""
    paths = (project.folder / ".dvc/cache/files/md5").glob("[0-9a-f][0-9a-f]/*")
    return sorted(path for path in paths if len(path.name.removesuffix(".dir")) == 30)


def chain(project: Project, expected: Undisturbed, planned: list[Moment], tally: Tally, name: str) -> None:
    """Kill one run after the other, then leave one alone, and compare."""
    former = tree(project.folder / "datapool")
    new = {
        path.removeprefix("datapool/"): value for path, value in expected.made.items() if path.startswith("datapool/")
    }
    wanted = {path.parent.name + path.name for path in cache_objects(project)}
    for moment in planned:
        stage = STAGES[moment.place] if moment.place >= 0 else "dvc"
        when = f"{name}, {stage} at {moment.share:.2f}"
        process = start(project)
        if kill(process, moment, expected.seconds):
            tally.tried += 1
            look(project, former, new, wanted, tally, when)
            make_good(project, tally, when)
        elif process.returncode:
            tally.crashed += 1
            tally.told.append(f"{when}: the next run failed, before it came so far")
            break
    last = project.dvc("repro", check=False)
    if last.code:
        tally.crashed += 1
        tally.told.append(f"{name}: the last run failed ({last.output[-300:]!r})")
    elif (found := results(project)) != expected.made:
        tally.silent += 1
        differing = sorted(path for path in found | expected.made if found.get(path) != expected.made.get(path))
        tally.told.append(f"{name}: ended in other bytes: {differing[:5]}")
    left_over = sorted(path.name for path in project.folder.rglob(".writing-*"))
    if left_over:
        tally.silent += 1
        tally.told.append(f"{name}: temporary files stay: {left_over[:5]}")


def kills(folder: Path, seed: int, part: int) -> Iterator[tuple[str, Tally]]:
    """Yield what became of all kills.

    Args:
        folder: an empty one.
        seed: of what is killed when.
        part: every so many-th chain is made; 1 = all.
    """
    project = small_project(folder / "first")
    calm = project.copy(folder / "calm")
    expected, tally = undisturbed(calm), Tally()
    for number in tqdm(range(0, CHAINS, part), desc="kills", unit="chain", disable=None, leave=False):
        place = folder / f"chain-{number}"
        chain(project.copy(place), expected, moments(np.random.default_rng([seed, number]), KILLS), tally, place.name)
        shutil.rmtree(place)
    yield f"kills in {len(range(0, CHAINS, part))} chains of dvc repro", tally
