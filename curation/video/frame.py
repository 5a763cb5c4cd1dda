"""One decoded frame of a video: its pixel hash, and it as a picture, small, or in full size and upright."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import av
import numpy as np
from av.sidedata.sidedata import SideDataContainer, Type
from av.video.reformatter import Colorspace
from blake3 import blake3
from numpy.typing import NDArray
from PIL import Image

from curation.image.yuv import SCALING, TO_RGB, Yuv, scaled
from curation.video.tone_mapping import is_hdr, tone_mapped

_UPRIGHT = {
    (0, 1, -1, 0): Image.Transpose.ROTATE_270,
    (0, -1, 1, 0): Image.Transpose.ROTATE_90,
    (-1, 0, 0, -1): Image.Transpose.ROTATE_180,
    (-1, 0, 0, 1): Image.Transpose.FLIP_LEFT_RIGHT,
    (1, 0, 0, -1): Image.Transpose.FLIP_TOP_BOTTOM,
    (0, 1, 1, 0): Image.Transpose.TRANSPOSE,
    (0, -1, -1, 0): Image.Transpose.TRANSVERSE,
}
"""The turn that sets a frame upright, by the signs of a, b, c, d in its display matrix (x' = ax + cy, y' = bx + dy)."""

_KNOWN_MATRICES = frozenset({0, 1, 2, 4, 5, 6, 7, 9})
"""Codes for a frame's matrix (ITU-T H.273, table 4) that FFmpeg converts from."""

_STAND_INS = {10: Colorspace.BT2020}
"""The matrix that stands for another one, by the other's code; BT.601 stands for all else, as in proxies."""


def transpose_of(picture: av.VideoFrame) -> Image.Transpose | None:
    """Return what turns a frame upright, as its display matrix asks; None if it is upright."""
    # Not `picture.side_data`, which the frame would keep, in a cycle of references that the collector finds late.
    side_data: Mapping[Any, Any] = SideDataContainer(picture)  # type: ignore[call-arg]  # its stub lacks `__init__`
    matrix = side_data.get(Type.DISPLAYMATRIX)
    if matrix is None:
        return None
    a, b, _, c, d = (int(value) for value in np.frombuffer(bytes(matrix), dtype=np.int32)[:5])
    largest = max(map(abs, (a, b, c, d))) or 1
    return _UPRIGHT.get((round(a / largest), round(b / largest), round(c / largest), round(d / largest)))


def pixel_hash(picture: av.VideoFrame) -> str:
    """Hash the planes of a frame as decoded, without the padding of their lines.

    Formats whose planes hold undefined bits or need a palette are converted to 8-bit RGBA first.

    Returns:
        32 hexadecimal digits: BLAKE3 over pixel format, size and planes.
    """
    digest = blake3(f"{picture.format.name} {picture.width}x{picture.height}\n".encode())
    line_bytes = _bytes_per_line(picture.format.name, picture.width)
    if not line_bytes or any(plane.line_size < 0 for plane in picture.planes):
        picture = picture.reformat(format="rgba", interpolation=SCALING, threads=1)
        line_bytes = (4 * picture.width,)
    for plane, used in zip(picture.planes, line_bytes, strict=True):
        lines = np.frombuffer(memoryview(plane), dtype=np.uint8).reshape(plane.height, plane.line_size)[:, :used]
        digest.update(np.ascontiguousarray(lines).data)  # copies only where lines have padding
    return digest.hexdigest(length=16)


@lru_cache(maxsize=64)
def _bytes_per_line(format_name: str, width: int) -> tuple[int, ...]:
    """Return how many bytes of a line hold pixels, for each plane; nothing for formats with undefined bits."""
    layout = av.VideoFormat(format_name, width, 2)
    if layout.is_bit_stream or layout.has_palette or layout.is_bayer:
        return ()
    planes = 1 + max(component.plane for component in layout.components)
    sizes = [0] * planes
    for component in layout.components:
        sizes[component.plane] += component.width * -(-component.bits // 8)
    if not layout.is_planar and sizes[0] * 8 != width * layout.padded_bits_per_pixel:
        return ()
    return tuple(sizes)


def small_picture(picture: av.VideoFrame, size: tuple[int, int]) -> Yuv:
    """Scale a frame, and bring a high dynamic range to the usual one.

    Args:
        picture: the frame.
        size: width and height, pixels.

    Raises:
        OSError: FFmpeg does not convert the frame's pixel format.
    """
    if is_hdr(picture):
        picture = av.VideoFrame.from_ndarray(tone_mapped(picture, size), format="rgb24")
    return scaled(picture, size)


def upright_image(picture: av.VideoFrame) -> Image.Image:
    """Return a frame in full size, upright, of the usual dynamic range, mode `RGB`.

    Raises:
        OSError: FFmpeg does not convert the frame's pixel format.
    """
    image = Image.fromarray(tone_mapped(picture) if is_hdr(picture) else _rgb(picture))
    transpose = transpose_of(picture)
    return image.transpose(transpose) if transpose is not None else image


def _rgb(picture: av.VideoFrame) -> NDArray[Any]:
    """Return a frame as (height, width, 3) uint8."""
    is_known = picture.colorspace in _KNOWN_MATRICES
    matrix = None if is_known else _STAND_INS.get(picture.colorspace, Colorspace.ITU601)
    return picture.to_ndarray(format="rgb24", src_colorspace=matrix, interpolation=TO_RGB, threads=1)
