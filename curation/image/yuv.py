"""Small pictures as JPEG files store them: luma, and two colour differences at half the resolution.

Luma is 0.299 R + 0.587 G + 0.114 B (BT.601) in the full range 0 to 255, whatever matrix and range a video uses. So a
video's frame becomes a JPEG file without ever being RGB, and figures of its luma compare with those of photographs.
Every step is exact in whole numbers, the same on every processor.
"""

from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

import av
import numpy as np
import simplejpeg
from av.video.reformatter import ColorRange, Colorspace, Interpolation
from numpy.typing import NDArray
from PIL import Image

SCALING = Interpolation.AREA | Interpolation.ACCURATE_RND | Interpolation.BITEXACT
"""Mean of the pixels that a pixel of the result covers; bit exact, so that it is the same on every processor."""

TO_RGB = SCALING | Interpolation.FULL_CHR_H_INT
"""To RGB in full size. Without the flag, white of limited range is 253, and colours are doubled, not interpolated."""

_JPEG_QUALITY = 90

_LUMA_SHARES = {
    1: (Fraction("0.2126"), Fraction("0.0722")),
    7: (Fraction("0.212"), Fraction("0.087")),
    9: (Fraction("0.2627"), Fraction("0.0593")),
    10: (Fraction("0.2627"), Fraction("0.0593")),
}
"""Shares of red and blue in luma, by the code that a video states for its matrix (ITU-T H.273, table 4): BT.709,
SMPTE 240M and BT.2020. All others, most of them unstated, count as BT.601, as FFmpeg takes them."""

_FRACTION_BITS = 8


@dataclass(frozen=True, slots=True)
class Yuv:
    """A picture in luma and colour differences, BT.601, full range.

    Attributes:
        y: luma, (height, width) uint8.
        u: blue difference, (height / 2, width / 2) rounded up, uint8; 128 is neutral.
        v: red difference, likewise.
    """

    y: NDArray[np.uint8]
    u: NDArray[np.uint8]
    v: NDArray[np.uint8]


def scaled(picture: av.VideoFrame, size: tuple[int, int]) -> Yuv:
    """Scale a frame of any pixel format before it becomes arrays.

    Args:
        picture: the frame.
        size: width and height, pixels.
    """
    # One matrix on both sides: FFmpeg would convert in a second step, through RGB, at three times the cost.
    small = picture.reformat(
        *size,
        "yuv420p",
        src_colorspace=Colorspace.ITU601,
        dst_colorspace=Colorspace.ITU601,
        dst_color_range=ColorRange.JPEG,
        interpolation=SCALING,
        threads=1,
    )
    y, u, v = arrays_of(small)
    shares = None if picture.format.is_rgb else _LUMA_SHARES.get(picture.colorspace)
    return _with_matrix_of_jpeg(Yuv(y, u, v), *shares) if shares else Yuv(y, u, v)


def arrays_of(picture: av.VideoFrame) -> list[NDArray[np.uint8]]:
    """Return the planes of a frame of 8 bits as arrays on its memory, each (height, width)."""
    return [
        np.frombuffer(memoryview(plane), dtype=np.uint8).reshape(-1, plane.line_size)[: plane.height, : plane.width]
        for plane in picture.planes
    ]


def turned(picture: Yuv, transpose: Image.Transpose | None) -> Yuv:
    """Turn a picture upright."""
    if transpose is None:
        return picture
    return Yuv(*(np.asarray(Image.fromarray(p).transpose(transpose)) for p in (picture.y, picture.u, picture.v)))


def encode_jpeg(picture: Yuv) -> bytes:
    """Return a picture as a JPEG file."""
    luma = _with_even_memory(picture.y)
    jpeg: bytes = simplejpeg.encode_jpeg_yuv_planes(luma, picture.u, picture.v, _JPEG_QUALITY, fastdct=False)
    return jpeg


def _with_even_memory(luma: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return luma whose last row and column, if odd, are followed by a copy of them in memory.

    The encoder reads luma up to where the colour differences end, whatever stands there.
    """
    height, width = luma.shape
    if height % 2 == width % 2 == 0:
        return luma
    even = np.empty((height + height % 2, width + width % 2), dtype=np.uint8)
    even[:height, :width] = luma
    even[:height, width:] = luma[:, -1:]
    even[height:] = even[height - 1]
    return even[:height, :width]


def _with_matrix_of_jpeg(picture: Yuv, red: Fraction, blue: Fraction) -> Yuv:
    """Change the matrix of a picture to BT.601.

    Luma changes by a linear function of the colour differences, which is taken at their resolution; they themselves
    change by a linear function of each other.

    Args:
        picture: in the matrix of the video.
        red: share of red in the video's luma.
        blue: share of blue in it.
    """
    u, v = picture.u.astype(np.int16) - 128, picture.v.astype(np.int16) - 128
    (y_u, y_v), (u_u, u_v), (v_u, v_v) = _to_601(red, blue)
    change = _in_whole(y_u * u + y_v * v)
    height, width = picture.y.shape
    pairs = change.view(np.uint16).astype(np.uint32)
    pairs |= pairs << 16  # each value twice in a row of the luma's width
    doubled = np.repeat(pairs.view(np.int16), 2, axis=0)[:height, :width]
    return Yuv(
        _as_bytes(picture.y + doubled),
        _as_bytes(128 + u + _in_whole((u_u - 2**_FRACTION_BITS) * u + u_v * v)),
        _as_bytes(128 + v + _in_whole(v_u * u + (v_v - 2**_FRACTION_BITS) * v)),
    )


@lru_cache(maxsize=8)
def _to_601(red: Fraction, blue: Fraction) -> tuple[tuple[int, int], tuple[int, int], tuple[int, int]]:
    """Return how much u and v of another matrix add to y, u and v of BT.601, in 256ths."""
    green = 1 - red - blue
    # R, G and B, less luma, of one unit of u and of v.
    of_u = (Fraction(0), -2 * blue * (1 - blue) / green, 2 * (1 - blue))
    of_v = (2 * (1 - red), -2 * red * (1 - red) / green, Fraction(0))
    adds = []
    for r, g, b in (of_u, of_v):
        y = Fraction("0.299") * r + Fraction("0.587") * g + Fraction("0.114") * b
        exact = (y, (b - y) / Fraction("1.772"), (r - y) / Fraction("1.402"))
        adds.append([round(value * 2**_FRACTION_BITS) for value in exact])
    u, v = adds
    return (u[0], v[0]), (u[1], v[1]), (u[2], v[2])


def _in_whole(values: NDArray[np.int16]) -> NDArray[np.int16]:
    """Round 256ths."""
    whole: NDArray[np.int16] = (values + 2 ** (_FRACTION_BITS - 1)) >> _FRACTION_BITS
    return whole


def _as_bytes(values: NDArray[np.int16]) -> NDArray[np.uint8]:
    return values.clip(0, 255).astype(np.uint8)


SWAPPING = {
    Image.Transpose.ROTATE_90,
    Image.Transpose.ROTATE_270,
    Image.Transpose.TRANSPOSE,
    Image.Transpose.TRANSVERSE,
}
