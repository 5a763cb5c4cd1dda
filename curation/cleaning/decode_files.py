"""Decoding many raw files side by side, with results that do not depend on how many processes do it.

What a decoder does to its process costs that one file: see `curation.workers.processes`.
"""

import signal
from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import replace
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, Protocol

from tqdm import tqdm

from curation.cleaning.crop_shards import crop_shard
from curation.cleaning.decode_file import DecodedFile, Settings, decode_file, gather_shard
from curation.cleaning.fetched import (
    BY_DEFAULT,
    NOT_FETCHED,
    Fetching,
    discard,
    discard_all,
    noted,
    remove_bytes,
    unreachable,
)
from curation.cleaning.keeping import Keeping, Kept
from curation.cleaning.results import Results
from curation.cleaning.tasks import RawFile, Task, files_of
from curation.core.cores import available_cores
from curation.core.kinds import IMAGE
from curation.core.regular import size_of
from curation.raw.pinned import WAITING_FACTOR
from curation.raw.tracks import file_on_disk
from curation.workers.outcomes import Done, Failure, Limits, Lost, Progress
from curation.workers.processes import run_in_workers
from curation.workers.spare import SpareWorkers
from curation.workers.worker import Announce

_IMAGES_PER_BATCH = 16


class Decode(Protocol):
    """A function like `curation.cleaning.decode_file.decode_file`."""

    def __call__(
        self,
        file: RawFile,
        threads: int,
        announce: Announce,
        *,
        raw_folder: Path,
        shard_folder: Path,
        settings: Settings,
    ) -> DecodedFile:
        """Decode one file and write its proxies."""


def decode_all(
    tasks: Sequence[Task],
    raw_folder: Path,
    shard_folder: Path,
    settings: Settings,
    workers: int,
    decode: Decode = decode_file,
    first: int = 0,
    cores: int | None = None,
    results: Results | None = None,
    fetching: Fetching | None = None,
    spare: SpareWorkers | None = None,
    *,
    gathers: bool = True,
) -> list[DecodedFile]:
    """Decode all tasks in worker processes, showing progress in files and frames.

    Objects in a bucket are in `shard_folder`, too, while they are decoded. Workers wait for them most of the time, so
    there are more of these.

    Args:
        tasks: what to decode.
        raw_folder: where the raw files are.
        shard_folder: an existing folder, for the shards under temporary names.
        settings: see there.
        workers: processes at most; there is always one besides this one, since decoders may crash.
        decode: what decodes one file; must be importable by the workers.
        first: number of the first task, for the temporary names of shards.
        cores: threads of all workers together; None: as many as this machine has cores.
        results: of earlier runs, which need no decoding, and where those of this one are kept; None for none.
        fetching: of objects in a bucket; None: as it is by default.
        spare: see `run_in_workers`.
        gathers: whether images are put together in shards; else what was written of them stays as `decode` left it.

    Returns:
        One entry for each file, sorted by path.

    Raises:
        RawDataError: a file is gone.
    """
    chunks = [files_of(task, f"task-{number:06d}") for number, task in enumerate(tasks, first)]
    chunks = chunks if results is None else results.keyed(chunks, settings)
    with ProgressBar(chunks) as bar:
        outcomes = Outcomes(chunks, shard_folder, bar, gathers=gathers)
        missing = outcomes.restore(results)
        work = partial(decode, raw_folder=raw_folder, shard_folder=shard_folder, settings=settings)
        if fetching is not None:
            work = partial(work, fetching=fetching)
        journal = None if results is None else results.journal(settings)
        with (
            closing(Keeping(work, journal, raw_folder, shard_folder)) as keeping,
            closing(_events(keeping, missing, raw_folder, settings, workers, cores, fetching, spare)) as events,
        ):
            for file, event in events:
                match event:
                    case Lost(frames):
                        bar.advance(file, frames)
                        remove_bytes(file, shard_folder)
                    case Progress(frames):
                        bar.advance(file, frames)
                    case Done(Kept(outcome, trouble)):
                        outcomes.finish(file, outcome)
                        if results is not None and trouble:
                            results.stopped(trouble)
                    case Failure():
                        outcomes.finish(file, _given_up(file, event, settings, shard_folder))
    discard_all(shard_folder)
    return [outcomes.decoded[path] for path in sorted(outcomes.decoded)]


def _events(
    work: Keeping,
    chunks: Sequence[Sequence[RawFile]],
    raw_folder: Path,
    settings: Settings,
    workers: int,
    cores: int | None,
    fetching: Fetching | None,
    spare: SpareWorkers | None,
) -> Generator[tuple[RawFile, Progress | Done[Kept] | Failure], None, None]:
    """Return what happens to files while worker processes decode them."""
    return run_in_workers(
        work,
        _batches([chunk for chunk in chunks if chunk]),
        workers=workers * (WAITING_FACTOR if any(file.source for chunk in chunks for file in chunk) else 1),
        cores=cores or available_cores(),
        limits=Limits(settings.decode_timeout_s, settings.decode_memory_mb),
        size_of=lambda file: file.source.size if file.source else size_of(file_on_disk(raw_folder / file.path)),
        weight_of=lambda file: file.source.size if file.source else 0,
        most_weight=(fetching or BY_DEFAULT).most_bytes,
        spare=spare,
    )


def _batches(chunks: Sequence[Sequence[RawFile]]) -> list[Sequence[RawFile]]:
    """Cut the work into what a worker gets at once: the longest videos first, and few images at a time at the end.

    So all workers end at about the same time.
    """
    videos = sorted((chunk for chunk in chunks if chunk[0].media != IMAGE), key=_length, reverse=True)
    images = (chunk for chunk in chunks if chunk[0].media == IMAGE)
    size = _IMAGES_PER_BATCH
    return [*videos, *(chunk[start : start + size] for chunk in images for start in range(0, len(chunk), size))]


def _length(chunk: Sequence[RawFile]) -> tuple[int, int]:
    """Return the frames of a video; those of an object are unknown, so its bytes stand for them."""
    return chunk[0].declared, chunk[0].source.size if chunk[0].source else 0


class Outcomes:
    """Takes what becomes of each file, and makes the shard of each chunk of images as soon as all of them are done.

    Args:
        chunks: all files.
        folder: of the shards.
        bar: shows the files that are done.
        gathers: whether shards are made of images.

    Attributes:
        decoded: the files that are done, by path.
    """

    def __init__(
        self, chunks: Sequence[Sequence[RawFile]], folder: Path, bar: "ProgressBar", *, gathers: bool = True
    ) -> None:
        self.decoded: dict[str, DecodedFile] = {}
        self._folder = folder
        self._gathers = gathers
        self._bar = bar
        self._all = chunks
        self._chunks = {chunk[0].shard: chunk for chunk in chunks if chunk[0].media == IMAGE}
        self._open = {shard: len(chunk) for shard, chunk in self._chunks.items()}

    def restore(self, results: Results | None) -> list[list[RawFile]]:
        """Bring back what earlier runs have found out; return of each chunk the files that are left."""
        for file in chain.from_iterable(self._all):
            known = None if results is None else results.restored(file, self._folder)
            if known is not None:
                self.finish(file, known)
        return [[file for file in chunk if file.path not in self.decoded] for chunk in self._all]

    def finish(self, file: RawFile, outcome: DecodedFile) -> None:
        """Note that a file is done."""
        self.decoded[file.path] = outcome
        self._bar.finish(file)
        if file.media != IMAGE or not self._gathers:
            return
        self._open[file.shard] -= 1
        if not self._open[file.shard]:
            chunk = self._chunks[file.shard]
            gather_shard(self._folder, file.shard, [self.decoded[image.path] for image in chunk])


def _given_up(file: RawFile, failure: Failure, settings: Settings, shard_folder: Path) -> DecodedFile:
    """Return a file that cannot be decoded, with the reason, and remove what was written of it."""
    for shard in (file.shard, crop_shard(file.shard)):
        (shard_folder / shard).unlink(missing_ok=True)
    reason = reason_of(failure, settings)
    if file.source is None:
        return DecodedFile(file.path, file.media, [], file.declared, is_corrupt=True, reason=reason, shard="")
    found = noted(file, shard_folder)
    discard(file, shard_folder)
    if found is None:
        return unreachable(file, f"{NOT_FETCHED}{reason}")
    refused = DecodedFile(file.path, file.media, [], found.declared or 0, is_corrupt=True, reason=reason, shard="")
    return replace(refused, content_hash=found.content_hash, declared=found.declared or 0)


def reason_of(failure: Failure, settings: Settings) -> str:
    """Say why a file was given up."""
    if failure.kind == "raised":
        return failure.words
    if failure.kind == "time":
        return f"its decoder made no progress within clean.decode_timeout_s ({settings.decode_timeout_s:g} s)"
    if failure.kind == "memory":
        allowed = settings.decode_memory_mb
        return (
            f"its decoder asks for more memory than clean.decode_memory_mb allows ({allowed} MB)"
            if allowed is not None
            else "its decoder asks for more memory than there is"
        )
    if failure.exit_status >= 0:
        return f"its decoder ended the process (exit status {failure.exit_status})"
    number = -failure.exit_status
    name = signal.Signals(number).name if number in set(signal.Signals) else "unknown"
    if number == signal.SIGKILL:
        return f"its decoder was killed (signal {number}, {name}), as happens when a machine runs out of memory"
    return f"its decoder crashed (signal {number}, {name})"


class ProgressBar:
    """Shows files, frames, frames a second and the time left, where somebody can see it."""

    def __init__(self, chunks: Sequence[Sequence[RawFile]]) -> None:
        self._files = sum(map(len, chunks))
        self._finished = 0
        self._frames: dict[str, int] = {}
        self._total = sum(file.declared for chunk in chunks for file in chunk)
        self._bar: tqdm[Any] = tqdm(total=self._total, unit="frame", desc="decoding", disable=None)

    def __enter__(self) -> "ProgressBar":
        self._show_files()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.close()

    def advance(self, file: RawFile, frames: int) -> None:
        """Note frames of a file."""
        self._frames[file.path] = self._frames.get(file.path, 0) + frames
        self._bar.update(frames)

    def finish(self, file: RawFile) -> None:
        """Note that a file is finished, whatever number of frames it declared."""
        self._finished += 1
        self._total += self._frames.pop(file.path, 0) - file.declared
        self._bar.total = self._total
        self._show_files()

    def _show_files(self) -> None:
        self._bar.set_postfix_str(f"{self._finished} of {self._files} files", refresh=False)
