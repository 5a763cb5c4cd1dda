"""Crops: the parts of a picture that show objects, cut from it while it is decoded, in full size.

A crop is kept as a proxy is: its short side has the proxy's size at most, the long side keeps the proportion.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil, floor, isfinite
from typing import NamedTuple

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from curation.image.proxies import proxy_dimensions, to_rgb
from curation.image.values import turned_pixels
from curation.image.yuv import SCALING, SWAPPING, arrays_of, encode_jpeg, scaled

SMALLEST = 8
"""Pixels of a crop's shorter side at least: with fewer, there is nothing to tell objects by."""

_FROM_THE_RIGHT = {
    Image.Transpose.FLIP_LEFT_RIGHT,
    Image.Transpose.ROTATE_90,
    Image.Transpose.ROTATE_180,
    Image.Transpose.TRANSVERSE,
}
_FROM_BELOW = {
    Image.Transpose.FLIP_TOP_BOTTOM,
    Image.Transpose.ROTATE_180,
    Image.Transpose.ROTATE_270,
    Image.Transpose.TRANSVERSE,
}

_STEP = 4
"""Pixels that one colour difference stands for at most."""
_MARGIN = 16

Place = tuple[int, int, int, int]
"""Left, top, right and bottom, in pixels; the latter two are outside."""


@dataclass(frozen=True, slots=True)
class WantedBox:
    """A box to cut out of a picture.

    Attributes:
        key: by which who wants it knows it again.
        box: left, top, width and height in the upright picture.
        extent: width and height of the picture that the box counts in; None: pixels of the full size.
    """

    key: int
    box: tuple[float, float, float, float]
    extent: tuple[float, float] | None = None


class Crop(NamedTuple):
    """A box that was cut out.

    Attributes:
        key: of `WantedBox`.
        left: of the box, pixels in the upright picture.
        top: likewise.
        width: likewise.
        height: likewise.
        jpeg: the crop as a JPEG file.
    """

    key: int
    left: int
    top: int
    width: int
    height: int
    jpeg: bytes


@dataclass(frozen=True)
class Cropping:
    """The boxes to cut out of the frames of a video.

    Attributes:
        boxes: by the index of the frame.
        add: takes the frame's index and each crop, after the frame's proxy.
    """

    boxes: Mapping[int, Sequence[WantedBox]]
    add: Callable[[int, Crop], object]


NO_CROPPING = Cropping({}, lambda *_: None)


def cut(
    picture: Image.Image | av.VideoFrame,
    transpose: Image.Transpose | None,
    wanted: Sequence[WantedBox],
    proxy_size: int,
) -> tuple[Crop, ...]:
    """Cut boxes out of a picture; those that are not in it, or too small, are left out.

    Args:
        picture: as stored, in full size.
        transpose: what turns it upright.
        wanted: what to cut out, in upright coordinates.
        proxy_size: short side of the results at most, pixels.
    """
    if not wanted:
        return ()
    stored = picture.width, picture.height
    upright = stored[::-1] if transpose in SWAPPING else stored
    pixels_in = _reader(picture)
    crops = []
    for one in wanted:
        place = pixel_box(one, *upright)
        if place is not None:
            left, top, right, bottom = place
            part = turned_pixels(pixels_in(_as_stored(place, transpose, *stored)), transpose)
            frame = av.VideoFrame.from_numpy_buffer(np.ascontiguousarray(part), format="rgb24")
            small = scaled(frame, proxy_dimensions(right - left, bottom - top, proxy_size))
            crops.append(Crop(one.key, left, top, right - left, bottom - top, encode_jpeg(small)))
    return tuple(crops)


def _as_stored(place: Place, transpose: Image.Transpose | None, width: int, height: int) -> Place:
    """Return where a box of the upright picture is in the picture as stored, whose width and height are given."""
    left, top, right, bottom = place
    if transpose in SWAPPING:
        left, top, right, bottom = top, left, bottom, right
    if transpose in _FROM_THE_RIGHT:
        left, right = width - right, width - left
    if transpose in _FROM_BELOW:
        top, bottom = height - bottom, height - top
    return left, top, right, bottom


def _reader(picture: Image.Image | av.VideoFrame) -> Callable[[Place], NDArray[np.uint8]]:
    """Return what gives the pixels of a box in a picture as stored, (height, width, 3)."""
    if isinstance(picture, av.VideoFrame) and _can_be_divided(picture):
        return lambda place: _rgb_of_part(picture, place)
    pixels = np.asarray(to_rgb(picture)) if isinstance(picture, Image.Image) else _rgb(picture)
    return lambda place: pixels[place[1] : place[3], place[0] : place[2]]


def _rgb(picture: av.VideoFrame) -> NDArray[np.uint8]:
    pixels: NDArray[np.uint8] = picture.to_ndarray(format="rgb24", interpolation=SCALING, threads=1)  # type: ignore[assignment]
    return pixels


def _can_be_divided(picture: av.VideoFrame) -> bool:
    """Return whether a part of a frame has the very pixels that the whole has: planes of bytes, of whole steps."""
    layout = picture.format
    is_of_bytes = all(component.bits == 8 for component in layout.components) and not layout.has_palette
    has_planes = len(picture.planes) == len(layout.components) and all(plane.line_size > 0 for plane in picture.planes)
    return is_of_bytes and has_planes and picture.width % _STEP == picture.height % _STEP == 0


def _rgb_of_part(picture: av.VideoFrame, place: Place) -> NDArray[np.uint8]:
    """Convert no more of a frame than a box in it needs: with a margin, since colour differences are interpolated."""
    left, top, right, bottom = place
    first_x, first_y = (max(0, edge - _MARGIN) // _STEP * _STEP for edge in (left, top))
    last_x = min(picture.width, -(-(right + _MARGIN) // _STEP) * _STEP)
    last_y = min(picture.height, -(-(bottom + _MARGIN) // _STEP) * _STEP)
    part = av.VideoFrame(last_x - first_x, last_y - first_y, picture.format.name)
    for plane, source, target in zip(picture.planes, arrays_of(picture), arrays_of(part), strict=True):
        x, y = first_x * plane.width // picture.width, first_y * plane.height // picture.height
        target[:] = source[y : y + target.shape[0], x : x + target.shape[1]]
    part.color_range, part.colorspace = picture.color_range, picture.colorspace
    return _rgb(part)[top - first_y : bottom - first_y, left - first_x : right - first_x]


def pixel_box(wanted: WantedBox, width: int, height: int) -> Place | None:
    """Return the whole pixels that a box touches inside of a picture: left, top, right and bottom, the latter outside.

    Args:
        wanted: the box.
        width: of the upright picture, pixels.
        height: likewise.

    Returns:
        None where it lies outside of the picture, or a side has less than `SMALLEST` pixels in it.
    """
    across, down = (width, height) if wanted.extent is None else wanted.extent
    if not (across > 0 and down > 0 and all(map(isfinite, wanted.box))):
        return None
    x, y, w, h = wanted.box
    left, right = (max(0, min(width, edge)) for edge in _whole(x * width / across, (x + w) * width / across))
    top, bottom = (max(0, min(height, edge)) for edge in _whole(y * height / down, (y + h) * height / down))
    return (left, top, right, bottom) if min(right - left, bottom - top) >= SMALLEST else None


def _whole(first: float, last: float) -> tuple[int, int]:
    """Return the whole numbers around two, where what is a thousandth beyond a whole number is taken for rounding."""
    return floor(round(first, 3)), ceil(round(last, 3))
