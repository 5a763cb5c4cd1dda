"""Writing samples in full size from the raw files: of a video, little more than the wanted frames is decoded.

Decoders read files from strangers, so worker processes run them (`curation.workers.processes`): one that crashes
costs the samples that it was at.
"""

import errno
import shutil
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path, PurePosixPath
from types import MappingProxyType

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image

from curation.buckets.raw_object import RawObject
from curation.cleaning.full_size import video_pictures
from curation.core.atomic import atomic_file, clear_unfinished
from curation.core.errors import OutputError
from curation.core.hashing import sha256_of_file
from curation.core.regular import is_file
from curation.export.batches import (
    JPEG_SUFFIXES,
    Batch,
    Kept,
    PictureFormat,
    Settings,
    Wanted,
    kept_batches,
    raw_batches,
)
from curation.image.decode import load_image, load_pages
from curation.image.proxies import to_rgb
from curation.image.window import WindowOf
from curation.raw.listing import extension_of
from curation.raw.naming import label_name
from curation.raw.pages import is_page
from curation.raw.pinned import NO_OBJECTS, WAITING_FACTOR, Objects, at_hand
from curation.raw.tracks import file_on_disk
from curation.workers.outcomes import Done, Failure, Limits
from curation.workers.processes import run_in_workers
from curation.workers.worker import Announce

_JPEG_QUALITY = 95
_SUFFIXES = {"png": (".png",), "jpg": JPEG_SUFFIXES}

NOT_WRITTEN = "cannot be written"
"""Begins the reason of a sample whose raw file is as it should be, and whose picture cannot have its name."""

_HIT_ALL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.EMFILE, errno.ENFILE})
"""Errors that no sample is to blame for: the next one would meet them too."""


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
        target_name(
            filename,
            is_frame=extension_of(raw) in video_extensions or is_page(filename, raw),
            picture_format=picture_format,
        )
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
    targets: Sequence[str] | None = None,
    kept: Mapping[str, Kept] = MappingProxyType({}),
    objects: Objects = NO_OBJECTS,
) -> dict[str, str]:
    """Write samples as files; those that are there already stay, so that an interrupted export goes on.

    A kept picture with the sample's very pixels is taken first, then the raw file, then a kept one with loss.

    Args:
        samples: rows of a datapool's samples.
        raw_folder: where the raw files are.
        folder: where to write; made if it is not there.
        settings: how.
        workers: processes at most.
        limits: of each batch.
        advance: is called with the number of samples done, again and again.
        targets: path of each sample, relative to `folder`; None: as `targets_of` says.
        kept: pictures that stayed with the datapool, by filename.
        objects: the raw files that are in a bucket; each that is needed is in `folder` for as long as it is read.

    Returns:
        Why, for each filename that could not be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if targets is None:
        targets = targets_of(samples, settings.picture_format, settings.video_extensions)
    clear_unfinished(folder)
    rows = samples.assign(target=list(targets))
    failed, batches = _batches(rows, raw_folder, folder, settings, kept, objects.by_path)
    advance(len(samples) - sum(len(batch.wanted) for batch in batches))
    events = run_in_workers(
        partial(write_batch, folder=folder, settings=settings, timeout_s=limits.timeout_s),
        [[batch] for batch in batches],
        workers=workers * (WAITING_FACTOR if any(batch.remote for batch in batches) else 1),
        cores=workers,
        limits=limits,
        weight_of=lambda batch: batch.remote.size if batch.remote else 0,
        most_weight=objects.most_bytes,
    )
    with closing(events):
        for batch, event in events:
            if isinstance(event, Done):
                failed |= event.result
            elif isinstance(event, Failure):
                failed |= {wanted.filename: _told(batch, event) for wanted in batch.wanted}
            else:
                continue
            advance(len(batch.wanted))
    clear_unfinished(folder)
    return dict(sorted(failed.items()))


def _batches(
    rows: pd.DataFrame,
    raw_folder: Path,
    folder: Path,
    settings: Settings,
    kept: Mapping[str, Kept],
    objects: Mapping[str, RawObject],
) -> tuple[dict[str, str], list[Batch]]:
    """Return which samples cannot be written, and why, and what is still to be written of the others."""
    rows = rows[_mask(not is_file(folder / target) for target in rows["target"])]
    taken = {name: kept[name] for name in kept.keys() & set(rows["filename"])}
    is_raw = _mask(
        name not in taken
        or not (taken[name].is_exact or not (path in objects or file_on_disk(raw_folder / path).is_file()))
        for name, path in zip(rows["filename"], rows["raw_path"], strict=True)
    )
    rows, from_kept = rows[is_raw], rows[~is_raw]
    failed = dict.fromkeys(_not_to_be_had(from_kept, taken, settings), "only a JPEG of it was kept")
    from_kept = from_kept[~from_kept["filename"].isin(list(failed))]
    return failed, [*raw_batches(rows, raw_folder, settings, objects), *kept_batches(from_kept, taken, settings)]


def _told(batch: Batch, failure: Failure) -> str:
    """Say why nothing of a batch was written, or not all."""
    return f"the decoder of {batch.raw_path} failed" + (f": {failure.words}" if failure.words else "")


def _mask(values: Iterable[bool]) -> NDArray[np.bool_]:
    """Return a mask of rows, also of none."""
    return np.array(list(values), dtype=bool)


def _not_to_be_had(rows: pd.DataFrame, kept: Mapping[str, Kept], settings: Settings) -> list[str]:
    """Return the samples whose own file is asked for where a JPEG of it is all that there is."""
    return [
        name
        for name, target in zip(rows["filename"], rows["target"], strict=True)
        if settings.picture_format == "original" and not kept[name].is_exact and not target.lower().endswith(".png")
    ]


def write_batch(
    batch: Batch, threads: int, announce: Announce, *, folder: Path, settings: Settings, timeout_s: float = 60.0
) -> dict[str, str]:
    """Write the samples of a batch, in a worker process.

    Args:
        batch: which.
        threads: not used; FFmpeg takes what it needs.
        announce: is called with the number of samples done.
        folder: where to write.
        settings: how.
        timeout_s: seconds for fetching an object.

    Returns:
        Why, for each filename that could not be written.
    """
    if batch.remote is not None:
        from curation.buckets.fetching import UnreachableError  # what only those load that fetch

        try:
            with at_hand(batch.remote, folder, announce, timeout_s=timeout_s) as path:
                here = batch._replace(source=str(path), remote=None)
                return write_batch(here, threads, announce, folder=folder, settings=settings)
        except UnreachableError as error:
            return {wanted.filename: f"{batch.raw_path} cannot be fetched: {error.reason}" for wanted in batch.wanted}
    source = Path(batch.source)
    if not file_on_disk(source).is_file():
        return {wanted.filename: f"{batch.raw_path} is not in the folder of raw files" for wanted in batch.wanted}
    if batch.is_copy:
        (wanted,) = batch.wanted
        if wanted.content_hash and sha256_of_file(source) != wanted.content_hash:
            return {wanted.filename: f"{batch.raw_path} has other content than when it was selected"}
        fault = write_sample(folder / wanted.target, lambda temporary: shutil.copyfile(source, temporary))
        return {wanted.filename: fault} if fault else {}
    by_frame = {wanted.frame: wanted for wanted in batch.wanted}
    failed = {wanted.filename: f"{batch.raw_path} no longer holds these pixels" for wanted in batch.wanted}
    window_of = partial(settings.windows.of, label_name(batch.raw_path))
    for number, (frame, picture) in enumerate(_pictures(batch, by_frame, settings, window_of), 1):
        wanted = by_frame[frame]
        fault = write_sample(folder / wanted.target, partial(_save, scaled_down(picture, settings.size), wanted.target))
        if fault:
            failed[wanted.filename] = fault
        else:
            failed.pop(wanted.filename)
        announce(number)
    return failed


def _pictures(
    batch: Batch, wanted: Mapping[int, Wanted], settings: Settings, window_of: WindowOf
) -> Iterator[tuple[int, Image.Image]]:
    """Yield the wanted pictures of a file one after the other, those that it still holds."""
    source, known = Path(batch.source), {frame: sample.pixel_hash for frame, sample in wanted.items()}
    max_pixels, keeps_16_bits = settings.max_pixels, settings.picture_format != "jpg"
    try:
        if batch.is_video:
            yield from video_pictures(source, known, max_pixels, keeps_16_bits=keeps_16_bits, window_of=window_of)
            return
        load = partial(load_image, max_pixels=max_pixels, window_of=window_of, keeps_16_bits=keeps_16_bits)
        load_each = partial(load_pages, max_pixels=max_pixels, window_of=window_of, keeps_16_bits=keeps_16_bits)
        pictures = load_each(source, known) if batch.is_pages else iter([(0, load(source, pixel_hash=known[0]))])
        for frame, picture in pictures:
            yield frame, picture if picture.mode == "I;16" else to_rgb(picture)
    except MemoryError:
        raise
    except Exception:  # besides those that decoders are known for, whatever a library raises about a file
        return


def scaled_down(picture: Image.Image, size: int | None) -> Image.Image:
    """Return a picture whose short side is at most `size` pixels; None = as it is."""
    scaled = scaled_size(*picture.size, size)
    gap = None if picture.mode == "I;16" else 3.0  # Pillow cannot reduce 16 bits first
    return picture if scaled == picture.size else picture.resize(scaled, Image.Resampling.LANCZOS, reducing_gap=gap)


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


def write_sample(target: Path, write: Callable[[Path], object]) -> str:
    """Write the file of a sample; return why it cannot be, empty if it is there.

    Raises:
        OSError: nothing can be written, under whatever name.
    """
    try:
        with atomic_file(target) as temporary:
            write(temporary)
    except OSError as error:
        if error.errno in _HIT_ALL:
            raise
        return f"{NOT_WRITTEN}: {error.strerror or error}"
    return ""
