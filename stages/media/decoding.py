"""Decoding many raw files side by side, with results that do not depend on how many processes do it.

The work is cut into tasks by what the files are: each video is one, images of one folder are taken in chunks. Each task
writes one proxy shard under a temporary name.
"""

import math
import multiprocessing
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from tqdm import tqdm

from stages.cores import available_cores
from stages.errors import RawDataError
from stages.media.images import UndecodableImageError, decode_image
from stages.media.proxies import IMAGES_PER_SHARD, ShardWriter, member_name
from stages.media.quality import Quality
from stages.media.sampling import FrameChoice
from stages.media.schema import IMAGE, VIDEO
from stages.media.videos import decode_video


@dataclass(frozen=True)
class Settings:
    """What decoding depends on besides the files; meaning and unit as in params.yaml, `clean` and `ingest`."""

    max_pixels: int
    proxy_size: int
    corruption_threshold: float
    fps: float | None = None
    max_frames_per_video: int | None = None


@dataclass(frozen=True)
class Task:
    """What one process decodes in one go.

    Attributes:
        media: `image` or `video`.
        paths: relative to the folder of raw data; one video, or images of one folder.
        declared: frames that the files say they have.
        known: of a video whose frames were chosen in an earlier iteration, the pixel hash of each, by frame index.
    """

    media: str
    paths: tuple[str, ...]
    declared: int
    known: Mapping[int, str] | None = None


@dataclass(frozen=True)
class DecodedSample:
    """One frame or image.

    Attributes:
        frame: index among all frames of the video; 0 for images.
        time_s: seconds from the first frame; NaN for images.
        width: pixels, upright.
        height: pixels, upright.
        pixel_hash: 32 hexadecimal digits; empty for a damaged frame.
        fault: what is wrong with it, else empty.
        member: name of its proxy in the task's shard; empty if it has none.
        quality: figures of its proxy's size; None for a damaged frame.
    """

    frame: int
    time_s: float
    width: int
    height: int
    pixel_hash: str
    fault: str
    member: str
    quality: Quality | None


@dataclass(frozen=True)
class DecodedFile:
    """What became of one raw file.

    Attributes:
        path: relative to the folder of raw data.
        media: `image` or `video`.
        samples: all that came out of the decoder, of a video the chosen ones.
        missing: chosen frames that should have come, but did not.
        is_corrupt: whether the file as a whole is refused.
        reason: why; or what is missing.
        limit: the parameter that refuses it, such as `clean.max_pixels`; empty if none does.
        skipped: frames that were left out on purpose.
        shard: temporary name of the shard with its proxies.
    """

    path: str
    media: str
    samples: list[DecodedSample]
    missing: int
    is_corrupt: bool
    reason: str
    shard: str
    limit: str = ""
    skipped: int = 0


def tasks_of(files: Iterable[tuple[str, str, int]], known: Mapping[str, Mapping[int, str]] | None = None) -> list[Task]:
    """Cut the work into tasks.

    Args:
        files: path, media and declared frames of each file, sorted by path.
        known: of videos whose frames were chosen in an earlier iteration, the pixel hash of each, by path and index.
    """
    everything = list(files)
    chosen = known or {}
    tasks = [Task(VIDEO, (path,), frames, chosen.get(path)) for path, media, frames in everything if media == VIDEO]
    images = sorted((path.rpartition("/")[0], path) for path, media, _ in everything if media == IMAGE)
    for _, group in groupby(images, key=lambda item: item[0]):
        names = [path for _, path in group]
        for start in range(0, len(names), IMAGES_PER_SHARD):
            chunk = tuple(names[start : start + IMAGES_PER_SHARD])
            tasks.append(Task(IMAGE, chunk, len(chunk)))
    return tasks


def decode_all(
    tasks: Sequence[Task], raw_folder: Path, shard_folder: Path, settings: Settings, workers: int
) -> list[DecodedFile]:
    """Decode all tasks, several at a time, showing progress in files and frames.

    Args:
        tasks: what to decode.
        raw_folder: where the raw files are.
        shard_folder: an existing folder, for the shards under temporary names.
        settings: see there.
        workers: processes at most; a single task or worker needs none besides this one.

    Returns:
        One entry for each file, sorted by path.

    Raises:
        RawDataError: a file is gone, or a process died.
    """
    shards = [shard_folder / f"task-{number:06d}" for number in range(len(tasks))]
    files = sum(len(task.paths) for task in tasks)
    with tqdm(total=sum(task.declared for task in tasks), unit="frame", desc="decoding", disable=None) as bar:
        progress = _Progress(bar, files)
        if min(workers, len(tasks)) <= 1:
            results = [
                progress.done(decode_task(task, raw_folder, shard, settings, 0, bar.update))
                for task, shard in zip(tasks, shards, strict=True)
            ]
        else:
            results = _decode_in_processes(tasks, raw_folder, shards, settings, min(workers, len(tasks)), progress)
    return sorted((file for result in results for file in result), key=lambda file: file.path)


def decode_task(
    task: Task,
    raw_folder: Path,
    shard: Path,
    settings: Settings,
    threads: int,
    progress: Callable[[int], object] | None = None,
) -> list[DecodedFile]:
    """Decode the files of one task and write their proxies to one shard.

    Args:
        task: what to decode.
        raw_folder: where the raw files are.
        shard: the shard to write; it does not appear if there is no proxy.
        settings: see there.
        threads: threads of a video decoder; 0 = one a core.
        progress: takes the number of frames done since the last call.
    """
    with ShardWriter(shard) as writer:
        if task.media == VIDEO:
            return [_decode_video(task.paths[0], raw_folder, writer, settings, threads, progress, task.known)]
        files = []
        for number, path in enumerate(task.paths):
            files.append(_decode_image(path, member_name(number), raw_folder, writer, settings))
            if progress:
                progress(1)
        return files


def _decode_image(path: str, member: str, raw_folder: Path, writer: ShardWriter, settings: Settings) -> DecodedFile:
    _require_readable(raw_folder, path)
    try:
        image = decode_image(raw_folder / path, max_pixels=settings.max_pixels, proxy_size=settings.proxy_size)
    except UndecodableImageError as error:
        return DecodedFile(path, IMAGE, [], 1, is_corrupt=True, reason=str(error), shard="")
    writer.add(member, image.proxy)
    sample = DecodedSample(0, math.nan, image.width, image.height, image.pixel_hash, "", member, image.quality)
    return DecodedFile(path, IMAGE, [sample], 0, is_corrupt=False, reason="", shard=writer.path.name)


def _decode_video(
    path: str,
    raw_folder: Path,
    writer: ShardWriter,
    settings: Settings,
    threads: int,
    progress: Callable[[int], object] | None,
    known: Mapping[int, str] | None,
) -> DecodedFile:
    _require_readable(raw_folder, path)
    video = decode_video(
        raw_folder / path,
        max_pixels=settings.max_pixels,
        proxy_size=settings.proxy_size,
        corruption_threshold=settings.corruption_threshold,
        threads=threads,
        add_proxy=lambda index, jpeg: writer.add(member_name(index), jpeg),
        restart=writer.discard,
        progress=progress,
        choice=FrameChoice(settings.fps, settings.max_frames_per_video, known),
    )
    if video.is_corrupt:
        writer.discard()
    samples = [
        DecodedSample(
            frame.index,
            frame.time_s,
            frame.width,
            frame.height,
            frame.pixel_hash,
            frame.fault,
            "" if frame.fault or frame.is_repeated or video.is_corrupt else member_name(frame.index),
            frame.quality,
        )
        for frame in video.frames
    ]
    return DecodedFile(
        path,
        VIDEO,
        samples,
        video.missing,
        video.is_corrupt,
        video.reason,
        writer.path.name,
        skipped=video.skipped,
    )


def _require_readable(raw_folder: Path, path: str) -> None:
    """Tell a file that went away since the raw files were listed from one that cannot be decoded."""
    try:
        with (raw_folder / path).open("rb"):
            pass
    except OSError as error:
        raise RawDataError(
            f"raw file {path} could be read when the raw files were listed, but not now ({error.strerror}): "
            "restore it, or run `dvc repro` again to list the files anew"
        ) from None


class _Progress:
    """Shows files beside frames in a progress bar."""

    def __init__(self, bar: "tqdm[Any]", files: int) -> None:
        self.bar = bar
        self._files = files
        self._done = 0
        bar.set_postfix_str(f"0 of {files} files")

    def done(self, result: list[DecodedFile]) -> list[DecodedFile]:
        """Note a finished task, and pass its result on."""
        self._done += len(result)
        self.bar.set_postfix_str(f"{self._done} of {self._files} files")
        return result


_frames_done: Any = None
"""In a worker process: the count of frames that it shares with the others."""


def _start_worker(counter: Any) -> None:
    global _frames_done  # a process pool has no other way to hand a shared counter to its workers
    _frames_done = counter


def _count_frames(number: int) -> None:
    with _frames_done.get_lock():
        _frames_done.value += number


def _work(task: Task, raw_folder: Path, shard: Path, settings: Settings, threads: int) -> list[DecodedFile]:
    return decode_task(task, raw_folder, shard, settings, threads, _count_frames)


def _decode_in_processes(
    tasks: Sequence[Task],
    raw_folder: Path,
    shards: Sequence[Path],
    settings: Settings,
    workers: int,
    progress: _Progress,
) -> list[list[DecodedFile]]:
    """Decode tasks in a pool of processes, the largest first, so that none is left alone at the end."""
    context = multiprocessing.get_context("spawn")  # a fork would copy locks that threads of libraries hold
    counter = context.Value("q", 0)
    threads = max(1, available_cores() // workers)
    largest_first = sorted(range(len(tasks)), key=lambda number: -tasks[number].declared)
    pool = ProcessPoolExecutor(workers, mp_context=context, initializer=_start_worker, initargs=(counter,))
    running: dict[Future[list[DecodedFile]], int] = {}
    results: dict[int, list[DecodedFile]] = {}
    try:
        for number in largest_first:
            future = pool.submit(_work, tasks[number], raw_folder, shards[number], settings, threads)
            running[future] = number
        while running:
            finished, _ = wait(running, timeout=0.5, return_when=FIRST_COMPLETED)
            progress.bar.update(counter.value - progress.bar.n)
            for future in finished:
                number = running.pop(future)
                results[number] = progress.done(_result(future, [tasks[number], *(tasks[n] for n in running.values())]))
    finally:
        pool.shutdown(cancel_futures=True)
    return [results[number] for number in range(len(tasks))]


def _result(future: "Future[list[DecodedFile]]", unfinished: Sequence[Task]) -> list[DecodedFile]:
    """Return a task's result, or say which files a process may have died of."""
    try:
        return future.result()
    except BrokenProcessPool:
        names = [path for task in unfinished for path in task.paths]
        more = f" and {len(names) - 10} more" if len(names) > 10 else ""
        raise RawDataError(
            f"a process that decodes files died (out of memory, or killed) at one of: {', '.join(names[:10])}{more}. "
            "Set clean.workers: 1 to need less memory, lower clean.max_pixels, or take the file out of data/raw"
        ) from None
