"""What is read for each full-size picture that is written: the raw file, or a picture that stayed with the datapool."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Literal, NamedTuple

import pandas as pd

from curation.buckets.raw_object import RawObject
from curation.image.window import OWN_WINDOWS, ValueWindows
from curation.raw.listing import extension_of
from curation.raw.pages import is_page

PictureFormat = Literal["original", "png", "jpg"]
"""`original` copies images as they are, and writes frames and pages as PNG."""

JPEG_SUFFIXES = (".jpg", ".jpeg")
_WANTED = ["filename", "target", "frame", "pixel_hash", "content_hash"]


class Wanted(NamedTuple):
    """One sample to write.

    Attributes:
        filename: of the sample.
        target: path to write, relative to the folder of the export.
        frame: index in its video, or among the pages of its file; 0 for images.
        pixel_hash: its pixels must have.
        content_hash: SHA-256 that the raw file must have where it is copied; empty = known to be right.
    """

    filename: str
    target: str
    frame: int
    pixel_hash: str
    content_hash: str


class Batch(NamedTuple):
    """Samples of one raw file, which one worker writes.

    Attributes:
        raw_path: of the file that they come from.
        source: path of the file that is read.
        is_video: whether that is a video.
        is_copy: whether it is copied as it is.
        wanted: the samples.
        is_pages: whether these are pages of an image file.
        remote: what is fetched to be read in place of `source`, where the file is an object in a bucket.
    """

    raw_path: str
    source: str
    is_video: bool
    is_copy: bool
    wanted: tuple[Wanted, ...]
    is_pages: bool = False
    remote: RawObject | None = None


class Kept(NamedTuple):
    """A sample's full-size picture that stayed with the datapool.

    Attributes:
        path: of the file, whose bytes are known to be sound.
        form: `original` for the image's own file, `png` for a frame or page, `jpg` for what was encoded with loss.
    """

    path: Path
    form: str

    @property
    def is_exact(self) -> bool:
        """Whether it has the sample's very pixels."""
        return self.form != "jpg"


class Settings(NamedTuple):
    """The form in which samples are written.

    Attributes:
        picture_format: of the files.
        size: short side in pixels that pictures are scaled down to; None = full size.
        video_extensions: file name endings read as videos, lower case, without the dot.
        max_pixels: larger images and frames are refused.
        copies_jpeg: whether raw JPEG files are copied as they are, where the format is `jpg`.
        windows: through which images of more than 8 bits a channel are seen where the form has 8.
    """

    picture_format: PictureFormat
    size: int | None
    video_extensions: tuple[str, ...]
    max_pixels: int
    copies_jpeg: bool = False
    windows: ValueWindows = OWN_WINDOWS


def raw_batches(
    rows: pd.DataFrame, raw_folder: Path, settings: Settings, objects: Mapping[str, RawObject] = MappingProxyType({})
) -> Iterator[Batch]:
    """Yield what is written from raw files: the frames of each in their order.

    Args:
        rows: of samples, with their `target`.
        raw_folder: where the raw files are.
        settings: how they are written.
        objects: the raw files that are in a bucket, by path.
    """
    for raw_path, group in rows.sort_values(["raw_path", "frame"]).groupby("raw_path", sort=True):
        wanted = [Wanted(*values) for values in zip(*(group[name].tolist() for name in _WANTED), strict=True)]
        extension = extension_of(str(raw_path))
        is_video = extension in settings.video_extensions
        as_it_is = settings.picture_format == "original" or (settings.copies_jpeg and f".{extension}" in JPEG_SUFFIXES)
        is_pages = not is_video and any(is_page(each.filename, str(raw_path)) for each in wanted)
        is_copy = as_it_is and not is_video and not is_pages
        source, remote = str(raw_folder / str(raw_path)), objects.get(str(raw_path))
        yield Batch(str(raw_path), source, is_video, is_copy, tuple(wanted), is_pages, remote)


def kept_batches(rows: pd.DataFrame, kept: Mapping[str, Kept], settings: Settings) -> Iterator[Batch]:
    """Yield what is written from pictures that were kept, one each.

    Args:
        rows: of samples, with their `target`.
        kept: the picture of each, by filename.
        settings: how they are written.
    """
    for raw_path, *values in zip(rows["raw_path"], *(rows[name].tolist() for name in _WANTED), strict=True):
        sample = Wanted(*values)
        picture = kept[sample.filename]
        is_copy = picture.form == settings.picture_format and settings.size is None
        is_copy |= picture.is_exact and settings.picture_format == "original"
        known = sample.pixel_hash if picture.form == "original" else ""
        wanted = sample._replace(frame=0, pixel_hash=known, content_hash="")
        yield Batch(str(raw_path), str(picture.path), False, is_copy, (wanted,))
