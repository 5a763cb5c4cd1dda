"""Figures that tell how good a picture is, and a hash that alike pictures share.

All come from whole numbers, so they are the same on every processor, and from the picture in the size of its proxy, so
that they compare between cameras. Luma is that of JPEG files: 0.299 R + 0.587 G + 0.114 B, from 0 (black) to 255
(white), whatever range a video stores it in.
"""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image

UNIFORM_RANGE = 2
"""A row counts as uniform if its brightest pixel is at most this much above its darkest, on the scale 0 to 255: a lost
row is filled with one value, which scaling and the compression of a re-encoded file blur by a step or two."""

_CELLS = 32
_FREQUENCIES = 8
_COSINE_BITS = 12


@dataclass(frozen=True, slots=True)
class Quality:
    """What a picture of proxy size looks like, in figures.

    Attributes:
        luma_mean: 0 to 255.
        contrast: standard deviation of luma, 0 to 127.5.
        sharpness: variance of the Laplacian of luma; 0 for pictures less than three pixels wide or high.
        uniform_rows: share, 0 to 1, of the rows whose luma hardly varies (see `UNIFORM_RANGE`). Rows are those of the
            file, before it is turned upright, since what is lost of a picture is lost along them.
        red_mean: 0 to 255.
        green_mean: 0 to 255.
        blue_mean: 0 to 255.
        perceptual_hash: 16 hexadecimal digits of the upright picture; alike pictures differ in few of the 64 bits. All
            pictures of one colour share one.
    """

    luma_mean: float
    contrast: float
    sharpness: float
    uniform_rows: float
    red_mean: float
    green_mean: float
    blue_mean: float
    perceptual_hash: str


def quality_of(rgb: NDArray[np.uint8], transpose: Image.Transpose | None = None) -> Quality:
    """Return the figures of a picture.

    Args:
        rgb: (height, width, 3), at least 1 x 1.
        transpose: what turns it upright.
    """
    luma = luma_of(rgb)
    red, green, blue = (int(total) / luma.size for total in rgb.sum(axis=(0, 1), dtype=np.int64))
    mean, variance = _moments(luma)
    return Quality(
        luma_mean=mean,
        contrast=math.sqrt(variance),
        sharpness=_sharpness(luma),
        uniform_rows=_uniform_rows(luma),
        red_mean=red,
        green_mean=green,
        blue_mean=blue,
        perceptual_hash=perceptual_hash(luma, transpose),
    )


def luma_of(rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the luma of a picture, rounded: (height, width, 3) to (height, width)."""
    return np.asarray(Image.fromarray(rgb).convert("L"))


def perceptual_hash(luma: NDArray[np.uint8], transpose: Image.Transpose | None = None) -> str:
    """Return the pHash of a picture: which of its lowest frequencies lie above their median.

    Zauner (2010), "Implementation and Benchmarking of Perceptual Image Hash Functions": the picture is reduced to
    32 x 32 means, transformed by a DCT-II, and the 8 x 8 lowest frequencies are compared with their median.

    Args:
        luma: (height, width).
        transpose: what turns it upright.

    Returns:
        16 hexadecimal digits; the highest bit is the mean's, the lowest that of the highest frequency.
    """
    cells = _area_means(luma)
    if transpose is not None:
        cells = np.asarray(Image.fromarray(cells.astype(np.int32)).transpose(transpose)).astype(np.int64)
    cosines = _cosines()
    frequencies = (cosines @ cells @ cosines.T).ravel()
    middle = np.sort(frequencies)[len(frequencies) // 2 - 1 : len(frequencies) // 2 + 1].sum()
    return np.packbits(2 * frequencies > middle).tobytes().hex()


def _moments(values: NDArray[np.uint8]) -> tuple[float, float]:
    """Return mean and variance, rounded only at the end."""
    counts = np.bincount(values.ravel(), minlength=256)
    levels = np.arange(256)
    n, total, squares = values.size, int(counts @ levels), int(counts @ levels**2)
    return total / n, (n * squares - total * total) / (n * n)


def _sharpness(luma: NDArray[np.uint8]) -> float:
    """Return the variance of the Laplacian (four neighbours minus four times the pixel) where all neighbours exist."""
    if min(luma.shape) < 3:
        return 0.0
    values = luma.astype(np.int32)
    laplacian = values[:-2, 1:-1] + values[2:, 1:-1] + values[1:-1, :-2] + values[1:-1, 2:] - 4 * values[1:-1, 1:-1]
    n, total = laplacian.size, int(laplacian.sum(dtype=np.int64))
    squares = int((laplacian * laplacian).sum(dtype=np.int64))
    return (n * squares - total * total) / (n * n)


def _uniform_rows(luma: NDArray[np.uint8]) -> float:
    uniform = luma.max(axis=1) - luma.min(axis=1) <= UNIFORM_RANGE
    return int(uniform.sum()) / len(uniform)


def _area_means(luma: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Reduce a picture to 32 x 32 means, in 256ths of a grey level, with the share of each pixel that a cell covers."""
    sums = _area_sums(_area_sums(luma.astype(np.int64)).T).T
    means: NDArray[np.int64] = 256 * sums // luma.size
    return means


def _area_sums(values: NDArray[np.int64]) -> NDArray[np.int64]:
    """Sum the rows under each of 32 cells of equal height: (height, width) to (32, width), in 32nds of a row."""
    height = len(values)
    first, part = np.divmod(np.arange(_CELLS + 1) * height, _CELLS)  # where cells begin: rows, and 32nds of a row
    above = np.zeros((height + 1, values.shape[1]), dtype=np.int64)
    np.cumsum(values, axis=0, out=above[1:])
    begun = values[np.minimum(first, height - 1)] * part[:, None]
    sums: NDArray[np.int64] = np.diff(_CELLS * above[first] + begun, axis=0)
    return sums


@lru_cache(maxsize=1)
def _cosines() -> NDArray[np.int64]:
    """Return the lowest rows of the DCT-II's matrix, (8, 32), in 4096ths; rows but the first sum to 0."""
    rows = [
        [math.cos(math.pi * frequency * (2 * cell + 1) / (2 * _CELLS)) for cell in range(_CELLS)]
        for frequency in range(_FREQUENCIES)
    ]
    cosines: NDArray[np.int64] = np.rint(np.array(rows) * 2**_COSINE_BITS).astype(np.int64)
    return cosines
