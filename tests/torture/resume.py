"""`kill -9` of `python -m stages.clean` at random moments: the next run goes on, and decodes again what was in hand.

Real photographs and videos are used where they are at hand, else generated ones. Each file that a worker begins is
noted, so that what is decoded twice is counted. A kill comes when a drawn number of files has begun since the stage
began to decode, and up to a fiftieth of a second later. The last run is left alone, and must end in the bytes of one
that nobody disturbed and that kept nothing.

One *tried* is one kill. A file is *lost* where a kill has cost more files than there are workers.
"""

import shutil
import sys
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from unittest.mock import patch

import numpy as np

from curation.cleaning.spread import decode_with
from tests import ROOT
from tests.killed_decoding import killed, noted, noting_decode, repeated
from tests.pipeline.project import Project, new_project
from tests.torture.tally import Tally, tree

KILLS, WORKERS = 30, 2
_LATER_S = 0.02
_STAGE = "from tests.torture.resume import stage_with_notes; stage_with_notes()"
_REAL = ROOT.parent / "shared" / "data"


def stage_with_notes() -> None:
    """Run stage `clean` of the project that is the current folder, with notes."""
    with patch("curation.cleaning.clean.decode_with", partial(decode_with, decode=noting_decode)):
        from stages.clean import main

        main()


def _project(folder: Path) -> Project:
    """Make a project that has come as far as stage `clean`."""
    project = new_project(folder)
    project.set_params(clean__workers=WORKERS, clean__proxy_size=256)
    raw = project.folder / "data/raw"
    if _REAL.is_dir():
        shutil.copytree(_REAL / "images_clothing10", raw / "photographs")
        shutil.copytree(_REAL / "videos_batch1", raw / "videos")
    else:
        project.add_images("a", 300, 700)
    project.dvc("repro", "base")
    return project


def resume(folder: Path, seed: int, part: int) -> Iterator[tuple[str, Tally]]:
    """Yield what became of all kills.

    Args:
        folder: an empty one.
        seed: of when to kill.
        part: every so many-th kill is made; 1 = all.
    """
    project, tally, rng = _project(folder), Tally(), np.random.default_rng(seed)
    stage, made = (sys.executable, "-c", _STAGE), project.folder / "data/clean"
    project.set_params(clean__resume_mb=0)
    if killed(stage, project.folder, folder / "calm", None):
        raise AssertionError("the run that nobody disturbs failed")
    files, expected = len(noted(folder / "calm")), tree(made)
    shutil.rmtree(made)
    project.set_params(clean__resume_mb=4096)
    runs: list[list[str]] = []
    kills = len(range(0, KILLS, part))
    while not runs or tally.tried < kills:
        notes, left = folder / f"run-{len(runs)}", files - len({path for run in runs for path in run})
        begun = int(rng.integers(1, max(2, 2 * left // (kills - tally.tried))))
        status = killed(stage, project.folder, notes, begun, float(rng.uniform(0, _LATER_S)))
        runs.append(noted(notes))
        if status >= 0:
            break
        tally.tried += 1
    notes = folder / "last"
    if killed(stage, project.folder, notes, None):
        tally.crashed += 1
        tally.told.append("the last run failed")
    runs.append(noted(notes))
    again = repeated(runs)
    tally.lost = sum(max(0, count - WORKERS) for count in again)
    tally.silent = int(tree(made) != expected)
    counts = ", ".join(f"{number} x {count}" for count, number in sorted(Counter(again[:-1]).items()))
    line = f"{files} files; begun twice per kill: {counts} (kills x files)"
    tally.told.append(line)
    yield "kills in stage clean", tally
