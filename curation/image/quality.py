"""Figures that tell how good a picture is, and a hash that similar pictures share.

All come from whole numbers, so they are the same on every processor, and from the picture in the size of its proxy, so
that they compare between cameras. Luma is that of JPEG files, from 0 (black) to 255 (white): see `curation.image.yuv`.
"""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from curation.image.yuv import Yuv

UNIFORM_RANGE = 2
"""A row counts as uniform if its brightest pixel is at most this much above its darkest, on the scale 0 to 255: a lost
row is filled with one value, which scaling and the compression of a re-encoded file blur by a step or two."""

_CELLS = 32
_FREQUENCIES = 8
_COSINE_BITS = 12


@dataclass(frozen=True, slots=True)
class Quality:
    """The quality figures of a picture of proxy size.

    Attributes:
        luma_mean: 0 to 255.
        contrast: standard deviation of luma, 0 to 127.5.
        sharpness: variance of the Laplacian of luma; 0 for pictures less than three pixels wide or high.
        uniform_rows: share, 0 to 1, of the rows whose luma hardly varies (see `UNIFORM_RANGE`). Rows are those of the
            file, before it is turned upright, since what is lost of a picture is lost along them.
        red_mean: 0 to 255.
        green_mean: 0 to 255.
        blue_mean: 0 to 255.
        perceptual_hash: 16 hexadecimal digits of the upright picture; similar pictures differ in few of its 64 bits.
            All pictures of one colour share one.
    """

    luma_mean: float
    contrast: float
    sharpness: float
    uniform_rows: float
    red_mean: float
    green_mean: float
    blue_mean: float
    perceptual_hash: str


def quality_of(picture: Yuv, transpose: Image.Transpose | None = None) -> Quality:
    """Return the figures of a picture in the size of its proxy.

    Args:
        picture: at least 1 x 1 and at most 8192 x 8192, as the file stores it.
        transpose: what turns it upright.
    """
    luma = picture.y.astype(np.uint16)  # wide enough for squares and for the sum of 256 rows
    bands = _band_sums(luma)
    mean, variance = _moments(luma, int(bands.sum()) // _CELLS)
    blue_difference, red_difference = (_mean(plane) - 128 for plane in (picture.u, picture.v))
    return Quality(
        luma_mean=mean,
        contrast=math.sqrt(variance),
        sharpness=_sharpness(luma.view(np.int16)),
        uniform_rows=_uniform_rows(picture.y),
        red_mean=_in_range(mean + 1.402 * red_difference),
        green_mean=_in_range(mean - 0.344136 * blue_difference - 0.714136 * red_difference),
        blue_mean=_in_range(mean + 1.772 * blue_difference),
        perceptual_hash=_perceptual_hash(256 * _band_sums(bands.T).T // luma.size, transpose),
    )


def _mean(values: NDArray[np.uint8]) -> float:
    return int(values.sum(axis=1, dtype=np.uint32).sum()) / values.size


def _in_range(value: float) -> float:
    """Limit a mean to what a byte can hold: rounding takes it a little beyond."""
    return min(max(value, 0.0), 255.0)


def _moments(values: NDArray[np.uint16], total: int) -> tuple[float, float]:
    """Return mean and variance, rounded only at the end, of values whose sum is known."""
    n = values.size
    squares = int((values * values).sum(axis=1, dtype=np.uint32).sum())
    return total / n, (n * squares - total * total) / (n * n)


def _sharpness(luma: NDArray[np.int16]) -> float:
    """Return the variance of the Laplacian (four neighbours minus four times the pixel) where all neighbours exist."""
    if min(luma.shape) < 3:
        return 0.0
    # On rows as they follow each other in memory, which is faster; what reaches over their ends is left out after it.
    width, pixels = luma.shape[1], luma.ravel()
    middle = pixels[width:-width]
    sums = pixels[: -2 * width] + pixels[2 * width :]
    sums += pixels[width - 1 : -width - 1]
    sums += pixels[width + 1 : len(pixels) - width + 1]
    sums -= middle << 2
    laplacian = sums.reshape(-1, width)[:, 1:-1].astype(np.float64).ravel()
    # Whole numbers below 2**53 all the way, so exact: at most 2**26 pixels, and squares below 2**20.
    n, total, squares = len(laplacian), int(laplacian.sum()), int(laplacian @ laplacian)
    return (n * squares - total * total) / (n * n)


def _uniform_rows(luma: NDArray[np.uint8]) -> float:
    """Return the share of rows that are nearly of one value."""
    uniform = luma.max(axis=1) - luma.min(axis=1) <= UNIFORM_RANGE
    return int(uniform.sum()) / len(uniform)


def _band_sums(values: NDArray[np.uint16] | NDArray[np.int64]) -> NDArray[np.int64]:
    """Sum the rows under each of 32 bands of equal height, with the share of each row that a band covers.

    Done along both axes, this gives 1024 sums in 1024ths of a pixel: since each is of a 1024th of the picture, they are
    the means times the number of pixels.

    Args:
        values: (height, width).

    Returns:
        (32, width), in 32nds of a row.
    """
    height, width = values.shape
    if height % _CELLS == 0:
        equal = values.reshape(_CELLS, height // _CELLS, width).sum(axis=1, dtype=values.dtype)
        sums: NDArray[np.int64] = _CELLS * equal.astype(np.int64)
        return sums
    first, part = np.divmod(np.arange(_CELLS + 1) * height, _CELLS)  # where bands begin: rows, and 32nds of a row
    if width <= _CELLS <= height:  # one call for all bands, which is faster where rows are short
        whole = np.add.reduceat(values, first[:-1], axis=0, dtype=values.dtype)
    else:
        whole = np.empty((_CELLS, width), dtype=values.dtype)
        for band in range(_CELLS):
            np.add.reduce(values[first[band] : first[band + 1]], axis=0, dtype=values.dtype, out=whole[band])
    begun = values[np.minimum(first, height - 1)] * part[:, None]
    sums = _CELLS * whole.astype(np.int64) + np.diff(begun, axis=0)
    return sums


def _perceptual_hash(cells: NDArray[np.int64], transpose: Image.Transpose | None) -> str:
    """Return the pHash of a picture: which of its lowest frequencies lie above their median.

    Zauner (2010), "Implementation and Benchmarking of Perceptual Image Hash Functions": the picture is reduced to
    32 x 32 means, transformed by a DCT-II, and the 8 x 8 lowest frequencies are compared with their median.

    Args:
        cells: (32, 32) means of equal parts of the picture, in 256ths of a grey level.
        transpose: what turns the picture upright.

    Returns:
        16 hexadecimal digits; the highest bit is the mean's, the lowest that of the highest frequency.
    """
    if transpose is not None:
        cells = np.asarray(Image.fromarray(cells.astype(np.int32)).transpose(transpose)).astype(np.int64)
    cosines = _cosines()
    frequencies = (cosines @ cells @ cosines.T).ravel()
    middle = np.sort(frequencies)[len(frequencies) // 2 - 1 : len(frequencies) // 2 + 1].sum()
    return np.packbits(2 * frequencies > middle).tobytes().hex()


@lru_cache(maxsize=1)
def _cosines() -> NDArray[np.int64]:
    """Return the lowest rows of the DCT-II's matrix, (8, 32), in 4096ths; rows but the first sum to 0."""
    rows = [
        [math.cos(math.pi * frequency * (2 * cell + 1) / (2 * _CELLS)) for cell in range(_CELLS)]
        for frequency in range(_FREQUENCIES)
    ]
    cosines: NDArray[np.int64] = np.rint(np.array(rows) * 2**_COSINE_BITS).astype(np.int64)
    return cosines
