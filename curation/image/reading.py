"""Reading image files to the last row, each with what reads it, and what is wrong with them."""

import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple, TypeVar

from PIL import Image

from curation.core.words import in_one_line
from curation.image import raw_photos, tiff, tiff_files
from curation.image.damage import findings_in
from curation.image.deep import is_deep, read_deep
from curation.image.findings import SOUND
from curation.image.jpeg_damage import END_MARKER
from curation.image.opening import open_image
from curation.image.pillow_modes import normalised
from curation.image.pillow_settings import own_pillow_settings
from curation.image.proxies import proxy_dimensions
from curation.image.stored import StoredImage
from curation.image.turbojpeg import decode_planes
from curation.image.undecodable import UndecodableImageError, UnsupportedImageError, require_pixels
from curation.image.values import Values

_EXIF_ORIENTATION = 0x0112

_JPEG_START = b"\xff\xd8\xff"

_LARGEST_JPEG = 64 * 2**20
"""Bytes of the largest JPEG file that is read as a whole; a larger one is left to Pillow, which reads what it needs."""

T = TypeVar("T")


class ReadImage(NamedTuple):
    """An image as it was read.

    Attributes:
        planes: of a sound JPEG file of the usual kind, or a draft of them; None for others.
        image: as its file stores it; None where planes are enough.
        size: width and height of what the file stores, pixels.
        note: what else there is to say; empty as a rule.
        is_draft: whether the planes were decoded at a reduced size.
    """

    planes: StoredImage | None
    image: StoredImage | None
    size: tuple[int, int]
    note: str
    is_draft: bool = False

    @property
    def stored(self) -> StoredImage:
        """The planes where there are some, else the image."""
        stored = self.planes or self.image
        assert stored is not None
        return stored


def read_image(
    path: Path,
    data: bytes,
    max_pixels: int,
    *,
    draft_size: int | None = None,
    as_planes: bool = True,
    as_image: bool = True,
    is_known: bool = False,
) -> ReadImage:
    """Decode an image file completely, with whatever reads it.

    Args:
        path: the file.
        data: its content, if that is a JPEG file; else empty.
        max_pixels: see `decode_image`.
        draft_size: short side of the proxy for which a draft of a large JPEG file is enough; None = in full.
        as_planes: whether JPEG files of the usual kind are decoded to their planes.
        as_image: whether the image is wanted where there are planes, too.
        is_known: whether a hash will tell if it is the image that it should be, so that damage need not be looked for;
            but for a JPEG file without end marker, which Pillow does not decode as it is.

    Raises:
        UndecodableImageError: the file is damaged, no image, or too large.
    """
    try:
        with opened_image(path, data, max_pixels) as opened:
            width, height = opened.size
            least = proxy_dimensions(width, height, draft_size) if draft_size else None
            is_draft = least is not None and width >= 2 * least[0] and height >= 2 * least[1]
            planes = _jpeg_planes(opened, data, least if is_draft else None) if as_planes else None
            is_sure = is_known and (planes is not None or not data)
            found = SOUND if is_sure else findings_in(opened, data, path, is_strictly_sound=planes is not None)
            if found.damage and not is_known:
                raise UndecodableImageError(found.damage)
            repaired = data + END_MARKER if found.lacks_end else b""
            wanted = as_image or planes is None
            image = StoredImage(*_decoded_by_pillow(opened, path, repaired)) if wanted else None
            note = "; ".join(filter(None, (found.note, _note(opened))))
            return ReadImage(planes, image, (width, height), note, is_draft=bool(is_draft and planes))
    except UnsupportedImageError as refusal:
        return guarded(partial(_read_otherwise, path, max_pixels, refusal))


def _read_otherwise(path: Path, max_pixels: int, refusal: UnsupportedImageError) -> ReadImage:
    """Decode an image file that Pillow does not read, where what does is installed.

    Raises:
        UnsupportedImageError: it is not.
    """
    if isinstance(refusal, tiff.RawPhotoError):
        if not raw_photos.is_installed():
            raise refusal
        photo = raw_photos.develop(path, max_pixels)
        return ReadImage(None, StoredImage(photo, 1), photo.size, "")
    with path.open("rb") as file:
        is_tiff = file.read(4) in tiff.STARTS
    if not is_tiff or not tiff.is_read_otherwise():
        raise refusal
    found = tiff_files.read(path, max_pixels, refusal)
    size = (found.picture.width, found.picture.height)
    return ReadImage(None, StoredImage(found.picture, found.orientation), size, _note_of(found.pictures))


def jpeg_data(path: Path) -> bytes:
    """Return the content of a JPEG file, so that it is read once; nothing for any other file, or a very large one.

    Raises:
        UndecodableImageError: the file is empty.
    """
    with path.open("rb", buffering=0) as file:
        start = file.read(len(_JPEG_START))
        if not start:
            raise UndecodableImageError("the file is empty")
        size = os.fstat(file.fileno()).st_size
        return start + file.read() if start == _JPEG_START and size <= _LARGEST_JPEG else b""


@contextmanager
def opened_image(path: Path, data: bytes, max_pixels: int) -> Iterator[Image.Image]:
    """Open a file, and check what its header says before anything takes memory.

    Args:
        path: the file.
        data: its content, if it is known already; else empty.
        max_pixels: see `decode_image`.
    """
    with own_pillow_settings(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with guarded(lambda: open_image(path, data)) as image:
            require_pixels(image.width, image.height, max_pixels)
            yield image


def guarded(decode: Callable[[], T]) -> T:
    """Run a decoder; whatever it raises about the file becomes one exception with a reason in one line."""
    try:
        return decode()
    except (UndecodableImageError, MemoryError):
        raise
    except Exception as error:  # Pillow's decoders raise nearly every type there is on damaged files
        raise UndecodableImageError(in_one_line(error)) from None


def _jpeg_planes(opened: Image.Image, data: bytes, least: tuple[int, int] | None = None) -> StoredImage | None:
    """Decode a sound JPEG file of the usual kind without a detour through RGB; None for any other file.

    Args:
        opened: the image.
        data: its file, if that is a JPEG file; else empty.
        least: see `turbojpeg.decode_planes`.
    """
    if not data or opened.format != "JPEG" or opened.mode not in ("RGB", "L") or "transparency" in opened.info:
        return None
    frame = decode_planes(data, opened.size, least)
    return None if frame is None else StoredImage(frame, _orientation(opened))


def _decoded_by_pillow(opened: Image.Image, path: Path, repaired: bytes = b"") -> tuple[Image.Image | Values, int]:
    """Decode a file of any kind to the last row, into one of few modes; whatever Pillow says is wrong counts.

    Args:
        opened: the image.
        path: of its file.
        repaired: what is decoded instead of the file's content, where that lacks something; else empty.

    Returns:
        The image as stored, and its EXIF orientation.
    """
    reopened = partial(open_image, path)

    def decode() -> tuple[Image.Image | Values, int]:
        if opened.format == "PNG":  # has checksums, which decoding skips; checking them closes the file
            opened.verify()
        if opened.format == "PNG" or repaired:
            with open_image(path, repaired) as again:
                return _picture(again, reopened), _orientation(again)
        return _picture(opened, reopened), _orientation(opened)

    with tiff.unsupported(opened):
        return guarded(decode)


def decoded(opened: Image.Image, reopened: Callable[[], Image.Image]) -> tuple[Image.Image | Values, int]:
    """Decode the picture of a file that Pillow has turned to, to the last row.

    Args:
        opened: the image.
        reopened: gives another one of the same file, turned to the same picture.

    Returns:
        The image as stored, and its EXIF orientation.
    """
    with tiff.unsupported(opened):
        return guarded(lambda: (_picture(opened, reopened), _orientation(opened)))


def _picture(image: Image.Image, reopened: Callable[[], Image.Image]) -> Image.Image | Values:
    """Decode an image that is open to the last row."""
    if is_deep(image):
        return read_deep(image, reopened)
    image.load()
    tiff.mend_palette(image)
    return normalised(image)


def _note(image: Image.Image) -> str:
    """Say that an image is the first of several; JPEG files may hold a preview or another exposure, which is usual."""
    if image.format == "MPO":
        return ""
    try:
        pictures = int(getattr(image, "n_frames", 1))
    except Exception:  # what comes after the first picture is not read, so damage in it does no harm
        return "the first of several pictures in the file"
    return _note_of(pictures)


def _note_of(pictures: int) -> str:
    return f"the first of {pictures} pictures in the file" if pictures > 1 else ""


def _orientation(image: Image.Image) -> int:
    """Return the EXIF orientation; 1 (upright) where there is none, or none that can be read."""
    try:
        return int(image.getexif().get(_EXIF_ORIENTATION, 1))
    except MemoryError:
        raise
    except Exception:  # broken metadata does not make the pixels wrong
        return 1
