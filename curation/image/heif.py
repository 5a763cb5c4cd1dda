"""HEIC, the photos of iPhones, and other HEIF images, which Pillow reads where the package `pi-heif` is installed.

It is an extra, for its decoders come under a licence of their own (LGPL). The better known `pillow-heif` brings an
encoder under the GPL along, which is not needed here.
"""

from importlib import import_module
from importlib.util import find_spec

from PIL import Image

FORMAT = "HEIF"
"""Pillow's name for the format."""

PACKAGE = "pi-heif"
MISSING = f"HEIC and other HEIF images need the package {PACKAGE}: `pip install {PACKAGE}`, then `dvc repro -f clean`"

_MODULE = "pi_heif"
_BRANDS = frozenset([b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"mif2", b"msf1"])


def is_heif(head: bytes) -> bool:
    """Return whether a file is a HEIF image.

    Args:
        head: its first 12 bytes or more (ISO/IEC 23008-12, section 10).
    """
    return head[4:8] == b"ftyp" and head[8:12] in _BRANDS


def is_installed() -> bool:
    """Return whether HEIF images can be read; Pillow knows them then."""
    if FORMAT in Image.OPEN:
        return True
    if find_spec(_MODULE) is None:
        return False
    import_module(_MODULE).register_heif_opener()
    return FORMAT in Image.OPEN
