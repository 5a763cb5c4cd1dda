"""Frames of high dynamic range (PQ and HLG, ITU-R BT.2100) as a usual screen shows them, 8 bits a colour.

FFmpeg's own filters are in some builds only, and with them results would depend on the machine. So the curve is one of
our own, after the ITU's: light as BT.2100 defines it, the tone curve of BT.2390-11 (5.4.1) from 1,000 to 203 cd/m2 on
the strongest of the three colours, BT.709's primaries (BT.2087), and the inverse of BT.1886's 2.4. White of BT.2408,
203 cd/m2, comes out as 230, its grey of 26 cd/m2 as 108; what is up to 95 cd/m2 keeps its light. The peak is the same
for all files, since what they state of it is often absent or wrong. Tables and single operations only: the same on
every processor.
"""

import math
from collections.abc import Iterator
from functools import lru_cache

import av
import numpy as np
from av.video.reformatter import Colorspace
from numpy.typing import NDArray

from curation.image.yuv import TO_RGB

_PQ, _HLG = 16, 18
"""Codes of transfer functions (ITU-T H.273, table 3)."""

HDR_NAMES = {_PQ: "PQ", _HLG: "HLG"}
"""The names of the transfer functions whose frames are brought to usual range, by their code."""

_PEAK, _WHITE = 1000.0, 203.0
"""Brightest light of what comes in, and of what goes out, cd/m2."""

_MOST = 10_000.0
"""Brightest light that PQ has a code for, cd/m2."""

_TO_709 = {
    9: ((1.660491, -0.587641, -0.072850), (-0.124550, 1.132900, -0.008349), (-0.018151, -0.100579, 1.118730)),
    11: ((1.157236, -0.154963, -0.001582), (-0.041553, 1.045568, -0.003249), (-0.018067, -0.078595, 1.077110)),
    12: ((1.224940, -0.224940, 0.0), (-0.042057, 1.042057, 0.0), (-0.019638, -0.078636, 1.098273)),
}
"""From linear light with other primaries to that with BT.709's, by the code that a video states for its primaries
(H.273, table 2): BT.2020, DCI-P3 and Display P3. Unstated ones count as BT.2020, and all others as BT.709."""

_UNSTATED, _BT2020 = 2, 9
_CODES = 1 << 16
_WHITE_OF_YUV = 255 * 256
"""The code that FFmpeg makes of white where it brings luma and colour differences to 16 bits of RGB."""

_ROWS = 64
"""Rows that are worked on at a time, for the memory's sake."""


def is_hdr(picture: av.VideoFrame) -> bool:
    """Return whether a frame says that it has a high dynamic range."""
    return picture.color_trc in HDR_NAMES


def tone_mapped(picture: av.VideoFrame, size: tuple[int, int] | None = None) -> NDArray[np.uint8]:
    """Return a frame of high dynamic range as RGB of the usual one.

    Args:
        picture: of which `is_hdr` is true.
        size: width and height to scale to before, pixels; None = full size.

    Returns:
        (height, width, 3) uint8.
    """
    width, height = size or (picture.width, picture.height)
    codes = picture.to_ndarray(
        width=width,
        height=height,
        format="gbrp16le",  # FFmpeg's way to rgb48le confuses the channels
        src_colorspace=Colorspace.ITU709 if picture.colorspace == Colorspace.ITU709 else Colorspace.BT2020,
        interpolation=TO_RGB,
        threads=1,
    ).astype(np.uint16, copy=False)
    white = _CODES - 1 if picture.format.is_rgb else _WHITE_OF_YUV
    to_709 = _TO_709.get(_BT2020 if picture.color_primaries == _UNSTATED else picture.color_primaries)
    shown = np.empty(codes.shape, np.uint8)
    for start in range(0, len(codes), _ROWS):
        rows = codes[start : start + _ROWS]
        light = _pq_light(white)[rows] if picture.color_trc == _PQ else _hlg_light(rows, white)
        shown[start : start + _ROWS] = _shown(light, to_709)
    return shown


def _shown(light: NDArray[np.float32], to_709: tuple[tuple[float, ...], ...] | None) -> NDArray[np.uint8]:
    """Bring light to what a usual screen shows, and encode it.

    Args:
        light: (rows, width, 3), cd/m2.
        to_709: see `_TO_709`; None = it has these primaries.
    """
    strongest = np.minimum(light.max(axis=2), np.float32(_MOST)) * np.float32((_CODES - 1) / _MOST)
    light = light * _shares()[_rounded(strongest)][..., None]
    if to_709 is not None:
        red, green, blue = (light[..., channel] for channel in range(3))
        parts = [np.float32(r) * red + np.float32(g) * green + np.float32(b) * blue for r, g, b in to_709]
        light = np.stack(parts, axis=2)
    roots = np.sqrt(light.clip(0, 1))  # a table over them is as fine in the dark as it has to be
    encoded: NDArray[np.uint8] = _encoded()[_rounded(roots * np.float32(_CODES - 1))]
    return encoded


def _rounded(values: NDArray[np.float32]) -> NDArray[np.uint16]:
    return (values + np.float32(0.5)).astype(np.uint16)


def _signals(white: int) -> Iterator[float]:
    """Yield what each code stands for: 0 to 1, as `white` does and all above it."""
    return (min(code / white, 1.0) for code in range(_CODES))


@lru_cache(maxsize=2)
def _pq_light(white: int) -> NDArray[np.float32]:
    """Return the light of each of PQ's codes, cd/m2 (BT.2100, table 4)."""
    return np.array([_MOST * _pq_to_share(signal) for signal in _signals(white)], np.float32)


_M1, _M2 = 2610 / 16384, 2523 / 4096 * 128
_C1, _C2, _C3 = 3424 / 4096, 2413 / 4096 * 32, 2392 / 4096 * 32


def _pq_to_share(code: float) -> float:
    """Return the light of a code of PQ, 0 to 1, as a share of 10,000 cd/m2."""
    power: float = code ** (1 / _M2)
    share: float = (max(power - _C1, 0.0) / (_C2 - _C3 * power)) ** (1 / _M1)
    return share


def _share_to_pq(share: float) -> float:
    """Return the code of PQ, 0 to 1, for light as a share of 10,000 cd/m2."""
    power: float = share**_M1
    code: float = ((_C1 + _C2 * power) / (1 + _C3 * power)) ** _M2
    return code


def _hlg_light(codes: NDArray[np.uint16], white: int) -> NDArray[np.float32]:
    """Return the light of codes of HLG on a screen of 1,000 cd/m2, cd/m2 (BT.2100, table 5).

    Args:
        codes: (rows, width, 3).
        white: see `_signals`.
    """
    scene = _hlg_scene(white)[codes]
    red, green, blue = (scene[..., channel] for channel in range(3))
    luminance = np.float32(0.2627) * red + np.float32(0.6780) * green + np.float32(0.0593) * blue
    light: NDArray[np.float32] = scene * _hlg_gains()[_rounded(luminance * np.float32(_CODES - 1))][..., None]
    return light


@lru_cache(maxsize=2)
def _hlg_scene(white: int) -> NDArray[np.float32]:
    """Return the light of the scene, 0 to 1, of each of HLG's codes."""
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    return np.array([e * e / 3 if e <= 0.5 else (math.exp((e - c) / a) + b) / 12 for e in _signals(white)], np.float32)


@lru_cache(maxsize=1)
def _hlg_gains() -> NDArray[np.float32]:
    """Return how much more light a screen gives than the scene, by the scene's luminance: a system gamma of 1.2."""
    return np.array([_PEAK * (luminance / (_CODES - 1)) ** 0.2 for luminance in range(_CODES)], np.float32)


@lru_cache(maxsize=1)
def _shares() -> NDArray[np.float32]:
    """Return by what light is multiplied, to become a share of white, by the light of the strongest colour."""
    lights = (step * _MOST / (_CODES - 1) for step in range(1, _CODES))
    return np.array([1 / _WHITE, *(_toned(light) / (light * _WHITE) for light in lights)], np.float32)


def _toned(light: float) -> float:
    """Return the light that a screen with a peak of white shows for light from a brighter one, cd/m2."""
    peak = _share_to_pq(_PEAK / _MOST)
    code = min(_share_to_pq(light / _MOST) / peak, 1.0)
    highest = _share_to_pq(_WHITE / _MOST) / peak
    knee = 1.5 * highest - 0.5
    if code < knee:
        return light
    t = (code - knee) / (1 - knee)
    spline = (2 * t**3 - 3 * t**2 + 1) * knee + (t**3 - 2 * t**2 + t) * (1 - knee) + (3 * t**2 - 2 * t**3) * highest
    return _MOST * _pq_to_share(spline * peak)


@lru_cache(maxsize=1)
def _encoded() -> NDArray[np.uint8]:
    """Return the 8 bits for each root of a share of white: the inverse of a screen's gamma of 2.4 (BT.1886)."""
    return np.array([round(255 * (root / (_CODES - 1)) ** (2 / 2.4)) for root in range(_CODES)], np.uint8)
