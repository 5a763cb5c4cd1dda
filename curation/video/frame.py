"""One decoded frame of a video: its pixel hash, and it as a picture, small, or in full size and upright."""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import av
import numpy as np
from av.sidedata.sidedata import SideDataContainer, Type
from av.video.plane import VideoPlane
from av.video.reformatter import Colorspace
from blake3 import blake3
from numpy.typing import NDArray
from PIL import Image

from curation.image.proxies import to_rgb
from curation.image.values import turned_pixels
from curation.image.view import view_of
from curation.image.window import WindowOf, full_window
from curation.image.yuv import SCALING, SWAPPING, TO_RGB, Yuv, scaled
from curation.video.deep_frames import values_of
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

_DEEP_GREY = re.compile(r"gray(9|1\d)[lb]e")
"""Names of FFmpeg's formats of grey alone, 9 to 16 bits."""


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
    """Hash the planes of an upright frame as decoded, without the padding of their lines.

    Formats whose planes hold undefined bits or need a palette are converted to 8-bit RGBA first.

    Returns:
        32 hexadecimal digits: BLAKE3 over pixel format, size and planes.
    """
    return _hash_of(picture, transpose_of(picture))


def has_hash(picture: av.VideoFrame, known: str) -> bool:
    """Return whether a frame has a hash, or had it when hashes were of the planes as they are stored."""
    if known == pixel_hash(picture):
        return True
    return transpose_of(picture) is not None and known == _hash_of(picture, None)


def _hash_of(picture: av.VideoFrame, transpose: Image.Transpose | None) -> str:
    width, height = (picture.height, picture.width) if transpose in SWAPPING else (picture.width, picture.height)
    digest = blake3(f"{picture.format.name} {width}x{height}\n".encode())
    line_bytes = _bytes_per_line(picture.format.name, picture.width)
    if not line_bytes or any(plane.line_size < 0 for plane in picture.planes):
        picture = picture.reformat(format="rgba", interpolation=SCALING, threads=1)
        line_bytes = (4 * picture.width,)
    for plane, used in zip(picture.planes, line_bytes, strict=True):
        lines = np.frombuffer(memoryview(plane), dtype=np.uint8).reshape(plane.height, plane.line_size)[:, :used]
        lines = np.ascontiguousarray(lines)  # copies only where lines have padding
        digest.update(lines.data if transpose is None else turned_pixels(_whole(lines, plane), transpose).tobytes())
    return digest.hexdigest(length=16)


def _whole(lines: NDArray[np.uint8], plane: VideoPlane) -> NDArray[Any]:
    """Return the lines of a plane with all bytes of a pixel as one element, so that they stay together."""
    size, rest = divmod(lines.shape[1], plane.width)
    return lines if rest else lines.view(f"V{size}")


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
    """Scale a frame, as it is seen: transparency on white, a high dynamic range brought to the usual one.

    Args:
        picture: the frame.
        size: width and height, pixels.

    Raises:
        OSError: FFmpeg does not convert the frame's pixel format.
    """
    opacity = _opacity(picture)
    if opacity is not None:
        picture = av.VideoFrame.from_ndarray(_seen(picture, opacity), format="rgb24")
    elif is_hdr(picture):
        picture = av.VideoFrame.from_ndarray(tone_mapped(picture, size), format="rgb24")
    return scaled(picture, size)


def upright_image(
    picture: av.VideoFrame, *, keeps_16_bits: bool = True, window_of: WindowOf = full_window
) -> Image.Image:
    """Return a frame in full size, upright and as it is seen: see `small_picture`.

    Args:
        picture: the frame.
        keeps_16_bits: whether grey of more than 8 bits stays so.
        window_of: says through which window values are seen that have no range of their own.

    Returns:
        Mode `RGB`; `I;16` for such grey, of which white is 65535 whatever its bits.

    Raises:
        OSError: FFmpeg does not convert the frame's pixel format.
    """
    if keeps_16_bits and _DEEP_GREY.fullmatch(picture.format.name):
        image = Image.fromarray(picture.to_ndarray(format="gray16le", interpolation=TO_RGB, threads=1))
    elif (values := values_of(picture)) is not None:
        image = to_rgb(view_of(values, window_of).picture)
    else:
        image = Image.fromarray(_seen(picture, _opacity(picture)))
    transpose = transpose_of(picture)
    return image.transpose(transpose) if transpose is not None else image


def as_seen(picture: av.VideoFrame) -> av.VideoFrame | Image.Image:
    """Return a frame as `small_picture` shows it: itself, or an image of mode `RGB` where that is not as it is stored.

    Raises:
        OSError: FFmpeg does not convert the frame's pixel format.
    """
    opacity = _opacity(picture)
    is_as_stored = opacity is None and not is_hdr(picture)
    return picture if is_as_stored else Image.fromarray(_seen(picture, opacity))


def _seen(picture: av.VideoFrame, opacity: NDArray[np.uint8] | None) -> NDArray[np.uint8]:
    """Return a frame as it is seen: (height, width, 3) uint8, RGB.

    Args:
        picture: the frame.
        opacity: see `_opacity`.
    """
    pixels = tone_mapped(picture) if is_hdr(picture) else _converted(picture, "rgb24")
    if opacity is None:
        return pixels
    image = Image.fromarray(pixels)
    image.putalpha(Image.fromarray(opacity))
    return np.asarray(to_rgb(image))


def _opacity(picture: av.VideoFrame) -> NDArray[np.uint8] | None:
    """Return the opacity of a frame's pixels, 255 where they hide white: (height, width) uint8.

    Returns:
        None where the frame is opaque. That counts for one that is transparent all over, too: then nobody has written
        anything there.
    """
    if not _may_be_transparent(picture.format.name):
        return None
    opacity = np.ascontiguousarray(_converted(picture, "rgba")[..., 3])
    return None if opacity.min() == 255 or not opacity.any() else opacity


@lru_cache(maxsize=64)
def _may_be_transparent(format_name: str) -> bool:
    return any(component.is_alpha for component in av.VideoFormat(format_name, 2, 2).components)


def _converted(picture: av.VideoFrame, pixel_format: str) -> NDArray[np.uint8]:
    """Return a frame in an interleaved format of 8 bits: (height, width, channels)."""
    is_known = picture.colorspace in _KNOWN_MATRICES
    matrix = None if is_known else _STAND_INS.get(picture.colorspace, Colorspace.ITU601)
    pixels = picture.to_ndarray(format=pixel_format, src_colorspace=matrix, interpolation=TO_RGB, threads=1)
    return pixels.astype(np.uint8, copy=False)
