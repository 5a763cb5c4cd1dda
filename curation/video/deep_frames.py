"""Frames of more than 8 bits a channel whose format says of no value that it is white: grey, and colours of 16 bits.

Thermal cameras write grey of 14 or 16 bits as FFV1, microscopes PNG frames of 16 bits. The values of such frames are
seen through a window, as those of pictures are. Luma and colour differences have a range that their colour space
defines, and so have red, green and blue of 10 and 12 bits, and of a high dynamic range.
"""

import re
from functools import lru_cache
from typing import Any, NamedTuple

import av
import numpy as np
from numpy.typing import NDArray

from curation.image.values import Values
from curation.video.tone_mapping import is_hdr

_NAME = re.compile(r"(gray|ya|rgb|bgr|rgba|bgra|gbrp|gbrap)(f?)(\d+)(le|be)")
"""FFmpeg's names of formats: colours, whether floating point, bits of a value or of all values of a pixel, order."""

_CHANNELS = {"gray": "Y", "ya": "YA", "rgb": "RGB", "bgr": "BGR", "rgba": "RGBA", "bgra": "BGRA"}
"""The values of a pixel in their order, of formats with one plane."""

_PLANES = {"gbrp": "GBR", "gbrap": "GBRA"}
"""The planes, of formats with one for each value."""


class _Layout(NamedTuple):
    """The places of a frame's values.

    Attributes:
        channels: a letter for each value of a pixel.
        is_planar: whether each has a plane.
        dtype: of the values, as they are stored.
        bits: of integers, those that a value has at most.
    """

    channels: str
    is_planar: bool
    dtype: "np.dtype[Any]"
    bits: int


def values_of(picture: av.VideoFrame) -> Values | None:
    """Return all values of a frame, not turned upright; None for one that has a range of its own.

    One that is transparent all over is opaque: then nobody has written anything there.

    Args:
        picture: the frame.
    """
    layout = _layout_of(picture.format.name)
    if layout is None or is_hdr(picture) or any(plane.line_size < 0 for plane in picture.planes):
        return None
    values = dict(zip(layout.channels, _channels(picture, layout), strict=True))
    alpha = _opacity(values["A"]) if "A" in values else None
    pixels = values["Y"].copy() if "Y" in values else np.stack([values[name] for name in "RGB"], axis=2)
    if layout.dtype.kind == "f":
        return Values(pixels.astype(np.float32), alpha)
    of_type = pixels.astype(pixels.dtype.newbyteorder("="), copy=False)
    return Values(of_type, alpha, bits=layout.bits if layout.bits < 8 * layout.dtype.itemsize else None)


@lru_cache(maxsize=64)
def _layout_of(format_name: str) -> _Layout | None:
    """Return the layout of a format that has no range of its own; None for all others."""
    found = _NAME.fullmatch(format_name)
    if not found:
        return None
    colours, is_float, number, order = found.groups()
    channels, is_planar = _CHANNELS.get(colours) or _PLANES[colours], colours in _PLANES
    bits = int(number) // (len(channels) if colours.startswith(("rgb", "bgr")) else 1)
    is_grey = colours == "gray"
    if (is_float and bits not in (16, 32)) or not (8 < bits <= 32 if is_grey or is_float else bits == 16):
        return None
    size = 2 if bits <= 16 else 4
    dtype = np.dtype(f"{'<' if order == 'le' else '>'}{'f' if is_float else 'u'}{size}")
    return _Layout(channels, is_planar, dtype, bits)


def _channels(picture: av.VideoFrame, layout: _Layout) -> list[NDArray[Any]]:
    """Return the values of each channel, (height, width), as views on the frame's memory."""
    in_line = 1 if layout.is_planar else len(layout.channels)
    planes = []
    for plane in picture.planes:
        lines = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)[: picture.height]
        used = lines[:, : picture.width * in_line * layout.dtype.itemsize].view(layout.dtype)
        planes.append(used.reshape(picture.height, picture.width, in_line))
    return [plane[..., place] for plane in planes for place in range(in_line)]


def _opacity(alpha: NDArray[Any]) -> NDArray[np.uint16] | None:
    """Return the opacity of pixels, 65535 where they hide what is behind; None where all are opaque."""
    if alpha.dtype.kind == "f":
        alpha = np.nan_to_num(alpha.astype(np.float32)).clip(0, 1) * 65535 + 0.5
    opacity: NDArray[np.uint16] = alpha.astype(np.uint16)
    return None if opacity.min() == 65535 or not opacity.any() else opacity
