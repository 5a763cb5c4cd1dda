"""MPEG-1 and MPEG-2 video: the numbers that pictures carry (ISO/IEC 13818-2, sections 6.2.2.6, 6.2.3 and 6.3.9)."""

_PICTURE, _GROUP = b"\x00\x00\x01\x00", b"\x00\x00\x01\xb8"
_NUMBERS = 1024
_EXTENSION = b"\x00\x00\x01\xb5"
_CODING_EXTENSION, _FRAME = 8, 3


class PictureNumbers:
    """Finds pictures that are missing among others by their temporal references.

    Within a group, pictures are numbered in the order in which they are shown. The first and the last ones may be
    missing on purpose, where a stream was cut; those in between may not.
    """

    def __init__(self) -> None:
        self._seen: set[int] = set()
        self._last = -1
        self._fields = 0
        self._missing = 0
        self._has_repeats = False

    @property
    def frames(self) -> int:
        """Number of frames that the pictures make."""
        return self._fields // 2

    @property
    def shows_damage(self) -> bool:
        """Whether pictures are missing, or a group has a number twice, so that the header of the next one is missing.

        Two pictures after one another with the same number are the fields of one frame.
        """
        return self._has_repeats or self.missing > 0

    @property
    def missing(self) -> int:
        """Number of pictures that are missing so far."""
        return self._missing + self._missing_here()

    def read(self, packet: bytes) -> None:
        """Note the pictures in a packet."""
        at = packet.find(_PICTURE)
        if _GROUP in packet[: at if at >= 0 else None] or len(self._seen) >= _NUMBERS // 2:
            self._missing += self._missing_here()
            self._seen = set()
        while 0 <= at < len(packet) - 5:
            number = packet[at + 4] << 2 | packet[at + 5] >> 6
            self._has_repeats |= number in self._seen and number != self._last
            self._seen.add(number)
            self._last = number
            self._fields += 2 if _is_frame(packet, at) else 1
            at = packet.find(_PICTURE, at + 4)

    def _missing_here(self) -> int:
        if not self._seen:
            return 0
        span = max(self._seen) - min(self._seen) + 1
        return span - len(self._seen) if span < _NUMBERS // 2 else 0


def _is_frame(packet: bytes, picture: int) -> bool:
    """Return whether the picture that begins at a place is a whole frame, and not a field of one (section 6.2.3.1)."""
    at = packet.find(_EXTENSION, picture, picture + 64)
    if at < 0 or len(packet) < at + 7 or packet[at + 4] >> 4 != _CODING_EXTENSION:
        return True
    return packet[at + 6] & 3 == _FRAME
