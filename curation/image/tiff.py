"""TIFF files: which of their pictures is meant, what their values mean, and those that Pillow cannot read.

Tags: TIFF 6.0; DNG 1.7; GDAL for `GDAL_NODATA`. What Pillow cannot read is read with tifffile, where that is installed.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.TiffImagePlugin import ImageFileDirectory_v2

from curation.image.library_words import caught_words
from curation.image.undecodable import UndecodableImageError, UnsupportedImageError
from curation.image.values import Values

STARTS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
PACKAGES = "tifffile imagecodecs"

_SUBFILE_TYPE, _OLD_SUBFILE_TYPE, _WIDTH, _HEIGHT, _BITS, _COMPRESSION = 254, 255, 256, 257, 258, 259
_PHOTOMETRIC, _SAMPLES, _PLANAR, _COLOUR_MAP, _SAMPLE_FORMAT = 262, 277, 284, 320, 339
GDAL_NODATA, _DNG_VERSION = 42113, 50706

_MASK = 4
"""Of the subfile type, what says that a picture tells which pixels of another count."""

_MIN_IS_WHITE = 0
_OF_SENSORS = (32803, 34892)
"""Photometric interpretations of what a camera's sensor recorded."""

_COLOURS = {2: "RGB", 5: "ink", 6: "YCbCr", 8: "Lab", 9: "Lab", 10: "Lab", **dict.fromkeys(_OF_SENSORS, "sensor")}
_TYPES = {1: "", 2: "signed ", 3: "floating point ", 5: "complex ", 6: "complex "}
_LACKING_CODECS = {
    **{34712: "JPEG 2000", 33003: "JPEG 2000", 33005: "JPEG 2000", 34887: "LERC", 50001: "WebP", 50002: "JPEG XL"},
    **{34925: "LZMA", 50000: "Zstandard", 52546: "JPEG XL", 34933: "PNG", 34934: "JPEG XR", 22610: "JPEG XR"},
}
"""Compressions that not every libtiff has."""

_NEVER_THERE = (50001,)
"""Of these, those that Pillow's own libtiff is built without."""

_MOST_PICTURES = 1000
"""Pictures of a TIFF file that are looked at for a whole one."""

_LINE_OF_LIBTIFF = re.compile(r"(tempfile\.tif: )?(?P<words>(?(1)|_?[A-Z]\w*: ).+)")
"""An error: of the file, or of one of libtiff's functions. Other threads may write to standard error, too."""

_BITS_THERE_ARE = (1, 2, 4, 6, 8, 10, 12, 14, 16, 24, 32, 64)


def is_deep(image: Image.Image) -> bool:
    """Return whether an image is of a TIFF file whose values 8 unsigned bits do not hold."""
    tags = tags_of(image)
    return bool(tags) and (max(_numbers(tags, _BITS, 1)) > 8 or 2 in _numbers(tags, _SAMPLE_FORMAT, 1))


def tags_of(image: Image.Image) -> Mapping[int, Any]:
    """Return the tags of a picture of a TIFF file; nothing for other files."""
    tags: Mapping[int, Any] = getattr(image, "tag_v2", {}) if image.format == "TIFF" else {}
    return tags


def at_whole_picture(image: Image.Image) -> Image.Image:
    """Turn to the first picture of a TIFF file that is not a reduced one of another.

    Args:
        image: of the file, just opened.

    Raises:
        UnsupportedImageError: the file has none, as RAW files of cameras.
    """
    tags = tags_of(image)
    require_no_raw_photo(tags)
    if not is_reduced(tags):
        return image
    with suppress(EOFError):
        for number in range(1, _MOST_PICTURES):
            image.seek(number)
            if not is_reduced(tags_of(image)):
                return image
    raise RawPhotoError


class RawPhotoError(UnsupportedImageError):
    """The picture that is meant is none that a TIFF reader finds: what the file shows first is a small preview."""

    def __init__(self) -> None:
        super().__init__(
            "only a reduced picture of what the file holds can be read, as in the RAW files of cameras: convert it to "
            "TIFF or PNG, or `pip install rawpy`, then `dvc repro -f clean`"
        )


def require_no_raw_photo(tags: Mapping[int, Any]) -> None:
    """Make sure that a TIFF file is not the RAW file of a camera.

    Raises:
        RawPhotoError: it is, by the tags of its first picture.
    """
    if _DNG_VERSION in tags or _numbers(tags, _PHOTOMETRIC, 1)[0] in _OF_SENSORS:
        raise RawPhotoError


def is_reduced(tags: Mapping[int, Any]) -> bool:
    """Return whether the tags are those of a reduced picture of another."""
    return bool(_numbers(tags, _SUBFILE_TYPE, 0)[0] & 1) or _numbers(tags, _OLD_SUBFILE_TYPE, 1)[0] == 2


def grey_values(image: Image.Image, pixels: NDArray[Any]) -> Values:
    """Return the grey values of a TIFF file as their tags mean them.

    Args:
        image: of the file.
        pixels: (height, width), as Pillow gave them.
    """
    tags = tags_of(image)
    bits, sample_format = _numbers(tags, _BITS, 1)[0], _numbers(tags, _SAMPLE_FORMAT, 1)[0]
    if bits == 8 and sample_format == 2:
        pixels = pixels.view(np.int8)
    elif bits == 16 and sample_format == 2:
        pixels = pixels.astype(np.int16)
    elif bits == 32 and sample_format == 1:
        pixels = pixels.view(np.uint32)
    is_inverted = _numbers(tags, _PHOTOMETRIC, 1)[0] == _MIN_IS_WHITE and bits > 8
    return Values(pixels, None, nodata_of(tags.get(GDAL_NODATA)), is_inverted)


def mend_palette(image: Image.Image) -> None:
    """Set a palette right whose writer put 8 bits in the place of 16, as libtiff does: else all is black.

    Args:
        image: that is decoded.
    """
    colours = _numbers(tags_of(image), _COLOUR_MAP, 0)
    if image.mode == "P" and len(colours) % 3 == 0 and 0 < max(colours) < 256:
        image.putpalette(np.array(colours, np.uint8).reshape(3, -1).T.tobytes())


def nodata_of(text: Any) -> float | None:
    """Return the number that GDAL wrote for what stands for no data; None where it is none."""
    with suppress(ValueError, TypeError):
        return float(str(text).strip("\0 "))
    return None


def byte_order(image: Image.Image) -> str:
    """Return `L` for a TIFF file whose values have the least significant byte first, `B` for others."""
    return "L" if image.tag_v2.prefix == b"II" else "B"  # type: ignore[attr-defined]


def is_planar_and_compressed(image: Image.Image) -> bool:
    """Return whether a TIFF file has each colour by itself, compressed: Pillow then reads their upper bytes alone."""
    tags = tags_of(image)
    return _numbers(tags, _PLANAR, 1)[0] == 2 and _numbers(tags, _COMPRESSION, 1)[0] != 1


@contextmanager
def told_in_full(image: Image.Image) -> Iterator[None]:
    """Let decoding a TIFF file fail on all that libtiff calls an error, and with its words.

    Of damaged facsimiles, for one, Pillow takes no notice, while libtiff names each line that it cannot read.
    """
    if not any(tile[0] == "libtiff" for tile in getattr(image, "tile", ())):
        yield
        return
    with caught_words() as lines:
        try:
            yield
        except UndecodableImageError as error:
            words = _words_of_libtiff(lines())
            if words and type(error) is UndecodableImageError:
                raise UndecodableImageError(f"{error}: {words}", error.limit) from None
            raise
        if words := _words_of_libtiff(lines()):
            raise UndecodableImageError(f"damaged TIFF file: {words}")


def _words_of_libtiff(lines: Sequence[str]) -> str:
    """Return the first line of libtiff's, without the name that Pillow gives every file; empty if there is none."""
    words = [found["words"].rstrip(".") for line in lines if (found := _LINE_OF_LIBTIFF.fullmatch(line))]
    more = f" (and {len(words) - 1} more)" if len(words) > 1 else ""
    return f"{words[0]}{more}" if words else ""


@contextmanager
def unsupported(image: Image.Image) -> Iterator[None]:
    """Let an error of decoding a TIFF file tell whether it is Pillow that lacks something, as far as can be known."""
    try:
        with told_in_full(image):
            yield
    except UnsupportedImageError:
        raise
    except UndecodableImageError as error:
        tags = tags_of(image)
        lacks_codec = bool(tags) and _numbers(tags, _COMPRESSION, 1)[0] in _NEVER_THERE
        if tags and (lacks_codec or "unknown raw mode" in str(error)):
            raise UnsupportedImageError(words_for(tags)) from None
        raise


def first_tags(path: Path) -> Mapping[int, Any]:
    """Return the tags of a TIFF file's first picture, as far as they make sense; else nothing."""
    try:
        found = next(_directories(path))
    except Exception:  # damaged in any way
        return {}
    return found if makes_sense(found) else {}


def pages_in(path: Path) -> list[int]:
    """Return the places of the pictures of a TIFF file that are neither reduced ones of others nor masks.

    Where the list of pictures breaks off, the place of one more.

    Args:
        path: the file.
    """
    places: list[int] = []
    number = 0
    try:
        for number, tags in enumerate(_directories(path), 1):
            if not (is_reduced(tags) or (places and _numbers(tags, _SUBFILE_TYPE, 0)[0] & _MASK)):
                places.append(number - 1)
    except MemoryError:
        raise
    except Exception:  # damaged in any way
        places.append(number)
    return places


def _directories(path: Path) -> Iterator[dict[int, Any]]:
    """Yield the tags of each picture of a TIFF file, up to one that came before."""
    with path.open("rb") as file:
        head = file.read(8)
        head += file.read(8) if head[2:3] == b"+" or head[3:4] == b"+" else b""
        tags = ImageFileDirectory_v2(head)
        seen: set[int] = set()
        while tags.next and tags.next not in seen:
            seen.add(tags.next)
            file.seek(tags.next)
            tags.load(file)
            yield dict(tags.items())


def makes_sense(tags: Mapping[int, Any]) -> bool:
    """Return whether the tags of a picture may be those of a sound one."""
    sides = [_numbers(tags, tag, 0)[0] for tag in (_WIDTH, _HEIGHT)]
    return min(sides) > 0 and all(bits in _BITS_THERE_ARE for bits in _numbers(tags, _BITS, 1))


def words_for(tags: Mapping[int, Any]) -> str:
    """Say of a TIFF file that Pillow cannot read what it holds, by its tags, and what to do."""
    samples, bits = _numbers(tags, _SAMPLES, 1)[0], max(_numbers(tags, _BITS, 1))
    kind = _TYPES.get(_numbers(tags, _SAMPLE_FORMAT, 1)[0], "")
    colours = _COLOURS.get(_numbers(tags, _PHOTOMETRIC, 1)[0], "")
    bands = "1 band" if samples == 1 else f"{samples} {colours + ' ' if colours else ''}bands"
    codec = _LACKING_CODECS.get(_numbers(tags, _COMPRESSION, 1)[0])
    layout = ", one after the other" if samples > 1 and _numbers(tags, _PLANAR, 1)[0] == 2 else ""
    compressed = f", compressed by {codec}" if codec else ""
    otherwise = "" if is_read_otherwise() else f", or `pip install {PACKAGES}`, then `dvc repro -f clean`"
    return (
        f"TIFF of {bands} of {bits} {kind}bits{layout}{compressed}, which is not read as it is meant: convert it to "
        f"grey or RGB of 8 or 16 bits{otherwise}"
    )


def is_read_otherwise() -> bool:
    """Return whether what Pillow cannot read is read with another library."""
    return find_spec("tifffile") is not None


def _numbers(tags: Mapping[int, Any], tag: int, default: int) -> tuple[int, ...]:
    """Return a tag's whole numbers."""
    found = tags.get(tag, default)
    try:
        values = tuple(int(value) for value in found) if isinstance(found, tuple) else (int(found),)
    except (TypeError, ValueError, OverflowError):
        return (default,)
    return values or (default,)
