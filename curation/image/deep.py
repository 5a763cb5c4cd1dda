"""Images of more than 8 bits a channel as Pillow opens them, read with all of their bits.

Pillow keeps grey of more than 8 bits, but of colours only the upper eight. Of these a file is decoded twice: as it is,
and as if the bytes of each value stood in the other order, which gives the lower eight.
"""

import re
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from curation.image import tiff
from curation.image.undecodable import UnsupportedImageError
from curation.image.values import Values

_OTHER_ORDER = {"L": "B", "B": "L", "N": "B" if sys.byteorder == "little" else "L"}
"""The other order of bytes, by the letter that ends the name of a layout in Pillow: little, big, the machine's own."""

_GREY_AND_ALPHA = "LA;16B"

_SIGNED = re.compile(r"^([IF];\d+)B?([SF])$")
"""Layouts of grey that is signed or floating point, in either order of bytes."""

_IS_DEEP = re.compile(r".*;16[LBN]").fullmatch
"""Whether a layout is one of 16 bits a channel; without an order of bytes it is one of 16 bits a pixel."""


def is_deep(image: Image.Image) -> bool:
    """Return whether an image has more than 8 bits a channel; it must not be decoded yet."""
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        return True
    return any(map(_IS_DEEP, _layouts(image))) or tiff.is_deep(image)


def read_deep(image: Image.Image, reopened: Callable[[], Image.Image]) -> Values:
    """Decode an image of more than 8 bits a channel.

    Args:
        image: that `is_deep` is true of.
        reopened: opens it once more.

    Raises:
        UnsupportedImageError: its layout is none of those that can be read with all bits.
    """
    if len(image.getbands()) == 1:
        return _grey(image)
    if _layouts(image) == [_GREY_AND_ALPHA]:
        _lay_out(image, "RGBA")
        pixels = _joined(image, np.s_[..., 0], np.s_[..., 1])
        return Values(pixels, _joined(image, np.s_[..., 2], np.s_[..., 3]))
    return _colours(image, reopened)


def _grey(image: Image.Image) -> Values:
    if any(tile[0] == "libtiff" for tile in getattr(image, "tile", ())):
        # It has brought the bytes of each value in the machine's order, which Pillow knows of unsigned ones only.
        _lay_out(image, *(_SIGNED.sub(r"\1N\2", layout) for layout in _layouts(image)))
    image.load()
    pixels = np.array(image)  # a copy: the image may let go of its pixels
    if pixels.dtype.byteorder == ">":
        pixels = pixels.astype(pixels.dtype.newbyteorder("="))
    if image.format == "PPM" and pixels.dtype == np.int32:
        pixels = pixels.astype(np.uint16)
    if image.format == "TIFF":
        return tiff.grey_values(image, pixels)
    transparent = image.info.get("transparency")
    return Values(pixels, _opaque(pixels != transparent) if isinstance(transparent, int) else None)


def _colours(image: Image.Image, reopened: Callable[[], Image.Image]) -> Values:
    layouts = _layouts(image)
    bands = image.getbands()
    is_planar = layouts == list(bands)  # Pillow takes planes of 16 bits for planes of 8
    if is_planar:
        layouts = [f"{band};16{tiff.byte_order(image)}" for band in bands]
    if not all(";16" in layout for layout in layouts) or tiff.is_planar_and_compressed(image):
        raise UnsupportedImageError(tiff.words_for(tiff.tags_of(image)))
    is_premultiplied = layouts[0].startswith("RGBa")
    layouts = [layout.replace("RGBa", "RGBA") for layout in layouts]
    pixels = np.empty((image.height, image.width, len(bands)), dtype=np.uint16)
    other = reopened()
    for part, names in ((image, layouts), (other, [name[:-1] + _OTHER_ORDER[name[-1]] for name in layouts])):
        _lay_out(part, *names)
        part.load()
        pixels <<= 8
        pixels |= np.asarray(part)
    transparent = image.info.get("transparency")
    if isinstance(transparent, tuple):
        return Values(pixels, _opaque((pixels != np.array(transparent)).any(axis=2)))
    if image.mode != "RGBA":
        return Values(pixels)
    colours, alpha = np.ascontiguousarray(pixels[..., :3]), np.ascontiguousarray(pixels[..., 3])
    return Values(divided(colours, alpha) if is_premultiplied else colours, alpha)


def divided(pixels: NDArray[Any], alpha: NDArray[Any]) -> NDArray[Any]:
    """Return colours that were multiplied with their alpha as they were before, rounded.

    Args:
        pixels: (height, width, 3), unsigned.
        alpha: (height, width), of the same type.
    """
    most = np.iinfo(alpha.dtype).max
    shares = np.maximum(alpha, 1)[..., None].astype(np.uint64)
    whole: NDArray[Any] = np.minimum((pixels.astype(np.uint64) * most + shares // 2) // shares, most)
    return whole.astype(pixels.dtype)


def _layouts(image: Image.Image) -> list[str]:
    """Return how Pillow says that each part of an image's data is laid out; empty for formats that say nothing."""
    return [
        arguments if isinstance(arguments, str) else str(arguments[0]) if arguments else ""
        for *_, arguments in getattr(image, "tile", [])
    ]


def _lay_out(image: Image.Image, *layouts: str) -> None:
    """Let Pillow take an image's data for laid out otherwise."""
    image.tile = [  # type: ignore[attr-defined]
        tile._replace(args=layout if isinstance(tile.args, str) else (layout, *tile.args[1:]))
        for tile, layout in zip(image.tile, layouts, strict=True)  # type: ignore[attr-defined]
    ]


def _joined(image: Image.Image, high: Any, low: Any) -> NDArray[np.uint16]:
    """Return 16-bit values whose bytes are taken for bands of an image."""
    image.load()
    read = np.asarray(image)
    joined: NDArray[np.uint16] = read[high].astype(np.uint16) << 8 | read[low]
    return joined


def _opaque(is_visible: NDArray[np.bool_]) -> NDArray[np.uint16]:
    """Return the alpha channel of pixels that are to be seen or not."""
    return is_visible.astype(np.uint16) * np.uint16(65535)
