"""Damage in PNG files of several frames, by the checksum that each chunk has: Pillow passes over those of pixels."""

import zlib
from pathlib import Path
from typing import BinaryIO

_SIGNATURE_BYTES, _HEADER_BYTES, _CHECKSUM_BYTES = 8, 8, 4
_READ_AT_ONCE = 2**20


def first_damaged_frame(path: Path) -> int | None:
    """Return the first frame with a chunk that is damaged or cut off; None if all are sound.

    The default picture counts as a frame.

    Args:
        path: of a PNG file.
    """
    frame, has_pixels = -1, False
    with path.open("rb") as file:
        file.seek(_SIGNATURE_BYTES)
        while True:
            head = file.read(_HEADER_BYTES)
            kind = head[4:]
            if kind == b"IEND":
                return None
            if kind == b"fcTL" or (kind == b"IDAT" and frame < 0):
                # A picture before the first control chunk is a frame of its own.
                frame, has_pixels = frame + 1, False
            if kind in (b"IDAT", b"fdAT"):
                has_pixels = True
            if len(head) < _HEADER_BYTES:
                # What is cut off between two frames belongs to the next one.
                return max(0, frame + has_pixels)
            if not _is_sound(file, kind, int.from_bytes(head[:4], "big")):
                return max(0, frame)


def _is_sound(file: BinaryIO, kind: bytes, length: int) -> bool:
    """Read the rest of a chunk; return whether its checksum is right."""
    checksum = zlib.crc32(kind)
    while length > 0:
        part = file.read(min(length, _READ_AT_ONCE))
        if not part:
            return False
        checksum, length = zlib.crc32(part, checksum), length - len(part)
    return file.read(_CHECKSUM_BYTES) == checksum.to_bytes(_CHECKSUM_BYTES, "big")
