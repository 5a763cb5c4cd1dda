"""Crops: the parts of a picture that show objects, cut from it while it is decoded, in full size.

A crop is kept as a proxy is: its short side has the proxy's size at most, the long side keeps the proportion.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil, floor, isfinite
from typing import NamedTuple

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from curation.image.proxies import proxy_dimensions, to_rgb
from curation.image.stored import turned_view
from curation.image.yuv import SCALING, encode_jpeg, scaled

SMALLEST = 8
"""Pixels of a crop's shorter side at least: with fewer, there is nothing to tell objects by."""


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

    The picture becomes RGB as a whole, so that a box need not begin where colour differences do.

    Args:
        picture: as stored, in full size.
        transpose: what turns it upright.
        wanted: what to cut out, in upright coordinates.
        proxy_size: short side of the results at most, pixels.
    """
    if not wanted:
        return ()
    pixels = turned_view(_rgb(picture), transpose)
    height, width = pixels.shape[:2]
    return tuple(_crops(pixels, ((one, pixel_box(one, width, height)) for one in wanted), proxy_size))


def _rgb(picture: Image.Image | av.VideoFrame) -> NDArray[np.uint8]:
    """Return the pixels of a picture as stored, (height, width, 3)."""
    if isinstance(picture, Image.Image):
        return np.asarray(to_rgb(picture))
    pixels: NDArray[np.uint8] = picture.to_ndarray(format="rgb24", interpolation=SCALING, threads=1)  # type: ignore[assignment]
    return pixels


def _crops(
    pixels: NDArray[np.uint8],
    places: Iterable[tuple[WantedBox, tuple[int, int, int, int] | None]],
    proxy_size: int,
) -> Iterable[Crop]:
    for one, place in places:
        if place is not None:
            left, top, right, bottom = place
            part = np.ascontiguousarray(pixels[top:bottom, left:right])
            width, height = right - left, bottom - top
            frame = av.VideoFrame.from_numpy_buffer(part, format="rgb24")
            small = scaled(frame, proxy_dimensions(width, height, proxy_size))
            yield Crop(one.key, left, top, width, height, encode_jpeg(small))


def pixel_box(wanted: WantedBox, width: int, height: int) -> tuple[int, int, int, int] | None:
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
