"""Pictures for the documents: small JPEG files inlined as `data:` URIs."""

import base64
import io
from collections.abc import Callable, Mapping, Sequence

from PIL import Image

PictureReader = Callable[[Sequence[str]], Mapping[str, Image.Image]]
"""Returns the pictures of the samples with these filenames; names whose picture cannot be had are left out."""

_SIDE, _QUALITY = 240, 82
_SMALL_SIDE, _SMALL_QUALITY = 160, 72
_MANY = 120


def inline_pictures(filenames: Sequence[str], read: PictureReader) -> dict[str, str]:
    """Return a `data:` URI for each sample whose picture can be had.

    Many pictures are made smaller, so that the documents stay below a few megabytes.

    Args:
        filenames: names, in any order, also repeated.
        read: where the pictures come from.
    """
    wanted = sorted(set(filenames))
    if not wanted:
        return {}
    side, quality = (_SIDE, _QUALITY) if len(wanted) <= _MANY else (_SMALL_SIDE, _SMALL_QUALITY)
    return {name: data_uri(picture, side, quality) for name, picture in sorted(read(wanted).items())}


def data_uri(picture: Image.Image, side: int, quality: int) -> str:
    """Return a picture as a JPEG `data:` URI.

    Args:
        picture: of any mode and size.
        side: pixels of its longer side at most.
        quality: of the JPEG, 1 to 95.
    """
    small = picture.convert("RGB")
    small.thumbnail((side, side), Image.Resampling.LANCZOS, reducing_gap=3.0)
    buffer = io.BytesIO()
    small.save(buffer, format="JPEG", quality=quality, optimize=True)
    return as_data_uri(buffer.getvalue(), "image/jpeg")


def as_data_uri(content: bytes, media_type: str) -> str:
    """Return bytes as a `data:` URI."""
    return f"data:{media_type};base64,{base64.b64encode(content).decode()}"
