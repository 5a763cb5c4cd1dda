"""Decoding images completely: what cannot be read to the last row is corrupt, whatever way its decoder fails."""

import io
import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import av
import numpy as np
from PIL import Image, UnidentifiedImageError

from curation.image import heif
from curation.image.damage import findings_in
from curation.image.findings import SOUND
from curation.image.jpeg_damage import END_MARKER
from curation.image.pillow_settings import own_pillow_settings
from curation.image.proxies import proxy_dimensions, to_8_bits, to_rgb
from curation.image.quality import Quality, quality_of
from curation.image.stored import StoredImage, data_hash_of, hashes_of, pixel_hash_of
from curation.image.turbojpeg import decode_planes
from curation.image.yuv import SWAPPING, Yuv, encode_jpeg, scaled, turned

_NOT_OPENED = {"BUFR", "EPS", "GRIB", "HDF5", "MPEG", "WMF"}
"""Formats of Pillow that hold no pixels of their own, or start another program to read them."""

_EXIF_ORIENTATION = 0x0112

_JPEG_START = b"\xff\xd8\xff"

_LARGEST_JPEG = 64 * 2**20
"""Bytes of the largest JPEG file that is read as a whole; a larger one is left to Pillow, which reads what it needs."""

_PILLOWS_WORDS = "not identified by this driver"

T = TypeVar("T")


class UndecodableImageError(Exception):
    """The image cannot be decoded completely.

    Args:
        reason: for the user.
        limit: the parameter whose limit it exceeds, or the package that it needs; empty if it is damaged or no image.
    """

    def __init__(self, reason: str, limit: str = "") -> None:
        super().__init__(reason)
        self.limit = limit


@dataclass(frozen=True)
class DecodedImage:
    """The result of one pass over an image file.

    Attributes:
        width: pixels, after orientation.
        height: pixels, after orientation.
        pixel_hash: 32 hexadecimal digits; equal for equal pixels, whatever the container.
        proxy: JPEG bytes.
        quality: figures of its proxy's size.
        note: what else there is to say; empty as a rule.
    """

    width: int
    height: int
    pixel_hash: str
    proxy: bytes
    quality: Quality
    note: str = ""


def decode_image(path: Path, *, max_pixels: int, proxy_size: int, jpeg_draft: bool = False) -> DecodedImage:
    """Decode an image file completely, once.

    Args:
        path: the file.
        max_pixels: an image with more is refused from its header, before it takes memory.
        proxy_size: short side of the proxy in pixels; smaller images keep their size.
        jpeg_draft: whether JPEG files of at least twice the proxy's size are decoded at a reduced size; the hash of
            such a file is of its compressed data, so a file of another format with equal pixels has another.

    Raises:
        UndecodableImageError: the file is damaged, no image, or too large.
        OSError: the file cannot be opened at all.
    """
    data = _jpeg_data(path)
    with _opened(path, data, max_pixels) as opened:
        width, height = opened.size
        size = proxy_dimensions(width, height, proxy_size)
        is_draft = jpeg_draft and width >= 2 * size[0] and height >= 2 * size[1]
        planes = _jpeg_planes(opened, data, size if is_draft else None)
        found = findings_in(opened, data, path, is_strictly_sound=planes is not None)
        if found.damage:
            raise UndecodableImageError(found.damage)
        stored = planes or StoredImage(*_decoded_by_pillow(opened, path, data + END_MARKER if found.lacks_end else b""))
        note = "; ".join(filter(None, (found.note, _note(opened))))
    digest = data_hash_of(data, stored.orientation) if is_draft and planes else pixel_hash_of(stored)
    small = _small(stored.picture, size)
    upright = (height, width) if stored.transpose in SWAPPING else (width, height)
    proxy = encode_jpeg(turned(small, stored.transpose))
    return DecodedImage(*upright, digest, proxy, quality_of(small, stored.transpose), note)


def load_image(path: Path, *, max_pixels: int, pixel_hash: str = "") -> Image.Image:
    """Decode an image file completely: upright, in full size, in one of few modes.

    The first picture of an animated file counts. The modes are `RGBA` where the file has transparency; `I;16`, `I` or
    `F` for grey of more than 8 bits, whose values would be lost in 8; `RGB` for all else.

    Args:
        path: the file.
        max_pixels: an image with more is refused from its header.
        pixel_hash: that the image had before; empty = unknown.

    Raises:
        UndecodableImageError: the file is damaged, no image, too large, or holds another image than before.
        OSError: the file cannot be opened at all.
    """
    data = _jpeg_data(path)
    with _opened(path, data, max_pixels) as opened:
        planes = _jpeg_planes(opened, data) if pixel_hash else None
        # With a hash, that decides; but for a JPEG file without end marker, which Pillow does not decode as it is.
        is_sure = pixel_hash and (planes is not None or not data)
        found = SOUND if is_sure else findings_in(opened, data, path, is_strictly_sound=False)
        if found.damage and not pixel_hash:
            raise UndecodableImageError(found.damage)
        image, orientation = _decoded_by_pillow(opened, path, data + END_MARKER if found.lacks_end else b"")
    stored = StoredImage(image, orientation)
    if pixel_hash and pixel_hash not in hashes_of(planes or stored, data):
        raise UndecodableImageError("the file holds another image than before")
    return image if stored.transpose is None else image.transpose(stored.transpose)


def _jpeg_data(path: Path) -> bytes:
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
def _opened(path: Path, data: bytes, max_pixels: int) -> Iterator[Image.Image]:
    """Open a file, and check what its header says before anything takes memory.

    Args:
        path: the file.
        data: its content, if it is known already; else empty.
        max_pixels: see `decode_image`.
    """
    with own_pillow_settings(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with _guarded(lambda: _open(path, data)) as image:
            pixels = image.width * image.height
            if pixels > max_pixels:
                raise UndecodableImageError(
                    f"{image.width} x {image.height} = {pixels} pixels, more than clean.max_pixels ({max_pixels})",
                    limit="clean.max_pixels",
                )
            if pixels == 0:
                raise UndecodableImageError("the image has no pixels")
            yield image


def _open(path: Path, data: bytes = b"") -> Image.Image:
    Image.init()
    try:
        return Image.open(io.BytesIO(data) if data else path, formats=[x for x in Image.ID if x not in _NOT_OPENED])
    except UnidentifiedImageError:
        with path.open("rb") as file:
            if not heif.is_heif(file.read(12)):
                raise UndecodableImageError(f"not recognised as an image{_why_unrecognised(path)}") from None
    if not heif.is_installed():
        raise UndecodableImageError(heif.MISSING, limit=heif.PACKAGE)
    return Image.open(path, formats=[heif.FORMAT])


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


def _guarded(decode: Callable[[], T]) -> T:
    """Run a decoder; whatever it raises about the file becomes one exception with a reason in one line."""
    try:
        return decode()
    except (UndecodableImageError, MemoryError):
        raise
    except Exception as error:  # Pillow's decoders raise nearly every type there is on damaged files
        words = " ".join(str(error).split()) or "no details"
        raise UndecodableImageError(f"{words} ({type(error).__name__})") from None


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


def _decoded_by_pillow(opened: Image.Image, path: Path, repaired: bytes = b"") -> tuple[Image.Image, int]:
    """Decode a file of any kind to the last row, into one of few modes; whatever Pillow says is wrong counts.

    Args:
        opened: the image.
        path: of its file.
        repaired: what is decoded instead of the file's content, where that lacks something; else empty.

    Returns:
        The image as stored, and its EXIF orientation.
    """

    def decode() -> tuple[Image.Image, int]:
        if opened.format == "PNG":  # has checksums, which decoding skips; checking them closes the file
            opened.verify()
        if opened.format == "PNG" or repaired:
            with _open(path, repaired) as again:
                again.load()
                return _normalised(again), _orientation(again)
        opened.load()
        return _normalised(opened), _orientation(opened)

    return _guarded(decode)


def _note(image: Image.Image) -> str:
    """Say that an image is the first of several; JPEG files may hold a preview or another exposure, which is usual."""
    if image.format == "MPO":
        return ""
    try:
        pictures = int(getattr(image, "n_frames", 1))
    except Exception:  # what comes after the first picture is not read, so damage in it does no harm
        return "the first of several pictures in the file"
    return f"the first of {pictures} pictures in the file" if pictures > 1 else ""


def _orientation(image: Image.Image) -> int:
    """Return the EXIF orientation; 1 (upright) where there is none, or none that can be read."""
    try:
        return int(image.getexif().get(_EXIF_ORIENTATION, 1))
    except MemoryError:
        raise
    except Exception:  # broken metadata does not make the pixels wrong
        return 1


def _normalised(image: Image.Image) -> Image.Image:
    """Convert to `RGBA`, `I;16`, `I`, `F` or `RGB`, keeping what the file says about its pixels."""
    if image.mode in ("RGBA", "RGBa", "LA", "La", "PA") or "transparency" in image.info:
        return image.convert("RGBA")
    if image.mode.startswith("I;16"):
        return image if image.mode == "I;16" else Image.fromarray(np.asarray(image).astype("<u2"))
    if image.mode in ("I", "F"):
        return image
    return image.convert("RGB")


def _small(picture: Image.Image | av.VideoFrame, size: tuple[int, int]) -> Yuv:
    """Scale an image: mean of the pixels that each pixel covers, transparency on white, 8 bits a channel.

    Args:
        picture: as stored.
        size: width and height, pixels.
    """
    if isinstance(picture, av.VideoFrame):
        return scaled(picture, size)
    image = to_8_bits(picture)
    factors = (max(1, image.width // (2 * size[0])), max(1, image.height // (2 * size[1])))
    if factors != (1, 1):
        # Whole numbers of pixels first, which is faster. What is left to do, at least by two, evens out what they lack.
        image = image.reduce(factors)
    return scaled(av.VideoFrame.from_numpy_buffer(np.asarray(to_rgb(image)), format="rgb24"), size)
