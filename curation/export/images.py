"""Writing samples in full size from the raw files: of a video, little more than the wanted frames is decoded.

Decoders read files from strangers, so worker processes run them (`curation.workers.processes`): one that crashes
costs the samples that it was at.
"""

import shutil
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Literal, NamedTuple

import numpy as np
import pandas as pd
from PIL import Image

from curation.cleaning.full_size import video_pictures
from curation.core.atomic import atomic_file
from curation.core.errors import OutputError
from curation.core.hashing import sha256_of_file
from curation.image.decode import UndecodableImageError, load_image
from curation.image.proxies import to_rgb
from curation.raw.listing import extension_of
from curation.video.opening import NoVideoError
from curation.workers.processes import Done, Failure, Limits, run_in_workers
from curation.workers.worker import Announce

PictureFormat = Literal["original", "png", "jpg"]
"""`original` copies images as they are, and writes frames as PNG."""

_JPEG_QUALITY = 95
_SUFFIXES = {"png": (".png",), "jpg": (".jpg", ".jpeg")}


class Wanted(NamedTuple):
    """One sample to write.

    Attributes:
        filename: of the sample.
        target: path to write, relative to the folder of the export.
        frame: index in its video; 0 for images.
        pixel_hash: its pixels must have.
        content_hash: SHA-256 that the raw file must have where it is copied.
    """

    filename: str
    target: str
    frame: int
    pixel_hash: str
    content_hash: str


class Batch(NamedTuple):
    """Samples of one raw file, which one worker writes."""

    raw_path: str
    is_copy: bool
    wanted: tuple[Wanted, ...]


class Settings(NamedTuple):
    """The form in which samples are written.

    Attributes:
        picture_format: of the files.
        size: short side in pixels that pictures are scaled down to; None = full size.
        video_extensions: file name endings read as videos, lower case, without the dot.
        max_pixels: larger images and frames are refused.
    """

    picture_format: PictureFormat
    size: int | None
    video_extensions: tuple[str, ...]
    max_pixels: int


def target_name(filename: str, *, is_frame: bool, picture_format: PictureFormat) -> str:
    """Return the path of an exported sample: its own name, as far as the format allows.

    A frame's `.png` becomes the format's ending. An image keeps its name, with the ending after it if it has another.
    """
    if picture_format == "original":
        return filename
    suffix = f".{picture_format}"
    if is_frame:
        return f"{filename.removesuffix('.png')}{suffix}"
    return filename if filename.lower().endswith(_SUFFIXES[picture_format]) else f"{filename}{suffix}"


def targets_of(samples: pd.DataFrame, picture_format: PictureFormat, video_extensions: Collection[str]) -> list[str]:
    """Return the path of each exported sample, relative to the folder of the export.

    Args:
        samples: rows with `filename` and `raw_path`.
        picture_format: of the files.
        video_extensions: see `Settings`.

    Raises:
        OutputError: two samples would get one path, or one would lie outside of the folder.
    """
    targets = [
        target_name(filename, is_frame=extension_of(raw) in video_extensions, picture_format=picture_format)
        for filename, raw in zip(samples["filename"], samples["raw_path"], strict=True)
    ]
    for target in targets:
        path = PurePosixPath(target)
        if path.is_absolute() or ".." in path.parts or "\0" in target:
            raise OutputError(f"{target!r} is not a path inside the folder: the table of samples is damaged")
    if len(set(targets)) < len(targets):
        twice = next(target for target in targets if targets.count(target) > 1)
        raise OutputError(f"two samples would both be written to {twice!r}: export them with --format original")
    return targets


def export_images(
    samples: pd.DataFrame,
    raw_folder: Path,
    folder: Path,
    settings: Settings,
    *,
    workers: int,
    limits: Limits,
    advance: Callable[[int], object] = lambda _: None,
) -> dict[str, str]:
    """Write samples as files; those that are there already stay, so that an interrupted export goes on.

    Args:
        samples: rows of a datapool's samples.
        raw_folder: where the raw files are.
        folder: where to write; made if it is not there.
        settings: how.
        workers: processes at most.
        limits: of each batch.
        advance: is called with the number of samples done, again and again.

    Returns:
        Why, for each filename that could not be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    targets = targets_of(samples, settings.picture_format, settings.video_extensions)
    batches = list(_batches(samples, targets, folder, settings))
    advance(len(samples) - sum(len(batch.wanted) for batch in batches))
    failed: dict[str, str] = {}
    work = partial(write_batch, raw_folder=raw_folder, folder=folder, settings=settings)
    events = run_in_workers(work, [[batch] for batch in batches], workers=workers, cores=workers, limits=limits)
    with closing(events):
        for batch, event in events:
            if isinstance(event, Done):
                failed |= event.result
            elif isinstance(event, Failure):
                failed |= {wanted.filename: f"the decoder of {batch.raw_path} failed" for wanted in batch.wanted}
            else:
                continue
            advance(len(batch.wanted))
    return dict(sorted(failed.items()))


def _batches(samples: pd.DataFrame, targets: Sequence[str], folder: Path, settings: Settings) -> Iterator[Batch]:
    """Yield what is still to be written: the frames of each raw file in their order."""
    rows = samples.assign(target=targets)
    rows = rows.loc[np.array([not (folder / target).is_file() for target in targets], dtype=bool)]
    for raw_path, group in rows.sort_values(["raw_path", "frame"]).groupby("raw_path", sort=True):
        columns = [group[name].tolist() for name in ("filename", "target", "frame", "pixel_hash", "content_hash")]
        wanted = [Wanted(*values) for values in zip(*columns, strict=True)]
        is_image = extension_of(str(raw_path)) not in settings.video_extensions
        is_copy = settings.picture_format == "original" and is_image
        yield Batch(str(raw_path), is_copy, tuple(wanted))


def write_batch(
    batch: Batch, threads: int, announce: Announce, *, raw_folder: Path, folder: Path, settings: Settings
) -> dict[str, str]:
    """Write the samples of a batch, in a worker process.

    Args:
        batch: which.
        threads: not used; FFmpeg takes what it needs.
        announce: is called with the number of samples done.
        raw_folder: where the raw files are.
        folder: where to write.
        settings: how.

    Returns:
        Why, for each filename that could not be written.
    """
    source = raw_folder / batch.raw_path
    if not source.is_file():
        return {wanted.filename: f"{batch.raw_path} is not in {raw_folder}" for wanted in batch.wanted}
    if batch.is_copy:
        (wanted,) = batch.wanted
        if sha256_of_file(source) != wanted.content_hash:
            return {wanted.filename: f"{batch.raw_path} has other content than when it was selected"}
        _write(folder / wanted.target, lambda temporary: shutil.copyfile(source, temporary))
        return {}
    by_frame = {wanted.frame: wanted for wanted in batch.wanted}
    failed = {wanted.filename: f"{batch.raw_path} no longer holds these pixels" for wanted in batch.wanted}
    for number, (frame, picture) in enumerate(_pictures(source, by_frame, settings), 1):
        wanted = by_frame[frame]
        _write(folder / wanted.target, partial(_save, scaled_down(picture, settings.size), wanted.target))
        failed.pop(wanted.filename)
        announce(number)
    return failed


def _pictures(source: Path, wanted: Mapping[int, Wanted], settings: Settings) -> Iterator[tuple[int, Image.Image]]:
    """Yield the wanted pictures of a raw file one after the other, those that it still holds."""
    known = {frame: sample.pixel_hash for frame, sample in wanted.items()}
    with suppress(OSError, NoVideoError, UndecodableImageError):
        if extension_of(source.name) in settings.video_extensions:
            yield from video_pictures(source, known, settings.max_pixels)
        else:
            yield 0, to_rgb(load_image(source, max_pixels=settings.max_pixels, pixel_hash=known[0]))


def scaled_down(picture: Image.Image, size: int | None) -> Image.Image:
    """Return a picture whose short side is at most `size` pixels; None = as it is."""
    scaled = scaled_size(*picture.size, size)
    return picture if scaled == picture.size else picture.resize(scaled, Image.Resampling.LANCZOS, reducing_gap=3.0)


def scaled_size(width: int, height: int, size: int | None = None) -> tuple[int, int]:
    """Return width and height of a picture whose short side is scaled down to `size` pixels; None = as it is."""
    short = min(width, height)
    if size is None or short <= size:
        return width, height
    return max(1, round(width * size / short)), max(1, round(height * size / short))


def _save(picture: Image.Image, target: str, temporary: Path) -> None:
    if target.lower().endswith(_SUFFIXES["jpg"]):
        picture.save(temporary, "JPEG", quality=_JPEG_QUALITY, subsampling=0)
    else:
        picture.save(temporary, "PNG")


def _write(target: Path, write: Callable[[Path], object]) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with atomic_file(target) as temporary:
        write(temporary)
