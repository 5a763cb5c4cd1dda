"""Decoding one raw file, and cutting many into tasks. Worker processes run this, so it imports only what it needs."""

import errno
import math
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Self

from curation.cleaning.crop_shards import CropWriter, crop_shard, kept_crop
from curation.cleaning.decode_pages import DecodedPages, decode_pages
from curation.cleaning.decoded_file import DecodedFile as DecodedFile
from curation.cleaning.fetched import BY_DEFAULT, Fetching, decode_object
from curation.cleaning.proxy_writing import add_crop, add_proxy, writing
from curation.cleaning.tasks import RawFile
from curation.core.errors import RawDataError
from curation.core.kinds import IMAGE, PAGES, VIDEO
from curation.core.regular import open_regular
from curation.image.crops import Cropping
from curation.image.decode import decode_image
from curation.image.decoded_sample import DecodedSample
from curation.image.proxies import ShardWriter
from curation.image.undecodable import UndecodableImageError, UnsupportedImageError, require_values
from curation.image.window import ValueWindows, Window
from curation.raw.naming import label_name
from curation.raw.tracks import file_on_disk
from curation.video.decode import decode_video
from curation.video.decoded_video import DecodedVideo
from curation.video.sampling import FrameChoice

if TYPE_CHECKING:
    from curation.params.clean import CleanParams

_MOST_THREADS = 16
"""FFmpeg recommends no more."""

_NO_MEMORY = os.strerror(errno.ENOMEM)
"""FFmpeg's message where it gets no memory."""


@dataclass(frozen=True)
class Settings:
    """The settings that decoding depends on; meaning and unit as in params.yaml, `clean` and `ingest`."""

    max_pixels: int
    proxy_size: int
    corruption_threshold: float
    decode_timeout_s: float
    decode_memory_mb: int | None
    fps: float | None = None
    max_frames_per_video: int | None = None
    jpeg_draft: bool = False
    windows: ValueWindows = field(default_factory=ValueWindows)

    @classmethod
    def of(
        cls,
        clean: "CleanParams",
        fps: float | None = None,
        max_frames_per_video: int | None = None,
        windows: Mapping[tuple[str, str], Window] | None = None,
    ) -> Self:
        """Take over what the parameters say, so that all who decode do it alike.

        Args:
            clean: section `clean`.
            fps: `ingest.fps`; has no influence on images.
            max_frames_per_video: `ingest.max_frames_per_video`; likewise.
            windows: through which folders were seen before, see `ValueWindows.known`.
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
            windows=ValueWindows.chosen(clean.value_window, windows),
        )


def decode_file(
    file: RawFile,
    threads: int,
    announce: Callable[[int], None],
    *,
    raw_folder: Path,
    shard_folder: Path,
    settings: Settings,
    fetching: Fetching = BY_DEFAULT,
) -> DecodedFile:
    """Decode one file and write its proxies.

    The proxies of a video, or of a file of pages, make a shard of their own. An image's proxy goes into a folder beside
    the shards, from which `gather_shard` makes the shard when all images of the chunk are done.

    Args:
        file: what to decode.
        threads: threads of a video decoder.
        announce: takes the number of frames done since the last call; less than 0 where a video is begun again.
        raw_folder: where the raw files are.
        shard_folder: an existing folder for the shards.
        settings: see there.
        fetching: of objects in a bucket.

    Raises:
        RawDataError: the file cannot be opened.
        MemoryError: decoding takes more memory than there is.
    """

    def decode(file: RawFile, path: Path) -> DecodedFile:
        if file.media == VIDEO:
            return _decode_video(file, path, min(threads, _MOST_THREADS), announce, shard_folder, settings)
        if file.media == PAGES:
            return _decode_pages(file, path, announce, shard_folder, settings)
        decoded = _decode_image(file, path, shard_folder, settings)
        announce(1)
        return decoded

    if file.source is not None:
        timeout_s = settings.decode_timeout_s
        return decode_object(file, announce, decode, shard_folder=shard_folder, timeout_s=timeout_s, fetching=fetching)
    _require_readable(raw_folder, file.path)
    return decode(file, raw_folder / file.path)


def gather_shard(shard_folder: Path, shard: str, files: Iterable[DecodedFile]) -> None:
    """Make the shards of a chunk of images from what was written one by one, and remove that.

    Args:
        shard_folder: the folder of shards.
        shard: temporary name of the shard of proxies; it does not appear if there is none, nor does that of crops.
        files: the images of the chunk, in the order of their places.
    """
    folder, chunk = proxies_of(shard_folder, shard), list(files)
    with ShardWriter(shard_folder / shard) as writer:
        for sample in (sample for file in chunk for sample in file.samples):
            writer.add(sample.member, (folder / sample.member).read_bytes())
    with ShardWriter(shard_folder / crop_shard(shard)) as writer:
        for crop in (crop for file in chunk for crop in file.crops):
            writer.add(crop.member, (folder / crop.member).read_bytes())
    if folder.exists():
        for proxy in folder.iterdir():
            proxy.unlink()
        folder.rmdir()


def proxies_of(shard_folder: Path, shard: str) -> Path:
    """Return the folder for the proxies of single images, until they make a shard."""
    return shard_folder / f"{shard}.proxies"


def _decode_image(file: RawFile, path: Path, shard_folder: Path, settings: Settings) -> DecodedFile:
    try:
        image = decode_image(
            path,
            max_pixels=settings.max_pixels,
            proxy_size=settings.proxy_size,
            jpeg_draft=settings.jpeg_draft,
            boxes=file.boxes.get(0, ()),
            window_of=partial(settings.windows.of, label_name(file.path)),
            known_hash=(file.known or {}).get(0, ""),
        )
        require_values(is_empty=image.is_empty)
    except UndecodableImageError as error:
        is_unsupported = isinstance(error, UnsupportedImageError)
        refused = DecodedFile(file.path, IMAGE, [], 1, is_corrupt=True, reason=str(error), shard="")
        return replace(refused, limit=error.limit, is_unsupported=is_unsupported)
    folder = proxies_of(shard_folder, file.shard)
    crops = [kept_crop(file, 0, crop) for crop in image.crops]
    with writing():
        folder.mkdir(exist_ok=True)
        (folder / file.member).write_bytes(image.proxy)
        for kept, crop in zip(crops, image.crops, strict=True):
            (folder / kept.member).write_bytes(crop.jpeg)
    sample = DecodedSample(0, math.nan, image.width, image.height, image.pixel_hash, "", file.member, image.quality)
    decoded = DecodedFile(
        file.path, IMAGE, [sample], 0, is_corrupt=False, reason=image.note, shard=file.shard, crops=crops
    )
    return decoded if image.values is None else replace(decoded, values=image.values, window=image.window)


def _decode_video(
    file: RawFile,
    path: Path,
    threads: int,
    announce: Callable[[int], None],
    shard_folder: Path,
    settings: Settings,
) -> DecodedFile:
    with ShardWriter(shard_folder / file.shard) as writer, CropWriter(shard_folder, file) as crops:

        def restart() -> None:
            writer.discard()
            crops.discard()

        video = decode_video(
            path,
            max_pixels=settings.max_pixels,
            proxy_size=settings.proxy_size,
            corruption_threshold=settings.corruption_threshold,
            threads=threads,
            add_proxy=partial(add_proxy, writer),
            restart=restart,
            progress=announce,
            choice=FrameChoice(settings.fps, settings.max_frames_per_video, file.known),
            cropping=Cropping(file.boxes, partial(add_crop, crops)),
            window_of=partial(settings.windows.of, label_name(file.path)),
        )
        if video.is_corrupt:
            restart()
            if _NO_MEMORY in video.reason:
                raise MemoryError
    return _of_several(file, video.frames, video, crops)


def _decode_pages(
    file: RawFile, path: Path, announce: Callable[[int], None], shard_folder: Path, settings: Settings
) -> DecodedFile:
    with ShardWriter(shard_folder / file.shard) as writer, CropWriter(shard_folder, file) as crops:
        pages = decode_pages(
            path,
            max_pixels=settings.max_pixels,
            proxy_size=settings.proxy_size,
            corruption_threshold=settings.corruption_threshold,
            add_proxy=partial(add_proxy, writer),
            progress=announce,
            choice=FrameChoice(limit=settings.max_frames_per_video, known=file.known),
            cropping=Cropping(file.boxes, partial(add_crop, crops)),
            window_of=partial(settings.windows.of, label_name(file.path)),
        )
        if pages.is_corrupt:
            writer.discard()
            crops.discard()
    decoded = _of_several(file, pages.samples, pages, crops)
    return replace(decoded, is_unsupported=pages.is_unsupported)


def _of_several(
    file: RawFile, samples: Sequence[DecodedSample], outcome: DecodedVideo | DecodedPages, crops: CropWriter
) -> DecodedFile:
    """Return the outcome of decoding a video, or a file of pages."""
    return DecodedFile(
        *(file.path, file.media, samples),
        missing=outcome.missing,
        is_corrupt=outcome.is_corrupt,
        reason=outcome.reason,
        shard=file.shard,
        limit=outcome.limit,
        skipped=outcome.skipped,
        decoded=outcome.decoded,
        crops=crops.kept,
        values=None if outcome.is_corrupt else outcome.values,
        window=outcome.window,
    )


def _require_readable(raw_folder: Path, path: str) -> None:
    """Tell a file that went away since the raw files were listed from one that cannot be decoded."""
    try:
        open_regular(file_on_disk(raw_folder / path)).close()
    except OSError as error:
        raise RawDataError(
            f"raw file {path} could be read when the raw files were listed, but not now ({error.strerror}): "
            "restore it, or run `dvc repro` again to list the files anew"
        ) from None
