"""Opening image files with Pillow, at the picture that is meant; what each kind of file needs besides."""

import io
import warnings
from contextlib import suppress
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from curation.image import heif, tiff
from curation.image.raw_photos import HEAD_BYTES, is_raw
from curation.image.undecodable import UndecodableImageError, UnsupportedImageError

_NOT_OPENED = {"BUFR", "EPS", "GRIB", "HDF5", "MPEG", "WMF"}
"""Formats of Pillow that hold no pixels of their own, or start another program to read them."""

_PILLOWS_WORDS = "not identified by this driver"


def open_image(path: Path, data: bytes = b"") -> Image.Image:
    """Open an image file at the picture that is meant, with none of it decoded.

    Args:
        path: the file.
        data: its content, if it is known already; else empty.

    Raises:
        UnsupportedImageError: it may be sound, but needs another reader than Pillow.
        UndecodableImageError: it is no image.
    """
    Image.init()
    try:
        image = Image.open(io.BytesIO(data) if data else path, formats=[x for x in Image.ID if x not in _NOT_OPENED])
    except UnidentifiedImageError:
        return _open_otherwise(path)
    if image.format != "TIFF":
        return image
    try:
        if is_raw(_head(path)):
            raise tiff.RawPhotoError
        return tiff.at_whole_picture(image)
    except BaseException:
        image.close()
        raise


def _open_otherwise(path: Path) -> Image.Image:
    """Open what Pillow alone does not know, or say what it is."""
    head = _head(path)
    if heif.is_heif(head):
        if not heif.is_installed():
            raise UnsupportedImageError(heif.MISSING)
        return Image.open(path, formats=[heif.FORMAT])
    if is_raw(head):
        raise tiff.RawPhotoError
    if head.startswith(tiff.STARTS) and (tags := tiff.first_tags(path)):
        tiff.require_no_raw_photo(tags)
        raise UnsupportedImageError(tiff.words_for(tags))
    raise UndecodableImageError(f"not recognised as an image{_why_unrecognised(path)}")


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(HEAD_BYTES)


def _why_unrecognised(path: Path) -> str:
    """Return what Pillow says of a file that begins as one of its formats, but that this cannot open; else nothing."""
    with warnings.catch_warnings(record=True) as told, suppress(UnidentifiedImageError):
        warnings.simplefilter("always")
        Image.WARN_POSSIBLE_FORMATS = True
        try:
            Image.open(path, formats=[x for x in Image.ID if x not in _NOT_OPENED and Image.OPEN[x][1] is not None])
        finally:
            Image.WARN_POSSIBLE_FORMATS = False
    words = "; ".join(" ".join(str(each.message).replace(" opening failed.", ":").split()) for each in told)
    return f" ({words})".replace(_PILLOWS_WORDS, "its header is not understood") if words else ""
