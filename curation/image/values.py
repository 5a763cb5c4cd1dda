"""A picture of more than 8 bits a channel, with all of its values: which of them count, and how they are seen."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from curation.image.window import FLOAT, ValueRange, Window

_CONVENTIONAL = (-9999.0, -32768.0)
"""Values that stand for no data in signed integers and floats by convention."""

_BEYOND_MEASURE = 1e30
"""Floats as large as this, such as -3.4e38, stand for no data."""

_MOST_SAMPLED = 2**20
"""Pixels that the range of values is found from, at even distances."""

_LEFT_OUT = 0.001
"""Share of the lowest values, and of the highest, that does not count for the range."""

_ALL_16_BIT_VALUES = 2**16

_ROWS = 64
"""Rows that are worked on at a time."""

_HASH_NAMES = {"uint16": "I;16", "int32": "I", "float32": "F"}
"""Pillow's names of grey values, in the hashes of pictures since the first version."""


@dataclass(frozen=True, slots=True)
class Values:
    """A picture as its file stores it, not turned upright.

    Attributes:
        pixels: (height, width) grey, (height, width, 3) red, green and blue, or (height, width, 4) inks (CMYK); any
            integers or floats.
        alpha: (height, width) uint8 or uint16, 0 where nothing is to be seen; None = all is.
        nodata: the value that stands for no data, as the file says.
        is_inverted: whether higher values are darker (min-is-white).
        bits: of integers, how many each value has at most; None = as many as its type.
    """

    pixels: NDArray[Any]
    alpha: NDArray[Any] | None = None
    nodata: float | None = None
    is_inverted: bool = False
    bits: int | None = None

    @property
    def width(self) -> int:
        """In pixels."""
        return int(self.pixels.shape[1])

    @property
    def height(self) -> int:
        """In pixels."""
        return int(self.pixels.shape[0])

    @property
    def kind(self) -> str:
        """The kind of values, see `ValueRange`."""
        name = FLOAT if self.pixels.dtype.kind == "f" else f"uint{self.bits}" if self.bits else str(self.pixels.dtype)
        return name if self.pixels.ndim == 2 else f"{name} {'RGB' if self.pixels.shape[2] == 3 else 'CMYK'}"

    @property
    def has_window(self) -> bool:
        """Whether the values have no scale of their own; inks have."""
        return self.pixels.ndim == 2 or self.pixels.shape[2] == 3

    def turned(self, transpose: Image.Transpose | None) -> "Values":
        """Return the picture upright."""
        alpha = None if self.alpha is None else turned_pixels(self.alpha, transpose)
        return replace(self, pixels=turned_pixels(self.pixels, transpose), alpha=alpha)


def usual_range(values: Values) -> ValueRange | None:
    """Return the range of a picture's values, without those that stand for no data; None where there are no others.

    It is found from at most a million pixels at even distances, and leaves the lowest and highest thousandth out.
    """
    counted = _sampled(values)
    if not len(counted):
        return None
    places = math.floor(_LEFT_OUT * (len(counted) - 1)), math.ceil((1 - _LEFT_OUT) * (len(counted) - 1))
    ordered = np.partition(counted, places)
    return ValueRange(values.kind, float(ordered[places[0]]), float(ordered[places[1]]))


def seen(values: Values, window: Window) -> Image.Image:
    """Return a picture in 8 bits: mode `L` or `RGB`, `RGBA` where parts of it may be transparent.

    What stands for no data is black.

    Args:
        values: the picture.
        window: what is black and what white; inks have none.
    """
    if not values.has_window:
        return Image.fromarray(_high_bytes(values.pixels), mode="CMYK").convert("RGB")
    image = Image.fromarray(_all_scaled(values, window))
    if values.alpha is None:
        return image
    image.putalpha(Image.fromarray(_high_bytes(values.alpha)))
    return image.convert("RGBA")


def share_beyond(values: Values, window: Window) -> float:
    """Return the share of a picture's values, 0 to 1, that a window does not tell apart: those beyond its ends."""
    counted = _sampled(values)
    return float(((counted < window.low) | (counted > window.high)).mean()) if counted.size else 0.0


def as_16_bit_grey(values: Values) -> Image.Image | None:
    """Return a picture as an image of mode `I;16`, none of its values changed; None where that cannot hold it."""
    if values.pixels.ndim != 2 or values.pixels.dtype != np.uint16 or values.alpha is not None:
        return None
    return Image.fromarray(_looks(values.pixels, is_inverted=values.is_inverted))


def hash_name(values: Values) -> str:
    """Return what the hash of a picture says first: the type of its values, and what else there is."""
    name = str(values.pixels.dtype)
    grey = _HASH_NAMES.get(name, name)
    bands = "" if values.pixels.ndim == 2 else f" {values.pixels.shape[2]}"
    return f"{grey}{bands}{'' if values.alpha is None else ' alpha'}"


def hashed_parts(values: Values) -> Iterator[memoryview]:
    """Yield the bytes of an upright picture, least significant byte first, some rows at a time; then its alpha's."""
    for plane in (values.pixels, values.alpha):
        for start in range(0, values.height if plane is not None else 0, _ROWS):
            assert plane is not None
            rows = plane[start : start + _ROWS]
            rows = _looks(rows, is_inverted=values.is_inverted and plane is values.pixels)
            yield np.ascontiguousarray(rows, dtype=rows.dtype.newbyteorder("<")).view(np.uint8).data


def _sampled(values: Values) -> NDArray[Any]:
    """Return the values of pixels at even distances, without those that stand for no data."""
    step = max(1, math.ceil(math.sqrt(values.width * values.height / _MOST_SAMPLED)))
    alpha = None if values.alpha is None else values.alpha[::step, ::step]
    part = replace(values, pixels=values.pixels[::step, ::step], alpha=alpha)
    counted: NDArray[Any] = part.pixels[_is_data(part)].ravel()
    return counted


def _looks(pixels: NDArray[Any], *, is_inverted: bool) -> NDArray[Any]:
    """Return values of which higher ones are brighter."""
    if not is_inverted:
        return pixels
    mirrored: NDArray[Any] = np.iinfo(pixels.dtype).max - pixels if pixels.dtype.kind == "u" else -pixels
    return mirrored


def _all_scaled(values: Values, window: Window) -> NDArray[np.uint8]:
    """Bring all values of a picture to 0 to 255."""
    if values.pixels.dtype == np.uint16 and values.pixels.size > _ALL_16_BIT_VALUES:  # looking them up is faster
        every = np.arange(_ALL_16_BIT_VALUES, dtype=np.uint16)[None]
        table: NDArray[np.uint8] = _scaled(replace(values, pixels=every, alpha=None), window)[0]
        looked_up: NDArray[np.uint8] = table[values.pixels]
        return looked_up
    shown = np.empty(values.pixels.shape, dtype=np.uint8)
    for start in range(0, values.height, _ROWS):
        rows = slice(start, start + _ROWS)
        shown[rows] = _scaled(replace(values, pixels=values.pixels[rows], alpha=None), window)
    return shown


def _scaled(values: Values, window: Window) -> NDArray[np.uint8]:
    """Bring values to 0 to 255."""
    numbers = values.pixels.astype(np.float64)
    with np.errstate(invalid="ignore", over="ignore"):
        numbers -= window.low
        numbers *= 255.0 / max(window.high - window.low, 1e-30)
    if values.is_inverted:
        np.subtract(255.0, numbers, out=numbers)
    numbers += 0.5
    numbers[~_is_data(values)] = 0.0
    scaled: NDArray[np.uint8] = numbers.clip(0, 255).astype(np.uint8)
    return scaled


def _is_data(values: Values) -> NDArray[np.bool_]:
    """Return which pixels count, (height, width): in all channels, and where anything is to be seen."""
    pixels = values.pixels
    counts: NDArray[np.bool_] = np.ones(pixels.shape, dtype=bool)
    if pixels.dtype.kind == "f":
        with np.errstate(invalid="ignore"):
            counts &= np.abs(pixels) < _BEYOND_MEASURE  # False for NaN, too
    if pixels.dtype.kind != "u":
        for value in _CONVENTIONAL:
            counts &= pixels != value
    if values.nodata is not None:
        counts &= pixels != np.float64(values.nodata).astype(pixels.dtype if pixels.dtype.kind == "f" else np.float64)
    whole: NDArray[np.bool_] = counts if pixels.ndim == 2 else np.logical_and.reduce(counts, axis=2)
    return whole if values.alpha is None else whole & (values.alpha > 0)


def _high_bytes(pixels: NDArray[Any]) -> NDArray[np.uint8]:
    """Return the upper eight bits of unsigned values."""
    return (pixels >> (8 * (pixels.dtype.itemsize - 1))).astype(np.uint8)


def turned_pixels(pixels: NDArray[Any], transpose: Image.Transpose | None) -> NDArray[Any]:
    """Return a view of pixels, (height, width, ...), that shows them as Pillow's `transpose` would."""
    swapped = pixels.swapaxes(0, 1)
    turns = {
        None: pixels,
        Image.Transpose.FLIP_LEFT_RIGHT: pixels[:, ::-1],
        Image.Transpose.FLIP_TOP_BOTTOM: pixels[::-1],
        Image.Transpose.ROTATE_90: swapped[::-1],
        Image.Transpose.ROTATE_180: pixels[::-1, ::-1],
        Image.Transpose.ROTATE_270: swapped[:, ::-1],
        Image.Transpose.TRANSPOSE: swapped,
        Image.Transpose.TRANSVERSE: pixels[::-1, ::-1].swapaxes(0, 1),
    }
    return turns[transpose]
