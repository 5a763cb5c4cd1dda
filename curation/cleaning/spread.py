"""Decoding on the nodes of a cluster: each decodes some tasks as this machine would, and sends what came of them.

What comes back is a pack, which is checked before it is used and never unpickled. Neither the order in which packs come
back has an influence, nor how the tasks are put together: what becomes of a file depends on the file alone.
"""

import io
import secrets
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, chdir, closing, contextmanager, nullcontext
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from pathlib import Path
from shutil import rmtree
from tempfile import gettempdir
from typing import BinaryIO, Final

from curation.cleaning.decode_file import DecodedFile, Settings, decode_file
from curation.cleaning.decode_files import Decode, Outcomes, ProgressBar, decode_all
from curation.cleaning.fetched import Fetching
from curation.cleaning.keeping import Keeping
from curation.cleaning.packs import Outcome, add_outcome, outcome_of, outcomes_in, packed, restored
from curation.cleaning.results import Results
from curation.cleaning.tasks import RawFile, Task, files_of
from curation.core.errors import ClusterError
from curation.core.kinds import IMAGE
from curation.execution.engine import Engine
from curation.execution.storage import Storage
from curation.workers.spare import SpareWorkers
from curation.workers.worker import Announce

_MOST_FRAMES: Final = 2048
"""Frames that tasks declare which are put together: what each costs besides shall be little."""

_LEAST_FRAMES: Final = 256
_SHARES: Final = 2
"""A group has at most this part of what each of those that are worked on at once would have to do yet."""

_SPARE = SpareWorkers()
"""Of this process, where it is one of a node's: the groups that it decodes are work of the same kind."""

_FOLDER: Final = f"clean-{secrets.token_hex(16)}"

_NO_KEY: Final = "0" * 64
"""Stands where a pack names what an outcome depends on: here that is known."""


@dataclass(frozen=True)
class _Where:
    """Where nodes decode, and how.

    Attributes:
        project: folder that relative paths start from; all nodes see it.
        raw_folder: see `decode_all`.
        settings: likewise.
        threads: that a node's task may use, whatever number of cores it has.
        decode: see `decode_all`.
        packs: where the packs go; None: they are sent.
        fetching: see `decode_all`.
    """

    project: Path
    raw_folder: Path
    settings: Settings
    threads: int
    decode: Decode
    packs: Storage | None
    fetching: Fetching | None


def decode_with(
    engine: Engine,
    tasks: Sequence[Task],
    raw_folder: Path,
    shard_folder: Path,
    settings: Settings,
    workers: int,
    decode: Decode = decode_file,
    first: int = 0,
    results: Results | None = None,
    fetching: Fetching | None = None,
) -> list[DecodedFile]:
    """Decode all tasks where the engine works; see `decode_all`, whose results these are.

    Args:
        engine: on a cluster, all nodes must see `raw_folder` under its path.
        tasks: see `decode_all`.
        raw_folder: likewise.
        shard_folder: likewise.
        settings: likewise.
        workers: processes of this machine that decode, where it does.
        decode: see `decode_all`.
        first: likewise.
        results: likewise.
        fetching: likewise; each node fetches what it decodes.

    Raises:
        RawDataError: a file is gone.
        ClusterError: the cluster cannot go on.
    """
    if not engine.is_cluster:
        where = (tasks, raw_folder, shard_folder, settings, workers, decode, first)
        return decode_all(*where, results=results, fetching=fetching)
    chunks = [files_of(task, f"task-{number:06d}") for number, task in enumerate(tasks, first)]
    chunks = chunks if results is None else results.keyed(chunks, settings)
    with ProgressBar(chunks) as bar:
        outcomes = Outcomes(chunks, shard_folder, bar)
        left = _left(tasks, outcomes.restore(results))
        with (
            closing(_Taker(chunks, raw_folder, shard_folder, settings, results)) as taker,
            closing(_sent(engine, left, raw_folder, settings, decode, fetching)) as found,
        ):
            for outcome in found:
                outcomes.finish(*taker.taken(outcome))
    missing = sorted(file.path for chunk in chunks for file in chunk if file.path not in outcomes.decoded)
    if missing:
        raise ClusterError(
            f"{len(missing)} files came back damaged from the nodes, {missing[0]} among them: look at the network, "
            "then run the same command again"
        )
    return [outcomes.decoded[path] for path in sorted(outcomes.decoded)]


def _left(tasks: Sequence[Task], files: Sequence[Sequence[RawFile]]) -> list[Task]:
    """Return the tasks without the files that are done.

    Args:
        tasks: see there.
        files: of each task those that are left.
    """
    return [
        replace(task, paths=tuple(file.path for file in left), declared=len(left)) if task.media == IMAGE else task
        for task, left in zip(tasks, files, strict=True)
        if left
    ]


def _sent(
    engine: Engine,
    tasks: Sequence[Task],
    raw_folder: Path,
    settings: Settings,
    decode: Decode,
    fetching: Fetching | None,
) -> Generator[Outcome, None, None]:
    """Yield what nodes make of files, as it comes, without what is damaged; see `decode_with` for the arguments.

    Where there are no tasks, nothing is asked of the engine.
    """
    if not tasks:
        return
    groups = _grouped(tasks, engine.slots)
    # The file of known contents is on this machine alone: nodes decode those, too, which changes nothing.
    there = None if fetching is None else replace(fetching, known=None)
    with nullcontext() if engine.storage is None else engine.storage.folder_of_a_run() as packs:
        where = _Where(Path.cwd(), raw_folder, settings, engine.cpus_per_task, decode, packs, there)
        work = partial(_decoded_group, where=where)
        with closing(engine.run(work, groups, cpus=engine.cpus_per_task)) as found:
            for _, pack in found:
                with _opened(pack, packs) as file:
                    yield from outcomes_in(file)


def _opened(pack: bytes | str, packs: Storage | None) -> AbstractContextManager[BinaryIO]:
    """Open a pack that was sent, or that lies where the packs are under a name."""
    if isinstance(pack, bytes):
        return io.BytesIO(pack)
    if packs is None:
        raise RuntimeError("a node gave a name, but packs are sent")
    return packs.open(pack, "rb")


def _frames(tasks: Iterable[Task]) -> int:
    """Return the frames that tasks declare; those that declare none count as one."""
    return sum(max(task.declared, 1) for task in tasks)


def _grouped(tasks: Sequence[Task], slots: int) -> list[list[Task]]:
    """Put tasks together: large groups first, so that few processes start, then small ones, so that all end together.

    Args:
        tasks: to decode; those of many images are cut.
        slots: groups that are worked on side by side.

    Returns:
        Groups, each with a share of what is left then.
    """
    pieces = list(chain.from_iterable(map(_pieces, tasks)))
    groups: list[list[Task]] = []
    left, frames, limit = _frames(pieces), 0, 0
    for piece in sorted(pieces, key=lambda piece: -piece.declared):
        if not groups or frames + _frames([piece]) > limit:
            limit = max(_LEAST_FRAMES, min(_MOST_FRAMES, left // (_SHARES * slots)))
            groups.append([])
            frames = 0
        groups[-1].append(piece)
        frames += _frames([piece])
        left -= _frames([piece])
    return groups


def _pieces(task: Task) -> list[Task]:
    """Cut a task of many images."""
    if task.media != IMAGE:
        return [task]
    cuts = [task.paths[start : start + _LEAST_FRAMES] for start in range(0, len(task.paths), _LEAST_FRAMES)]
    return [replace(task, paths=paths, declared=len(paths)) for paths in cuts]


def _decoded_group(tasks: Sequence[Task], *, where: _Where) -> bytes | str:
    """Decode some tasks on a node.

    Returns:
        A pack with one outcome for each file; or its name where the packs are.
    """
    with _shard_folder() as shards, chdir(where.project):
        threads = where.threads
        decoded = decode_all(
            *(tasks, where.raw_folder, shards, where.settings, threads, where.decode),
            cores=threads,
            fetching=where.fetching,
            spare=_SPARE,
            gathers=False,
        )
        outcomes = (outcome_of(_NO_KEY, file, shards) for file in decoded)
        if where.packs is None:
            return packed(outcomes)
        name = secrets.token_hex(16)  # a node that counts as lost may still be writing its own
        with where.packs.open(name, "wb") as pack:
            for outcome in outcomes:
                add_outcome(pack, outcome)
        return name


@contextmanager
def _shard_folder() -> Iterator[Path]:
    """Make a folder for what one group writes, under the name that it has for every group of this process."""
    folder = Path(gettempdir()) / _FOLDER
    rmtree(folder, ignore_errors=True)  # what could not be removed before
    folder.mkdir(mode=0o700)
    try:
        yield folder
    finally:
        rmtree(folder, ignore_errors=True)


class _Taker:
    """Takes what nodes made of files, writes it as if it had been decoded here, and keeps it for a later run."""

    def __init__(
        self,
        chunks: Sequence[Sequence[RawFile]],
        raw_folder: Path,
        shard_folder: Path,
        settings: Settings,
        results: Results | None,
    ) -> None:
        self._files = {file.path: file for chunk in chunks for file in chunk}
        self._folder = shard_folder
        self._results = results
        self._sent: dict[str, Outcome] = {}
        journal = None if results is None else results.journal(settings)
        self._keeping = Keeping(self._restored, journal, raw_folder, shard_folder)

    def taken(self, outcome: Outcome) -> tuple[RawFile, DecodedFile]:
        """Take the outcome of one file; return the file, and what `decode_file` would have returned here."""
        file = self._files[outcome.decoded.path]
        self._sent[file.path] = outcome
        kept = self._keeping(file, 1, lambda _: None)
        if self._results is not None and kept.trouble:
            self._results.stopped(kept.trouble)
        return file, kept.decoded

    def close(self) -> None:
        """Close what is kept."""
        self._keeping.close()

    def _restored(self, file: RawFile, threads: int, announce: Announce) -> DecodedFile:
        return restored(self._sent.pop(file.path), file, self._folder)
