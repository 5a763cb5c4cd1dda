"""Headers of PES packets, in which transport and program streams carry video (ISO/IEC 13818-1, section 2.4.3.6)."""

from fractions import Fraction

PTS_UNIT = Fraction(1, 90_000)
PTS_WRAP = 1 << 33


def presentation_time(header: bytes) -> int | None:
    """Return the time stamp of a PES header.

    Args:
        header: its first 14 bytes at least.

    Returns:
        Units of 1 / 90,000 s; -1 if it states none; None if it is damaged.
    """
    if len(header) < 9 or header[6] >> 6 != 2:
        return None
    kind = header[7] >> 6
    if kind == 0:
        return -1
    stamp = header[9:14]
    markers_are_set = len(stamp) == 5 and stamp[0] & stamp[2] & stamp[4] & 1
    if kind == 1 or not markers_are_set or stamp[0] >> 4 != kind:
        return None
    return (stamp[0] >> 1 & 7) << 30 | stamp[1] << 22 | (stamp[2] >> 1) << 15 | stamp[3] << 7 | stamp[4] >> 1
