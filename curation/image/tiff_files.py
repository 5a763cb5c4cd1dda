"""TIFF files that Pillow cannot read, where the packages `tifffile` and `imagecodecs` are installed.

They are an extra: few need them, and imagecodecs brings dozens of codecs along.
"""

from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from curation.image import tiff
from curation.image.deep import divided
from curation.image.undecodable import UnsupportedImageError, require_pixels
from curation.image.values import Values

_MIN_IS_WHITE, _MIN_IS_BLACK, _RGB, _YCBCR = 0, 1, 2, 6
_ASSOCIATED, _UNASSOCIATED = 1, 2
_ORIENTATION = 274


class ReadTiff(NamedTuple):
    """A picture of a TIFF file.

    Attributes:
        picture: as stored.
        orientation: of EXIF, 1 to 8.
        pictures: how many whole ones the file has.
    """

    picture: Image.Image | Values
    orientation: int
    pictures: int


def read(path: Path, max_pixels: int, refusal: UnsupportedImageError) -> ReadTiff:
    """Read the first whole picture of a TIFF file.

    Args:
        path: the file.
        max_pixels: an image with more is refused before it takes memory.
        refusal: what to raise where the picture cannot be shown.

    Raises:
        UnsupportedImageError: it cannot be told which of its bands make the picture.
        UndecodableImageError: it is too large.
    """
    with import_module("tifffile").TiffFile(path) as file:
        whole = [page for page in file.pages if not tiff.is_reduced(_tags_of(page))]
        if not whole:
            raise refusal
        page = whole[0]
        require_pixels(page.imagewidth, page.imagelength, max_pixels)
        photometric = int(page.photometric)
        if page.imagedepth != 1 or photometric not in (_MIN_IS_WHITE, _MIN_IS_BLACK, _RGB, _YCBCR):
            raise refusal
        pixels = np.asarray(page.asarray(maxworkers=1))
        tags = _tags_of(page)
        if page.samplesperpixel > 1 and int(page.planarconfig) == 2:
            pixels = np.moveaxis(pixels, 0, -1)
        extra = tuple(int(sample) for sample in page.extrasamples)
    pixels = np.ascontiguousarray(pixels.reshape(page.imagelength, page.imagewidth, -1))
    if pixels.dtype == np.float16:
        pixels = pixels.astype(np.float32)
    nodata = tiff.nodata_of(tags.get(tiff.GDAL_NODATA))
    bands = 1 if photometric in (_MIN_IS_WHITE, _MIN_IS_BLACK) else 3
    has_alpha = extra[:1] in ((_ASSOCIATED,), (_UNASSOCIATED,)) and pixels.shape[2] > bands
    if pixels.dtype.kind not in "uif" or (bands == 1 and pixels.shape[2] > 1 + has_alpha) or pixels.shape[2] < bands:
        raise refusal
    picture = _picture(pixels, bands, extra[0] if has_alpha else 0, nodata, is_inverted=photometric == _MIN_IS_WHITE)
    orientation = tags.get(_ORIENTATION, 1)
    return ReadTiff(picture, int(orientation), len(whole))


def _tags_of(page: Any) -> dict[int, Any]:
    return {tag.code: tag.value for tag in page.tags}


def _picture(
    pixels: NDArray[Any], bands: int, alpha_kind: int, nodata: float | None, *, is_inverted: bool
) -> Image.Image | Values:
    """Return a picture of some bands, of which the one after the colours is the alpha channel."""
    colours = np.ascontiguousarray(pixels[..., 0] if bands == 1 else pixels[..., :bands])
    alpha = np.ascontiguousarray(pixels[..., bands]) if alpha_kind else None
    if alpha is not None and pixels.dtype.kind != "u":
        alpha = (np.nan_to_num(alpha.astype(np.float64)).clip(0, 1) * 65535 + 0.5).astype(np.uint16)
    elif alpha is not None and alpha_kind == _ASSOCIATED:
        colours = divided(colours if bands > 1 else colours[..., None], alpha).reshape(colours.shape)
    if pixels.dtype != np.uint8:
        return Values(colours, alpha, nodata, is_inverted)
    image = Image.fromarray(255 - colours if is_inverted else colours)
    if alpha is not None:
        image.putalpha(Image.fromarray(alpha))
        return image.convert("RGBA")
    return image.convert("RGB")
