"""Two processes that write the same at the same time.

In each round two forked processes begin together, or one a little later, and do a stage's work in one folder, as a
stage that was left behind by a killed `dvc` does beside the next run's. Both must succeed, and what is there in the end
must be what one alone writes. Then a few rounds of two whole `dvc repro` at once: DVC lets one of them wait or refuses
it, and once it ran alone again, everything is as if there had been one only.

One *tried* is one round. *Lost*: the result is missing, or not whole, or a sample stands in it twice. *Silent*: it is
another one.
"""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import chdir
from pathlib import Path

import numpy as np
import pandas as pd
from tqdm import tqdm

from curation.core.atomic import link_or_copy, remove, write_text
from curation.datapool import store
from curation.embeddings.cache import read_cache, write_cache
from curation.embeddings.shards import write_shards
from curation.params.schema import Params
from curation.pipeline import paths
from curation.tables.embeddings import MARKS
from curation.tables.files import empty_frame, write_csv, write_parquet
from curation.tables.samples import FILES
from curation.tables.selection import CANDIDATES, SELECTION
from stages import merge_datapool
from tests.datapools import candidates_of, empty_datapool, files_of, grow, processed, selection_of
from tests.torture.kills import results, small_project, start
from tests.torture.tally import Tally, tree

ROUNDS, RUNS = 200, 6


def both(work: Callable[[], object], delay_s: float) -> list[int]:
    """Let two processes do some work; the second begins later. Returns how they ended."""
    children = []
    for wait_s in (0.0, delay_s):
        child = os.fork()
        if child == 0:
            status = 1
            try:
                time.sleep(wait_s)
                work()
                status = 0
            except BaseException:  # whatever it is, this process ends here
                pass
            finally:
                os._exit(status)
        children.append(child)
    return [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]


def rounds(
    work: Callable[[], object], restore: Callable[[], None], target: Path, count: int, rng: np.random.Generator
) -> Tally:
    """Do some work twice at once, again and again.

    Args:
        work: writes `target`.
        restore: brings its former content back.
        target: a file or a folder.
        count: of the rounds.
        rng: says how much later the second begins: up to as long as the work takes alone.
    """
    tally = Tally()
    restore()
    begun = time.monotonic()
    work()
    takes_s, wanted = time.monotonic() - begun, tree(target)
    for number in tqdm(range(count), desc=target.name, unit="round", disable=None, leave=False):
        restore()
        statuses = both(work, float(rng.uniform(0, takes_s)) * (number % 4 > 0))
        tally.tried += 1
        if any(statuses):
            tally.crashed += 1
            tally.told.append(f"{target.name}, round {number}: the processes ended with {statuses}")
        found = tree(target) if target.exists() else {}
        if found.keys() != wanted.keys() or _has_twice(target):
            tally.lost += 1
            tally.told.append(f"{target.name}, round {number}: files or samples are missing, or there twice")
        elif found != wanted:
            tally.silent += 1
            tally.told.append(f"{target.name}, round {number}: other bytes")
        if left_over := sorted(path.name for path in target.parent.glob(".writing-*")):
            tally.silent += 1
            tally.told.append(f"{target.name}, round {number}: temporary files stay: {left_over}")
    return tally


def _has_twice(datapool: Path) -> bool:
    """Return whether a sample stands in a datapool twice; False for what is no datapool."""
    tables = [datapool / store.SAMPLES_CSV, datapool / store.LATEST_CSV]
    return any(bool(pd.read_csv(table).iloc[:, 0].duplicated().any()) for table in tables if table.is_file())


def merges(folder: Path, count: int, rng: np.random.Generator) -> Tally:
    """Let two runs of the stage `merge_datapool` meet in a workspace."""
    base = grow(folder / "first", empty_datapool(folder / "empty"), ["c.png", "a.png", "b.png"], ["c.png"])
    names, selected = ["e.png", "f.png", "g.png"], ["f.png", "e.png"]
    work = folder / "work"
    work.mkdir()
    with chdir(work):
        for place in (paths.BASE, paths.DATAPOOL):
            _copy(base, place)
        embeddings = np.random.default_rng(1).normal(size=(len(names), 3)).astype(np.float32)
        write_shards(paths.EMBEDDINGS, processed(names), embeddings, "hash")
        write_csv(empty_frame(MARKS), MARKS, paths.MARKS)
        write_parquet(files_of(names), FILES, paths.FILES)
        write_csv(selection_of(selected), SELECTION, paths.SELECTION)
        write_parquet(candidates_of(names, selected), CANDIDATES, paths.CANDIDATES)
        link_or_copy(base / store.CHECKPOINT, paths.CHECKPOINT)
        write_text(paths.BASE_JSON, "{}")
        params = Params()
        return rounds(
            lambda: merge_datapool.run(params), lambda: _copy(base, paths.DATAPOOL), paths.DATAPOOL, count, rng
        )


def _copy(source: Path, target: Path) -> None:
    remove(target)
    for file in sorted(path for path in source.rglob("*") if path.is_file()):
        link_or_copy(file, target / file.relative_to(source))


def caches(folder: Path, count: int, rng: np.random.Generator) -> Tally:
    """Let two writers of the cache of embeddings meet."""
    path = folder / "cache.bin"
    keys, embeddings = [rng.bytes(32) for _ in range(500)], rng.normal(size=(500, 16)).astype(np.float32)

    def work() -> None:
        write_cache(path, "way", keys, embeddings)
        if not read_cache(path, "way"):
            raise RuntimeError("the cache that was just written is empty")

    return rounds(work, lambda: write_cache(path, "way", keys[:9], embeddings[:9]), path, count, rng)


def runs(folder: Path, count: int, rng: np.random.Generator) -> Tally:
    """Let two whole runs meet, then let one be alone."""
    project, tally = small_project(folder / "first"), Tally()
    calm = project.copy(folder / "calm")
    calm.dvc("repro")
    wanted, size = results(calm), calm.state()
    for number in range(count):
        met = project.copy(folder / f"met-{number}")
        first = start(met)
        time.sleep(float(rng.uniform(0, 10)))
        second = start(met)
        told = [process.communicate()[0] for process in (first, second)]
        tally.tried += 1
        if any("Traceback" in text for text in told) or met.dvc("repro", check=False).code:
            tally.crashed += 1
            tally.told.append(f"round {number}: {[text[-300:] for text in told]}")
        elif met.state() != size or len(set(met.names())) != size[0]:
            tally.lost += 1
            tally.told.append(f"round {number}: {met.state()} in place of {size}")
        elif results(met) != wanted:
            tally.silent += 1
            tally.told.append(f"round {number}: other bytes")
        remove(met.folder.parent)
    return tally


def together(folder: Path, seed: int, part: int) -> Iterator[tuple[str, Tally]]:
    """Yield what became of all rounds.

    Args:
        folder: an empty one.
        seed: of who begins how much later.
        part: every so many-th round is tried; 1 = all.
    """
    rng = np.random.default_rng(seed)
    for name, kind in (("merge_datapool twice at once", merges), ("cache of embeddings twice at once", caches)):
        place = folder / kind.__name__
        place.mkdir()
        yield name, kind(place, ROUNDS // part, rng)
    if RUNS // part:
        yield "dvc repro twice at once", runs(folder / "runs", RUNS // part, rng)
