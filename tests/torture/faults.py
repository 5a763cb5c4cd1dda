"""Faults at every step of writing, what they leave, and whether the same work done again ends in the same bytes.

A forked process does the work and meets one fault; then this process looks at what is there, and does the work once
more.

- *Calls*: the k-th call to the operating system for a new folder, a link, a flush to the disk or a rename fails (disk
  full, input/output error, too many open files), or the process ends just before or after it, as by `kill -9`; for
  k = 1, 2, ... until the work is done before the k-th call.
- *Bytes*: the kernel lets no file grow beyond n bytes. A write then fails, or ends the process, in whatever library it
  is, those written in C included; for up to 1,000 n from 0 to the size of the largest file.
"""

import errno
import os
import resource
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from tqdm import tqdm

from curation.core.atomic import atomic_folder, link_or_copy
from curation.core.errors import CheckpointError
from curation.datapool.growth import merge_datapool
from curation.datapool.store import CHECKPOINT
from curation.embeddings.cache import read_cache, write_cache
from curation.embeddings.shards import write_shards
from curation.model.architecture import Architecture
from curation.model.checkpoint import seal, unseal
from tests.datapools import candidates_of, empty_datapool, files_of, grow, processed, selection_of
from tests.torture.tally import Tally, tree

CALLS = ("mkdir", "link", "fsync", "replace", "rename")
ERRORS = (errno.ENOSPC, errno.EIO, errno.EMFILE)
_LENGTHS = 1000
_DONE, _FAILED, _KILLED = 0, 1, 137


@dataclass(frozen=True)
class Fault:
    """The fate of the process that does the work.

    Attributes:
        place: k of the k-th call, or the number of bytes.
        kind: `before` or `after` a call for an end of the process, `bytes` for a limit that ends it, `limit` for one
            that makes writing fail; else the number of the error.
    """

    place: int
    kind: str | int


@dataclass(frozen=True)
class Work:
    """Something that is written.

    Attributes:
        name: for the table.
        run: does it.
        target: what it replaces.
        kept: what it must not change.
        may_be_absent: whether nothing may be there in between: a folder is replaced in two steps, and DVC has it.
    """

    name: str
    run: Callable[[], object]
    target: Path
    kept: tuple[Path, ...]
    may_be_absent: bool


def suffer(run: Callable[[], object], fault: Fault) -> int:
    """Do work in a forked process that meets a fault.

    Returns:
        How the process ended: 0 if it was done, 1 if it failed, 137 if it was ended.
    """
    child = os.fork()
    if child == 0:
        status = _FAILED
        try:
            _install(fault)
            run()
            status = _DONE
        except BaseException:  # whatever it is, this process ends here
            pass
        finally:
            os._exit(status)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status) if os.WIFEXITED(status) else _KILLED


def _install(fault: Fault) -> None:
    """Make this process meet a fault."""
    if fault.kind in ("bytes", "limit"):
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL if fault.kind == "bytes" else signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (fault.place, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        return
    left = [fault.place]
    for name in CALLS:
        setattr(os, name, _faulty(getattr(os, name), fault, left))


def _faulty(call: Callable[..., Any], fault: Fault, left: list[int]) -> Callable[..., Any]:
    def faulty(*arguments: Any, **options: Any) -> Any:
        left[0] -= 1
        if left[0]:
            return call(*arguments, **options)
        if isinstance(fault.kind, int):
            raise OSError(fault.kind, os.strerror(fault.kind))
        if fault.kind == "after":
            call(*arguments, **options)
        os._exit(_KILLED)

    return faulty


def count_calls(run: Callable[[], object]) -> int:
    """Return how many calls that can fail some work makes."""
    known = {name: getattr(os, name) for name in CALLS}
    left = [0]
    try:
        for name in CALLS:
            setattr(os, name, _faulty(known[name], Fault(0, "before"), left))
        run()
    finally:
        for name, call in known.items():
            setattr(os, name, call)
    return -left[0]


def faults_of(calls: int, largest: int) -> list[Fault]:
    """Return every fault that work with so many calls, and a largest file of so many bytes, can meet."""
    kinds: tuple[str | int, ...] = (*ERRORS, "before", "after")
    at_calls = [Fault(place, kind) for place in range(1, calls + 1) for kind in kinds]
    step = max(1, largest // _LENGTHS)
    return at_calls + [Fault(place, kind) for place in range(0, largest, step) for kind in ("bytes", "limit")]


def torture(work: Work, faults: list[Fault], restore: Callable[[], None], tally: Tally) -> None:
    """Let work meet faults, one after the other, and count what goes wrong.

    Args:
        work: what is done.
        faults: of which kinds.
        restore: brings the former content back.
        tally: is counted up.
    """
    restore()
    former, kept = tree(work.target), [tree(path) for path in work.kept]
    work.run()
    new = tree(work.target)
    for fault in tqdm(faults, desc=work.name, unit="fault", disable=None, leave=False):
        restore()
        status = suffer(work.run, fault)
        tally.tried += 1
        found = tree(work.target) if work.target.exists() else None
        if status == _DONE and found != new:
            tally.silent += 1
            tally.told.append(f"{work.name}, {fault}: done, with other content")
        allowed = [former, new, *([None] if work.may_be_absent and status == _KILLED else [])]
        if found not in allowed or [tree(path) for path in work.kept] != kept:
            tally.lost += 1
            tally.told.append(f"{work.name}, {fault}: neither the former nor the new content")
        try:
            work.run()
        except Exception as error:
            tally.crashed += 1
            tally.told.append(f"{work.name}, {fault}: the second time failed ({error})")
            continue
        if tree(work.target) != new:
            tally.silent += 1
            tally.told.append(f"{work.name}, {fault}: the second time ended in other bytes")


def merge_work(folder: Path) -> tuple[Work, Callable[[], None]]:
    """Return the merge of a second iteration into a datapool, and what brings the former datapool back."""
    base = grow(folder / "first", empty_datapool(folder / "empty"), ["c.png", "a.png", "b.png"], ["c.png"])
    names, selected = ["e.png", "f.png"], ["f.png"]
    embeddings = np.random.default_rng(1).normal(size=(2, 3)).astype(np.float32)
    write_shards(folder / "embeddings", processed(names), embeddings, "hash")
    tables: dict[str, pd.DataFrame] = {
        "files": files_of(names),
        "selection": selection_of(selected),
        "candidates": candidates_of(names, selected),
    }
    target = folder / "datapool"

    def run() -> None:
        with atomic_folder(target) as written:
            merge_datapool(written, base, base / CHECKPOINT, folder / "embeddings", tables)

    def restore() -> None:
        with atomic_folder(target) as written:
            for file in sorted(path for path in base.rglob("*") if path.is_file()):
                link_or_copy(file, written / file.relative_to(base))

    kept = (base, folder / "embeddings")
    return Work("merge_datapool", run, target, kept, may_be_absent=True), restore


def cache_work(folder: Path) -> tuple[Work, Callable[[], None]]:
    """Return the writing of the cache of embeddings, and what brings the former one back."""
    path, rng = folder / "cache.bin", np.random.default_rng(2)
    keys = [rng.bytes(32) for _ in range(6)]
    embeddings = rng.normal(size=(6, 4)).astype(np.float32)

    def run() -> None:
        write_cache(path, "way", keys, embeddings)
        if not read_cache(path, "way"):
            raise RuntimeError("the cache that was just written is empty")

    def restore() -> None:
        write_cache(path, "way", keys[:3], embeddings[:3])

    return Work("cache of embeddings", run, path, (), may_be_absent=False), restore


def mutated_checkpoints(count: int, seed: int) -> Tally:
    """Change bytes of a sealed checkpoint, cut it, or make it longer; each must be refused."""
    import io

    import torch

    rng, tally = np.random.default_rng(seed), Tally()
    archive = io.BytesIO()
    torch.save({"weight": torch.arange(100.0)}, archive)
    sound = seal(archive.getvalue(), Architecture.of("resnet-9", 8, 16, 32))
    for number in range(count):
        content = bytearray(sound)
        place = int(rng.integers(len(content)))
        if number % 4 == 3:
            content = content[:place] if number % 8 == 3 else content + rng.bytes(1 + place % 9)
        else:
            content[place] ^= 1 << int(rng.integers(8))
        tally.tried += 1
        try:
            unseal(bytes(content), Path("mutated"))
        except CheckpointError:
            continue
        tally.silent += 1
        tally.told.append(f"checkpoint {number}: read in spite of its damage")
    return tally


def faults(folder: Path, seed: int, part: int) -> Iterator[tuple[str, Tally]]:
    """Yield what became of each kind of work.

    Args:
        folder: an empty one.
        seed: of what is chosen.
        part: every so many-th fault is tried; 1 = all.
    """
    rng = np.random.default_rng(seed)
    for make in (merge_work, cache_work):
        place = folder / make.__name__
        place.mkdir()
        work, restore = make(place)
        restore()
        calls = count_calls(work.run)
        paths = [work.target] if work.target.is_file() else [path for path in work.target.rglob("*") if path.is_file()]
        all_faults = faults_of(calls, max(path.stat().st_size for path in paths))
        tally = Tally()
        torture(work, all_faults[int(rng.integers(part)) :: part], restore, tally)
        yield work.name, tally
    yield "mutated checkpoints", mutated_checkpoints(2000 // part, seed)
