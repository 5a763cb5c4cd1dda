"""The frames of animated PNG files, and damage in them.

Each chunk has a checksum; Pillow passes over those of pixels.
"""

import zlib
from pathlib import Path
from typing import BinaryIO, NamedTuple

_SIGNATURE_BYTES, _HEADER_BYTES, _CHECKSUM_BYTES = 8, 8, 4
_READ_AT_ONCE = 2**20


class PngFrames(NamedTuple):
    """The frames of a file; a picture that is not part of the animation counts as the first one.

    Attributes:
        sound: how many come before any damage.
        found: how many there are as far as the chunks can be followed, one that is cut off among them.
    """

    sound: int
    found: int


def png_frames(path: Path) -> PngFrames:
    """Read the chunks of a PNG file.

    Args:
        path: the file.
    """
    found, sound, has_pixels = 0, None, False
    with path.open("rb") as file:
        file.seek(_SIGNATURE_BYTES)
        while True:
            head = file.read(_HEADER_BYTES)
            kind = head[4:]
            if len(head) < _HEADER_BYTES:
                whole = found if has_pixels else max(0, found - 1)
                return PngFrames(whole if sound is None else sound, found)
            if kind == b"fcTL" or (kind == b"IDAT" and not found):
                found, has_pixels = found + 1, False
            if not _is_sound(file, kind, int.from_bytes(head[:4], "big")) and sound is None:
                sound = max(0, found - 1)
            has_pixels |= kind in (b"IDAT", b"fdAT")
            if kind == b"IEND":
                return PngFrames(found if sound is None else sound, found)


def _is_sound(file: BinaryIO, kind: bytes, length: int) -> bool:
    """Read the rest of a chunk; return whether its checksum is right."""
    checksum = zlib.crc32(kind)
    while length > 0:
        part = file.read(min(length, _READ_AT_ONCE))
        if not part:
            return False
        checksum, length = zlib.crc32(part, checksum), length - len(part)
    return file.read(_CHECKSUM_BYTES) == checksum.to_bytes(_CHECKSUM_BYTES, "big")
