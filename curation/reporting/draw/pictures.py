"""Pictures for the documents: small JPEG files inlined as `data:` URIs."""

import base64
import io
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

PictureReader = Callable[[Sequence[str]], Mapping[str, Image.Image]]
"""Returns the pictures of the samples with these filenames; names without a picture are left out."""

_SIDE, _QUALITY = 240, 82
_SMALL_SIDE, _SMALL_QUALITY = 160, 72
_MANY = 120


def inline_pictures(filenames: Sequence[str], read: PictureReader) -> dict[str, str]:
    """Return a `data:` URI for each sample whose picture is available.

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


def in_a_row(pictures: Sequence[str], words: Sequence[str], colours: Sequence[str], font: Path) -> bytes:
    """Return pictures in a row, each with a line of words below it, as a PNG file.

    Args:
        pictures: `data:` URIs; empty where there is none.
        words: for each.
        colours: of the line between picture and words, for each.
        font: file of the font.
    """
    side, gap, foot = _SIDE, 12, 40
    sheet = Image.new("RGB", (len(pictures) * (side + gap) + gap, side + 2 * gap + foot), "white")
    draw = ImageDraw.Draw(sheet)
    small = ImageFont.truetype(font, 13)
    for column, (picture, word, colour) in enumerate(zip(pictures, words, colours, strict=True)):
        left = gap + column * (side + gap)
        draw.rectangle((left, gap, left + side - 1, gap + side - 1), fill="#f4f6f8")
        if picture:
            with Image.open(io.BytesIO(base64.b64decode(picture.partition(",")[2]))) as image:
                sheet.paste(image, (left + (side - image.width) // 2, gap + (side - image.height) // 2))
        draw.rectangle((left, gap + side, left + side - 1, gap + side + 3), fill=colour)
        draw.text((left, gap + side + 12), word, fill="#16191d", font=small)
    buffer = io.BytesIO()
    sheet.save(buffer, format="PNG")
    return buffer.getvalue()


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
