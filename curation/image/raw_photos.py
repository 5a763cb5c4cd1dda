"""RAW files of cameras, developed with LibRaw where the package `rawpy` is installed.

It is an extra, for LibRaw comes under a licence of its own (LGPL or CDDL). The previews inside of such files are never
taken for the photograph.
"""

import re
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from PIL import Image

from curation.image.library_words import caught_words
from curation.image.undecodable import UndecodableImageError, UnsupportedImageError, require_pixels

PACKAGE = "rawpy"

_DAMAGE = re.compile(r": (Unexpected end of file|data corrupted at \d+)$")
"""The ends of the lines that LibRaw writes to standard error, and goes on."""

HEAD_BYTES = 16


def is_raw(head: bytes) -> bool:
    """Return whether a file is a RAW file by its first bytes; those of most cameras are TIFF files besides.

    Args:
        head: its first 16 bytes or more.
    """
    starts = (b"FUJIFILMCCD-RAW", b"IIRO", b"IIRS", b"MMOR", b"IIU\0", b"FOVb", b"\0MRM", b"II\x1a\0\0\0HEAPCCDR")
    return head.startswith(starts) or head[8:10] == b"CR" or head[4:12] == b"ftypcrx "


def is_installed() -> bool:
    """Return whether RAW files can be developed."""
    return find_spec(PACKAGE) is not None


def develop(path: Path, max_pixels: int) -> Image.Image:
    """Return the photograph of a RAW file, upright, mode `RGB`: as the camera balanced its white, in sRGB.

    Args:
        path: the file.
        max_pixels: an image with more is refused before it takes memory.

    Raises:
        UnsupportedImageError: LibRaw does not know the file, or not its camera.
        UndecodableImageError: it is too large, or LibRaw says that it is damaged.
        Exception: what rawpy raises else.
    """
    library: Any = import_module(PACKAGE)
    try:
        opened = library.imread(str(path))
    except library.LibRawFileUnsupportedError:
        raise UnsupportedImageError(
            "only a reduced picture of what the file holds can be read, and LibRaw does not know it: convert it to "
            "TIFF or PNG"
        ) from None
    with opened as raw, caught_words() as lines:
        require_pixels(raw.sizes.width, raw.sizes.height, max_pixels)
        try:
            picture = Image.fromarray(raw.postprocess(use_camera_wb=True, no_auto_bright=True, output_bps=8))
        except library.LibRawError as error:
            raise UndecodableImageError(f"damaged RAW file: {_text(error)}") from None
        if damage := [found[1] for line in lines() if (found := _DAMAGE.search(line))]:
            raise UndecodableImageError(f"damaged RAW file: {damage[0]}")
        return picture


def _text(error: Exception) -> str:
    """Return what an error of LibRaw says, which may be bytes."""
    words = error.args[0] if error.args else ""
    return words.decode(errors="replace") if isinstance(words, bytes) else str(words)
