"""Decoding images completely: what cannot be read to the last row is corrupt, whatever way its decoder fails."""

import io
import os
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import av
import numpy as np
from blake3 import blake3
from numpy.typing import NDArray
from PIL import Image, ImageFile, UnidentifiedImageError

from curation.image import heif
from curation.image.jpeg_segments import without_metadata
from curation.image.proxies import proxy_dimensions, to_8_bits, to_rgb
from curation.image.quality import Quality, quality_of
from curation.image.turbojpeg import decode_planes
from curation.image.yuv import Yuv, arrays_of, encode_jpeg, scaled, turned
from curation.video.frame import SWAPPING

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
"""The operation that turns an image upright, for each EXIF orientation but 1 (upright)."""

_HASHED_ROWS = 64
"""Rows that are converted and hashed at a time: they fit into the processor's cache."""

_COPIED_BYTES = 2**19
"""Bytes of a plane that are copied and hashed at a time, where its rows do not follow each other: they fit likewise."""

_JPEG_START = b"\xff\xd8\xff"

_LARGEST_JPEG = 64 * 2**20
"""Bytes of the largest JPEG file that is read as a whole; a larger one is left to Pillow, which reads what it needs."""

_PILLOWS_WORDS = "not identified by this driver"

T = TypeVar("T")
_SETTINGS_LOCK = threading.RLock()


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


@dataclass(frozen=True)
class _Stored:
    """An image as its file stores it, before it is turned upright.

    Attributes:
        picture: of a sound JPEG file of the usual kind its luma and colour differences; else an image of mode `RGBA`
            where the file has transparency, `I;16`, `I` or `F` for grey of more than 8 bits, whose values would be lost
            in 8, and `RGB` for all else.
        orientation: of EXIF, 1 to 8.
    """

    picture: Image.Image | av.VideoFrame
    orientation: int

    @property
    def transpose(self) -> Image.Transpose | None:
        """The operation that turns it upright."""
        return _TRANSPOSE.get(self.orientation)

    @property
    def upright_size(self) -> tuple[int, int]:
        """Width and height once it is upright, pixels."""
        width, height = self.picture.width, self.picture.height
        return (height, width) if self.transpose in SWAPPING else (width, height)


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
        stored = planes or _Stored(*_decoded_by_pillow(opened, path))
        note = _note(opened)
    digest = _data_hash(data, stored.orientation) if is_draft and planes else _pixel_hash(stored)
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
        image, orientation = _decoded_by_pillow(opened, path)
    stored = _Stored(image, orientation)
    if pixel_hash and pixel_hash not in _hashes(planes or stored, data):
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
    with _own_pillow_settings(), warnings.catch_warnings():
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


def _jpeg_planes(opened: Image.Image, data: bytes, least: tuple[int, int] | None = None) -> _Stored | None:
    """Decode a sound JPEG file of the usual kind without a detour through RGB; None for any other file.

    Args:
        opened: the image.
        data: its file, if that is a JPEG file; else empty.
        least: see `turbojpeg.decode_planes`.
    """
    if not data or opened.format != "JPEG" or opened.mode not in ("RGB", "L") or "transparency" in opened.info:
        return None
    frame = decode_planes(data, opened.size, least)
    return None if frame is None else _Stored(frame, _orientation(opened))


def _decoded_by_pillow(opened: Image.Image, path: Path) -> tuple[Image.Image, int]:
    """Decode a file of any kind to the last row, into one of few modes; whatever Pillow says is wrong counts.

    Returns:
        The image as stored, and its EXIF orientation.
    """

    def decode() -> tuple[Image.Image, int]:
        if opened.format == "PNG":  # has checksums, which decoding skips; checking them closes the file
            opened.verify()
            with _open(path) as again:
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


def _hashes(stored: _Stored, data: bytes) -> set[str]:
    """Return the hash of an image, and for JPEG planes also the one that a draft of them would have."""
    of_data = {_data_hash(data, stored.orientation)} if isinstance(stored.picture, av.VideoFrame) else set()
    return {_pixel_hash(stored), *of_data}


def _pixel_hash(stored: _Stored) -> str:
    """Hash the pixels of an upright image.

    Returns:
        32 hexadecimal digits: BLAKE3 over mode, size and pixels, row by row, the least significant byte first; those of
        `RGB` have four bytes, the fourth 255. Of JPEG planes: over their sizes and pixels, one plane after the other.
    """
    width, height = stored.upright_size
    if isinstance(stored.picture, Image.Image):
        digest = blake3(f"{stored.picture.mode} {width}x{height}\n".encode())
        parts = _upright_rows(stored.picture, stored.transpose)
    else:
        planes = [_turned(plane, stored.transpose) for plane in arrays_of(stored.picture)]
        sizes = " ".join(f"{plane.shape[1]}x{plane.shape[0]}" for plane in planes)
        digest = blake3(f"JPEG planes {sizes}\n".encode())
        parts = _rows_of(planes)
    for part in parts:
        digest.update(part)
    return digest.hexdigest(length=16)


def _data_hash(data: bytes, orientation: int) -> str:
    """Hash what makes the picture of a JPEG file, so that equal hashes mean equal pixels without all being decoded.

    Args:
        data: the file; metadata in it has no influence.
        orientation: of EXIF, 1 to 8.

    Returns:
        32 hexadecimal digits.
    """
    digest = blake3(f"JPEG data, orientation {orientation if orientation in _TRANSPOSE else 1}\n".encode())
    for part in without_metadata(data):
        digest.update(part)
    return digest.hexdigest(length=16)


def _upright_rows(image: Image.Image, transpose: Image.Transpose | None) -> Iterator[bytes | memoryview]:
    """Yield the pixels of an upright image, some rows at a time, so that no second copy of it is needed."""
    image = image if transpose is None else image.transpose(transpose)
    for start in range(0, image.height, _HASHED_ROWS):
        rows = image.crop((0, start, image.width, min(start + _HASHED_ROWS, image.height)))
        if image.mode in ("RGB", "RGBA"):
            yield rows.convert("RGBX").tobytes() if image.mode == "RGB" else rows.tobytes()
        else:
            values = np.asarray(rows)
            yield np.ascontiguousarray(values, dtype=values.dtype.newbyteorder("<")).view(np.uint8).data


def _rows_of(planes: Sequence[NDArray[np.uint8]]) -> Iterator[memoryview]:
    """Yield the pixels of planes, some rows at a time; they are copied only where rows do not follow each other."""
    for plane in planes:
        rows = len(plane) if plane.flags.c_contiguous else max(1, _COPIED_BYTES // plane.shape[1])
        for start in range(0, len(plane), rows):
            yield np.ascontiguousarray(plane[start : start + rows]).data


def _turned(pixels: NDArray[np.uint8], transpose: Image.Transpose | None) -> NDArray[np.uint8]:
    """Return a view of (height, width) pixels that shows them as Pillow's `transpose` would."""
    turns = {
        None: pixels,
        Image.Transpose.FLIP_LEFT_RIGHT: pixels[:, ::-1],
        Image.Transpose.FLIP_TOP_BOTTOM: pixels[::-1],
        Image.Transpose.ROTATE_90: pixels.T[::-1],
        Image.Transpose.ROTATE_180: pixels[::-1, ::-1],
        Image.Transpose.ROTATE_270: pixels[::-1].T,
        Image.Transpose.TRANSPOSE: pixels.T,
        Image.Transpose.TRANSVERSE: pixels[::-1, ::-1].T,
    }
    return turns[transpose]


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
