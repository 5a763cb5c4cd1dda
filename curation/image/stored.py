"""An image as its file stores it, and the hash of its pixels."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import av
import numpy as np
from blake3 import blake3
from numpy.typing import NDArray
from PIL import Image

from curation.image.jpeg_segments import without_metadata
from curation.image.values import Values, hash_name, hashed_parts, turned_pixels
from curation.image.yuv import SWAPPING, arrays_of

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


@dataclass(frozen=True)
class StoredImage:
    """An image as its file stores it, before it is turned upright.

    Attributes:
        picture: of a sound JPEG file of the usual kind its luma and colour differences; of more than 8 bits a channel
            its values; else an image, of mode `RGBA` where the file has transparency, and `RGB` for all else.
        orientation: of EXIF, 1 to 8.
    """

    picture: Image.Image | av.VideoFrame | Values
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


def hashes_of(stored: StoredImage, data: bytes) -> set[str]:
    """Return the hash of an image, and for JPEG planes also the one that a draft of them would have."""
    of_data = {data_hash_of(data, stored.orientation)} if isinstance(stored.picture, av.VideoFrame) else set()
    return {pixel_hash_of(stored), *of_data}


def pixel_hash_of(stored: StoredImage) -> str:
    """Hash the pixels of an upright image.

    Returns:
        32 hexadecimal digits: BLAKE3 over mode, size and pixels, row by row, the least significant byte first; those of
        `RGB` have four bytes, the fourth 255. Of JPEG planes: over their sizes and pixels, one plane after the other.
        Of more than 8 bits: over the values, and then those of the alpha channel.
    """
    width, height = stored.upright_size
    if isinstance(stored.picture, Values):
        digest = blake3(f"{hash_name(stored.picture)} {width}x{height}\n".encode())
        parts: Iterator[bytes | memoryview] = hashed_parts(stored.picture.turned(stored.transpose))
    elif isinstance(stored.picture, Image.Image):
        digest = blake3(f"{stored.picture.mode} {width}x{height}\n".encode())
        parts = _upright_rows(stored.picture, stored.transpose)
    else:
        planes = [turned_pixels(plane, stored.transpose) for plane in arrays_of(stored.picture)]
        sizes = " ".join(f"{plane.shape[1]}x{plane.shape[0]}" for plane in planes)
        digest = blake3(f"JPEG planes {sizes}\n".encode())
        parts = _rows_of(planes)
    for part in parts:
        digest.update(part)
    return digest.hexdigest(length=16)


def data_hash_of(data: bytes, orientation: int) -> str:
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
        yield rows.convert("RGBX").tobytes() if image.mode == "RGB" else rows.tobytes()


def _rows_of(planes: Sequence[NDArray[np.uint8]]) -> Iterator[memoryview]:
    """Yield the pixels of planes, some rows at a time; they are copied only where rows do not follow each other."""
    for plane in planes:
        rows = len(plane) if plane.flags.c_contiguous else max(1, _COPIED_BYTES // plane.shape[1])
        for start in range(0, len(plane), rows):
            yield np.ascontiguousarray(plane[start : start + rows]).data
