"""One decoded frame of a video: its pixel hash, and it as a picture, upright."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import av
import numpy as np
from av.sidedata.sidedata import SideDataContainer, Type
from blake3 import blake3
from PIL import Image

from curation.image.yuv import SCALING, TO_RGB

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


def upright_image(picture: av.VideoFrame) -> Image.Image:
    """Return a frame in full size, upright, mode `RGB`."""
    image = Image.fromarray(picture.to_ndarray(format="rgb24", interpolation=TO_RGB, threads=1))
    transpose = transpose_of(picture)
    return image.transpose(transpose) if transpose is not None else image
