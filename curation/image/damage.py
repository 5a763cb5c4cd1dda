"""Damage in the files of images that Pillow passes over, where the format lets one know.

PNG has checksums, which decoding checks; GIF, WebP, AVIF and uncompressed files have none, so that pixels which others
were written over cannot be told from any others.
"""

import mmap
from pathlib import Path

from PIL import Image, TiffImagePlugin

from curation.image.findings import SOUND, Findings
from curation.image.jpeg_damage import findings_of
from curation.image.tiff_damage import findings_of_tiff


def findings_in(opened: Image.Image, data: bytes, path: Path, *, is_strictly_sound: bool) -> Findings:
    """Look for damage in a file that Pillow has opened.

    Args:
        opened: the image.
        data: its file if that is a JPEG file, and not too large to be read as a whole; else empty.
        path: of the file.
        is_strictly_sound: whether libjpeg-turbo has decoded it without a warning.
    """
    if isinstance(opened, TiffImagePlugin.TiffImageFile):
        return findings_of_tiff(opened, path)
    if opened.format not in ("JPEG", "MPO"):
        return SOUND
    has_inks = opened.mode == "CMYK"
    if data:
        return findings_of(data, opened.size, has_inks=has_inks, is_strictly_sound=is_strictly_sound)
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return findings_of(content, opened.size, has_inks=has_inks, is_strictly_sound=False)
