"""Bytes of a file at any position, and searches in them, in bounded memory."""

import re
from collections.abc import Sequence
from typing import BinaryIO

_BLOCK = 1 << 20


class View:
    """Random access to the bytes of an open file; positions behind its end read as nothing.

    Args:
        file: to read.
        shifts: see `Structure.shifts`; what is known of the file from elsewhere.

    Attributes:
        size: of the file in bytes.
    """

    def __init__(self, file: BinaryIO, shifts: Sequence[tuple[int, int]] = ()) -> None:
        self._file = file
        self.shifts = shifts
        self.size = file.seek(0, 2)
        self._at = self.size

    def read(self, position: int, length: int) -> bytes:
        """Return up to `length` bytes from a position on."""
        if not 0 <= position < self.size or length <= 0:
            return b""
        if position != self._at:
            self._file.seek(position)
        content = self._file.read(min(length, self.size - position))
        self._at = position + len(content)
        return content

    def unsigned(self, position: int, length: int) -> int | None:
        """Return a big-endian number of up to 8 bytes; None where it is longer, or behind the end."""
        if length > 8:
            return None
        content = self.read(position, length)
        return int.from_bytes(content, "big") if len(content) == length else None

    def find(self, pattern: "re.Pattern[bytes]", position: int, longest: int) -> int:
        """Return where a pattern is found first, from a position on; the file's size if nowhere.

        Args:
            pattern: what to look for.
            position: where to begin.
            longest: bytes of the longest match.
        """
        while position < self.size:
            block = self.read(position, _BLOCK)
            if not block:
                break
            if match := pattern.search(block):
                return position + match.start()
            if position + len(block) >= self.size:
                break
            position += max(1, len(block) - longest + 1)
        return self.size
