"""Decoding images completely: what cannot be read to the last row is corrupt, whatever way its decoder fails."""

import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple, TypeVar

import av
import numpy as np
from PIL import Image

from curation.core.words import in_one_line
from curation.image import raw_photos, tiff, tiff_files
from curation.image.deep import is_deep, read_deep
from curation.image.opening import open_image
from curation.image.pillow_modes import former_hash, normalised
from curation.image.pillow_settings import own_pillow_settings
from curation.image.proxies import proxy_dimensions, to_rgb
from curation.image.quality import Quality, quality_of
from curation.image.stored import StoredImage, data_hash_of, hashes_of, pixel_hash_of
from curation.image.turbojpeg import decode_planes
from curation.image.undecodable import UndecodableImageError, UnsupportedImageError, require_pixels
from curation.image.values import Values, as_16_bit_grey, seen, share_beyond, usual_range
from curation.image.window import ValueRange, Window, WindowOf, full_window, own_window
from curation.image.yuv import SWAPPING, Yuv, encode_jpeg, scaled, turned

_EXIF_ORIENTATION = 0x0112

_JPEG_START = b"\xff\xd8\xff"

_LARGEST_JPEG = 64 * 2**20
"""Bytes of the largest JPEG file that is read as a whole; a larger one is left to Pillow, which reads what it needs."""

_MUCH = 0.5
"""Share of a picture beyond its window that is told."""

T = TypeVar("T")


class _Read(NamedTuple):
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
        values: of more than 8 bits a channel, the range of its values; None for others.
        window: through which the values are seen in the proxy.
    """

    width: int
    height: int
    pixel_hash: str
    proxy: bytes
    quality: Quality
    note: str = ""
    values: ValueRange | None = None
    window: Window | None = None


def decode_image(
    path: Path,
    *,
    max_pixels: int,
    proxy_size: int,
    jpeg_draft: bool = False,
    window_of: WindowOf = own_window,
    known_hash: str = "",
) -> DecodedImage:
    """Decode an image file completely, once.

    Args:
        path: the file.
        max_pixels: an image with more is refused from its header, before it takes memory.
        proxy_size: short side of the proxy in pixels; smaller images keep their size.
        jpeg_draft: whether JPEG files of at least twice the proxy's size are decoded at a reduced size; the hash of
            such a file is of its compressed data, so a file of another format with equal pixels has another.
        window_of: says through which window values of more than 8 bits are seen.
        known_hash: that the image had before; empty = unknown. Of an image of more than 8 bits, it may be of the upper
            eight alone, as it was in former versions: then it is given again.

    Raises:
        UnsupportedImageError: the file is of a kind that is not read.
        UndecodableImageError: the file is damaged, no image, or too large.
        OSError: the file cannot be opened at all.
    """
    data = _jpeg_data(path)
    read = _read(path, data, max_pixels, draft_size=proxy_size if jpeg_draft else None, as_image=False)
    stored, picture = read.stored, read.stored.picture
    digest = data_hash_of(data, stored.orientation) if read.is_draft else pixel_hash_of(stored)
    values, window, note = None, None, read.note
    if isinstance(picture, Values):
        values, window = usual_range(picture), _window(picture, window_of)
        note = "; ".join(filter(None, (note, _note_beyond(picture, window))))
        digest = known_hash if _had_hash(stored, path, max_pixels, known_hash) else digest
        picture = seen(picture, window)
    small = _small(picture, proxy_dimensions(*read.size, proxy_size))
    width, height = read.size[::-1] if stored.transpose in SWAPPING else read.size
    proxy = encode_jpeg(turned(small, stored.transpose))
    quality = quality_of(small, stored.transpose)
    return DecodedImage(width, height, digest, proxy, quality, note, values, window)


def load_image(
    path: Path,
    *,
    max_pixels: int,
    pixel_hash: str = "",
    window_of: WindowOf = own_window,
    keeps_16_bits: bool = False,
) -> Image.Image:
    """Decode an image file completely: upright, in full size, in one of few modes.

    The first picture of an animated file counts. The modes are `RGBA` where the file has transparency; `L` for grey of
    more than 8 bits, or `I;16` where its values are wanted as they are; `RGB` for all else.

    Args:
        path: the file.
        max_pixels: an image with more is refused from its header.
        pixel_hash: that the image had before; empty = unknown.
        window_of: says through which window values of more than 8 bits are seen.
        keeps_16_bits: whether grey of 16 bits keeps its values.

    Raises:
        UnsupportedImageError: the file is of a kind that is not read.
        UndecodableImageError: the file is damaged, no image, too large, or holds another image than before.
        OSError: the file cannot be opened at all.
    """
    data = _jpeg_data(path)
    read = _read(path, data, max_pixels, as_planes=bool(pixel_hash))
    stored = read.image
    assert stored is not None
    is_known = not pixel_hash or pixel_hash in hashes_of(read.stored, data)
    if not is_known and not _had_hash(stored, path, max_pixels, pixel_hash):
        raise UndecodableImageError("the file holds another image than before")
    picture = stored.picture
    assert not isinstance(picture, av.VideoFrame)
    if isinstance(picture, Values):
        picture = (as_16_bit_grey(picture) if keeps_16_bits else None) or seen(picture, _window(picture, window_of))
    return picture if stored.transpose is None else picture.transpose(stored.transpose)


def _read(
    path: Path,
    data: bytes,
    max_pixels: int,
    *,
    draft_size: int | None = None,
    as_planes: bool = True,
    as_image: bool = True,
) -> _Read:
    """Decode an image file completely, with whatever reads it.

    Args:
        path: the file.
        data: its content, if that is a JPEG file; else empty.
        max_pixels: see `decode_image`.
        draft_size: short side of the proxy for which a draft of a large JPEG file is enough; None = in full.
        as_planes: whether JPEG files of the usual kind are decoded to their planes.
        as_image: whether the image is wanted where there are planes, too.
    """
    try:
        with _opened(path, data, max_pixels) as opened:
            width, height = opened.size
            least = proxy_dimensions(width, height, draft_size) if draft_size else None
            is_draft = least is not None and width >= 2 * least[0] and height >= 2 * least[1]
            planes = _jpeg_planes(opened, data, least if is_draft else None) if as_planes else None
            image = None if planes and not as_image else StoredImage(*_decoded_by_pillow(opened, path))
            return _Read(planes, image, (width, height), _note(opened), is_draft=bool(is_draft and planes))
    except UnsupportedImageError as refusal:
        return _guarded(partial(_read_otherwise, path, max_pixels, refusal))


def _read_otherwise(path: Path, max_pixels: int, refusal: UnsupportedImageError) -> _Read:
    """Decode an image file that Pillow does not read, where what does is installed.

    Raises:
        UnsupportedImageError: it is not.
    """
    if isinstance(refusal, tiff.RawPhotoError):
        if not raw_photos.is_installed():
            raise refusal
        photo = raw_photos.develop(path, max_pixels)
        return _Read(None, StoredImage(photo, 1), photo.size, "")
    with path.open("rb") as file:
        is_tiff = file.read(4) in tiff.STARTS
    if not is_tiff or not tiff.is_read_otherwise():
        raise refusal
    found = tiff_files.read(path, max_pixels, refusal)
    size = (found.picture.width, found.picture.height)
    return _Read(None, StoredImage(found.picture, found.orientation), size, _note_of(found.pictures))


def _window(values: Values, window_of: WindowOf) -> Window:
    """Return the window through which a picture's values are seen: its own range where there is none for its kind."""
    window = window_of(values.kind) if values.has_window else full_window(values.kind)
    if window is not None:
        return window
    own = usual_range(values)
    return Window(0.0, 1.0) if own is None else Window(own.low, own.high)


def _note_beyond(values: Values, window: Window) -> str:
    """Say that a picture lies for the larger part beyond its window, so that little of it is to be seen."""
    share = share_beyond(values, window)
    if share <= _MUCH:
        return ""
    return f"{share:.0%} of its values lie beyond {window.low:g} to {window.high:g} (clean.value_window)"


def _had_hash(stored: StoredImage, path: Path, max_pixels: int, known_hash: str) -> bool:
    """Return whether an image had a hash in former versions, which took 8 bits of each colour where there are more."""
    if not known_hash or not isinstance(stored.picture, Values) or known_hash == pixel_hash_of(stored):
        return False
    with suppress(Exception), _opened(path, b"", max_pixels) as opened:
        return former_hash(opened, stored.orientation) == known_hash
    return False


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
        with _guarded(lambda: open_image(path, data)) as image:
            require_pixels(image.width, image.height, max_pixels)
            yield image


def _guarded(decode: Callable[[], T]) -> T:
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


def _decoded_by_pillow(opened: Image.Image, path: Path) -> tuple[Image.Image | Values, int]:
    """Decode a file of any kind to the last row, into one of few modes; whatever Pillow says is wrong counts.

    Returns:
        The image as stored, and its EXIF orientation.
    """

    def decode() -> tuple[Image.Image | Values, int]:
        if opened.format == "PNG":  # has checksums, which decoding skips; checking them closes the file
            opened.verify()
            with open_image(path) as again:
                return _picture(again, path), _orientation(again)
        return _picture(opened, path), _orientation(opened)

    with tiff.unsupported(opened):
        return _guarded(decode)


def _picture(image: Image.Image, path: Path) -> Image.Image | Values:
    """Decode an image that is open to the last row."""
    if is_deep(image):
        return read_deep(image, lambda: open_image(path))
    image.load()
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


def _small(picture: Image.Image | av.VideoFrame, size: tuple[int, int]) -> Yuv:
    """Scale an image: mean of the pixels that each pixel covers, transparency on white, 8 bits a channel.

    Args:
        picture: as stored.
        size: width and height, pixels.
    """
    if isinstance(picture, av.VideoFrame):
        return scaled(picture, size)
    image = picture
    factors = (max(1, image.width // (2 * size[0])), max(1, image.height // (2 * size[1])))
    if factors != (1, 1):
        # Whole numbers of pixels first, which is faster. What is left to do, at least by two, evens out what they lack.
        image = image.reduce(factors)
    return scaled(av.VideoFrame.from_numpy_buffer(np.asarray(to_rgb(image)), format="rgb24"), size)
