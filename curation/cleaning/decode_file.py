"""Decoding one raw file, and cutting many into tasks. Worker processes run this, so it imports only what it needs."""

import errno
import math
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Self

from curation.cleaning.records import Records
from curation.core.errors import RawDataError
from curation.core.regular import open_regular
from curation.image.decode import UndecodableImageError, decode_image
from curation.image.proxies import IMAGES_PER_SHARD, ShardWriter, member_name
from curation.image.quality import Quality
from curation.raw.kinds import IMAGE, VIDEO
from curation.video.decode import decode_video
from curation.video.sampling import FrameChoice

if TYPE_CHECKING:
    from curation.params.clean import CleanParams

_MOST_THREADS = 16
"""FFmpeg recommends no more."""

_NO_MEMORY = os.strerror(errno.ENOMEM)
"""What FFmpeg says where it gets no memory."""


@dataclass(frozen=True)
class Settings:
    """What decoding depends on besides the files; meaning and unit as in params.yaml, `clean` and `ingest`."""

    max_pixels: int
    proxy_size: int
    corruption_threshold: float
    decode_timeout_s: float
    decode_memory_mb: int | None
    fps: float | None = None
    max_frames_per_video: int | None = None
    jpeg_draft: bool = False

    @classmethod
    def of(cls, clean: "CleanParams", fps: float | None = None, max_frames_per_video: int | None = None) -> Self:
        """Take over what the parameters say, so that all who decode do it alike.

        Args:
            clean: section `clean`.
            fps: `ingest.fps`; has no influence on images.
            max_frames_per_video: `ingest.max_frames_per_video`; likewise.
        """
        return cls(
            max_pixels=clean.max_pixels,
            proxy_size=clean.proxy_size,
            corruption_threshold=clean.corruption_threshold,
            decode_timeout_s=clean.decode_timeout_s,
            decode_memory_mb=clean.decode_memory_mb,
            fps=fps,
            max_frames_per_video=max_frames_per_video,
            jpeg_draft=clean.jpeg_draft,
        )


@dataclass(frozen=True)
class Task:
    """Raw files whose proxies make one shard.

    Attributes:
        media: `image` or `video`.
        paths: relative to the folder of raw data; one video, or images of one folder.
        declared: frames that the files say they have.
        known: of a video whose frames were chosen in an earlier iteration, the pixel hash of each, by frame index.
    """

    media: str
    paths: tuple[str, ...]
    declared: int
    known: Mapping[int, str] | None = field(default=None, hash=False)


@dataclass(frozen=True)
class RawFile:
    """One file to decode.

    Attributes:
        path: relative to the folder of raw data.
        media: `image` or `video`.
        declared: frames that it says it has.
        shard: temporary name of the shard for its proxies.
        member: of an image, the name of its proxy in the shard; empty for a video.
        known: of a video, see `Task.known`.
    """

    path: str
    media: str
    declared: int
    shard: str
    member: str
    known: Mapping[int, str] | None = field(default=None, hash=False)


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
        shard: temporary name of the shard with its proxies.
        limit: the parameter whose limit the file exceeds, so that it is refused without being damaged; else empty.
        skipped: frames that were left out on purpose.
        decoded: frames that came out of the decoder, or would have if they had not been left out.
    """

    path: str
    media: str
    samples: Sequence[DecodedSample]
    missing: int
    is_corrupt: bool
    reason: str
    shard: str
    limit: str = ""
    skipped: int = 0
    decoded: int = 0


def tasks_of(files: Iterable[tuple[str, str, int]], known: Mapping[str, Mapping[int, str]] | None = None) -> list[Task]:
    """Cut the work into tasks by what the files are: each video is one, images of one folder are taken in chunks.

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


def files_of(task: Task, shard: str) -> list[RawFile]:
    """Return the files of a task.

    Args:
        task: what to decode.
        shard: temporary name of the shard for its proxies.
    """
    if task.media == VIDEO:
        return [RawFile(task.paths[0], VIDEO, task.declared, shard, "", task.known)]
    return [RawFile(path, IMAGE, 1, shard, member_name(place)) for place, path in enumerate(task.paths)]


def decode_file(
    file: RawFile,
    threads: int,
    announce: Callable[[int], None],
    *,
    raw_folder: Path,
    shard_folder: Path,
    settings: Settings,
) -> DecodedFile:
    """Decode one file and write its proxies.

    A video's proxies make a shard of their own. An image's proxy goes into a folder beside the shards, from which
    `gather_shard` makes the shard when all images of the chunk are done: they are, in any order, by several processes.

    Args:
        file: what to decode.
        threads: threads of a video decoder.
        announce: takes the number of frames done since the last call; less than 0 where a video is begun again.
        raw_folder: where the raw files are.
        shard_folder: an existing folder for the shards.
        settings: see there.

    Raises:
        RawDataError: the file cannot be opened.
        MemoryError: decoding takes more memory than there is.
    """
    _require_readable(raw_folder, file.path)
    if file.media == VIDEO:
        return _decode_video(file, min(threads, _MOST_THREADS), announce, raw_folder, shard_folder, settings)
    decoded = _decode_image(file, raw_folder, shard_folder, settings)
    announce(1)
    return decoded


def gather_shard(shard_folder: Path, shard: str, files: Iterable[DecodedFile]) -> None:
    """Make the shard of a chunk of images from the proxies that were written one by one, and remove these.

    Args:
        shard_folder: the folder of shards.
        shard: temporary name of the shard; it does not appear if there is no proxy.
        files: the images of the chunk, in the order of their places.
    """
    folder = _proxies_of(shard_folder, shard)
    with ShardWriter(shard_folder / shard) as writer:
        for sample in (sample for file in files for sample in file.samples):
            writer.add(sample.member, (folder / sample.member).read_bytes())
    if folder.exists():
        for proxy in folder.iterdir():
            proxy.unlink()
        folder.rmdir()


def _proxies_of(shard_folder: Path, shard: str) -> Path:
    """Return the folder for the proxies of single images, until they make a shard."""
    return shard_folder / f"{shard}.proxies"


def _decode_image(file: RawFile, raw_folder: Path, shard_folder: Path, settings: Settings) -> DecodedFile:
    try:
        image = decode_image(
            raw_folder / file.path,
            max_pixels=settings.max_pixels,
            proxy_size=settings.proxy_size,
            jpeg_draft=settings.jpeg_draft,
        )
    except UndecodableImageError as error:
        return DecodedFile(file.path, IMAGE, [], 1, is_corrupt=True, reason=str(error), shard="", limit=error.limit)
    folder = _proxies_of(shard_folder, file.shard)
    folder.mkdir(exist_ok=True)
    (folder / file.member).write_bytes(image.proxy)
    sample = DecodedSample(0, math.nan, image.width, image.height, image.pixel_hash, "", file.member, image.quality)
    return DecodedFile(file.path, IMAGE, [sample], 0, is_corrupt=False, reason=image.note, shard=file.shard)


def _decode_video(
    file: RawFile,
    threads: int,
    announce: Callable[[int], None],
    raw_folder: Path,
    shard_folder: Path,
    settings: Settings,
) -> DecodedFile:
    with ShardWriter(shard_folder / file.shard) as writer:
        video = decode_video(
            raw_folder / file.path,
            max_pixels=settings.max_pixels,
            proxy_size=settings.proxy_size,
            corruption_threshold=settings.corruption_threshold,
            threads=threads,
            add_proxy=lambda index, jpeg: writer.add(member_name(index), jpeg),
            restart=writer.discard,
            progress=announce,
            choice=FrameChoice(settings.fps, settings.max_frames_per_video, file.known),
        )
        if video.is_corrupt:
            writer.discard()
            if _NO_MEMORY in video.reason:
                raise MemoryError
    samples = Records(DecodedSample)
    for frame in video.frames:
        has_proxy = not (frame.fault or frame.is_repeated or video.is_corrupt)
        samples.append(
            DecodedSample(
                frame.index,
                frame.time_s,
                frame.width,
                frame.height,
                frame.pixel_hash,
                frame.fault,
                member_name(frame.index) if has_proxy else "",
                frame.quality,
            )
        )
    return DecodedFile(
        file.path,
        VIDEO,
        samples,
        video.missing,
        video.is_corrupt,
        video.reason,
        file.shard,
        video.limit,
        video.skipped,
        video.decoded,
    )


def _require_readable(raw_folder: Path, path: str) -> None:
    """Tell a file that went away since the raw files were listed from one that cannot be decoded."""
    try:
        open_regular(raw_folder / path).close()
    except OSError as error:
        raise RawDataError(
            f"raw file {path} could be read when the raw files were listed, but not now ({error.strerror}): "
            "restore it, or run `dvc repro` again to list the files anew"
        ) from None
