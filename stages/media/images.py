"""Decoding images completely: what Pillow cannot read to the last row is corrupt, whatever way its decoder fails."""

import hashlib
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
from PIL import Image, ImageFile, UnidentifiedImageError

from stages.media.proxies import encode_jpeg, proxy_dimensions, to_rgb
from stages.media.quality import Quality, quality_of

_NOT_OPENED = {"BUFR", "EPS", "GRIB", "HDF5", "MPEG", "WMF"}
"""Formats of Pillow that hold no pixels of their own, or start another program to read them."""

_EXIF_ORIENTATION = 0x0112
_TRANSPOSE = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What turns an image upright, for each EXIF orientation but 1 (upright)."""

T = TypeVar("T")
_SETTINGS_LOCK = threading.RLock()


class UndecodableImageError(Exception):
    """The image cannot be decoded completely.

    Args:
        reason: for the user.
        limit: the parameter whose limit it exceeds; empty if it is damaged or no image.
    """

    def __init__(self, reason: str, limit: str = "") -> None:
        super().__init__(reason)
        self.limit = limit


@dataclass(frozen=True)
class DecodedImage:
    """What one pass over an image file gives.

    Attributes:
        width: pixels, after orientation.
        height: pixels, after orientation.
        pixel_hash: 32 hexadecimal digits; equal for equal pixels, whatever the container.
        proxy: JPEG bytes.
        quality: figures of its proxy's size.
    """

    width: int
    height: int
    pixel_hash: str
    proxy: bytes
    quality: Quality


def decode_image(path: Path, *, max_pixels: int, proxy_size: int) -> DecodedImage:
    """Decode an image file completely, once.

    Args:
        path: the file.
        max_pixels: an image with more is refused from its header, before it takes memory.
        proxy_size: short side of the proxy in pixels; smaller images keep their size.

    Raises:
        UndecodableImageError: the file is damaged, no image, or too large.
        OSError: the file cannot be opened at all.
    """
    image = load_image(path, max_pixels=max_pixels)
    small = to_rgb(image, proxy_dimensions(image.width, image.height, proxy_size))
    return DecodedImage(image.width, image.height, pixel_hash(image), encode_jpeg(small), quality_of(np.asarray(small)))


def load_image(path: Path, *, max_pixels: int) -> Image.Image:
    """Decode an image file completely: upright, in one of few modes.

    The first picture of an animated file counts. The modes are `RGBA` where the file has transparency; `I;16`, `I` or
    `F` for grey of more than 8 bits, whose values would be lost in 8; `RGB` for all else.

    Args:
        path: the file.
        max_pixels: an image with more is refused from its header.

    Raises:
        UndecodableImageError: the file is damaged, no image, or too large.
        OSError: the file cannot be opened at all.
    """
    with path.open("rb") as file:
        if not file.read(1):
            raise UndecodableImageError("the file is empty")
    with _own_pillow_settings(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        _guarded(lambda: _verify(path, max_pixels))
        return _guarded(lambda: _load(path))


def pixel_hash(image: Image.Image) -> str:
    """Hash the pixels of an image in one of the modes of `load_image`.

    Returns:
        32 hexadecimal digits over mode, size and pixels (row by row, least significant byte first).
    """
    pixels = np.asarray(image)
    little_endian = np.ascontiguousarray(pixels, dtype=pixels.dtype.newbyteorder("<"))
    tag = f"{image.mode} {image.width}x{image.height}\n".encode()
    digest = hashlib.blake2b(tag, digest_size=16)
    digest.update(little_endian.data)
    return digest.hexdigest()


def _guarded(decode: Callable[[], T]) -> T:
    """Run a decoder; whatever it raises about the file becomes one exception with a reason in one line."""
    try:
        return decode()
    except (UndecodableImageError, MemoryError):
        raise
    except Exception as error:  # Pillow's decoders raise nearly every type there is on damaged files
        if isinstance(error, UnidentifiedImageError):
            raise UndecodableImageError("not recognised as an image") from None
        words = " ".join(str(error).split()) or "no details"
        raise UndecodableImageError(f"{words} ({type(error).__name__})") from None


def _verify(path: Path, max_pixels: int) -> None:
    """Check the header's size, and the checksums of formats that have them (PNG), which decoding skips."""
    with _open(path) as image:
        pixels = image.width * image.height
        if pixels > max_pixels:
            raise UndecodableImageError(
                f"{image.width} x {image.height} = {pixels} pixels, more than clean.max_pixels ({max_pixels})",
                limit="clean.max_pixels",
            )
        if pixels == 0:
            raise UndecodableImageError("the image has no pixels")
        image.verify()


def _load(path: Path) -> Image.Image:
    """Decode to the last row, turn upright, convert to one of few modes."""
    with _open(path) as image:
        image.load()
        orientation = _orientation(image)
        normal = _normalised(image)
        upright = normal.transpose(_TRANSPOSE[orientation]) if orientation in _TRANSPOSE else normal
        upright.load()
        return upright


def _open(path: Path) -> Image.Image:
    Image.init()
    return Image.open(path, formats=[name for name in Image.ID if name not in _NOT_OPENED])


def _orientation(image: Image.Image) -> int:
    """Return the EXIF orientation; 1 (upright) where there is none, or none that can be read."""
    try:
        return int(image.getexif().get(_EXIF_ORIENTATION, 1))
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


@contextmanager
def _own_pillow_settings() -> Iterator[None]:
    """Set what Pillow keeps for the whole process, while images are decoded here.

    Its own pixel limit is off, `max_pixels` stands in for it; cut files are errors, which WeasyPrint switches off.
    """
    with _SETTINGS_LOCK:
        former = Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES
        Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES = None, False
        try:
            yield
        finally:
            Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES = former
