"""Places inside a video where decoding can begin and give the very pixels that decoding from the start gives.

A packet that a container marks as a key frame is not always such a place: with H.264 it may be the start of a gradual
refresh. So for H.264 and HEVC the packet itself is asked.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import av

_KEY_FRAMES_ARE_ENOUGH = frozenset(
    {"mpeg1video", "mpeg2video", "mpeg4", "msmpeg4v2", "msmpeg4v3", "wmv1", "wmv2", "flv1", "h263", "vp8", "vp9", "av1"}
    | {"ffv1"}
)
"""Codecs whose key frames reset all that later frames refer to (those before them in order of time excepted)."""

_SKIPPING_IS_EXACT = frozenset({"h264", "mpeg1video", "mpeg2video", "mpeg4"})
"""Codecs whose decoders can leave out frames that no other frame refers to, without any influence on the rest."""


@dataclass(frozen=True)
class RandomAccess:
    """A recogniser of the places of a stream where decoding can begin.

    Attributes:
        codec: FFmpeg's name of the format.
        is_intra_only: whether each packet holds all that its frame needs.
        length_size: bytes of the length in front of each NAL unit; 0 = start codes stand between them (Annex B).
    """

    codec: str
    is_intra_only: bool
    length_size: int

    @property
    def is_possible(self) -> bool:
        """Whether such places can be recognised at all."""
        return self.is_intra_only or self.codec in _KEY_FRAMES_ARE_ENOUGH or self.codec in ("h264", "hevc")

    @property
    def can_skip_frames(self) -> bool:
        """Whether the decoder may leave out frames on the way that no other frame refers to."""
        return self.codec in _SKIPPING_IS_EXACT

    def is_entry(self, packet: "av.Packet[av.VideoStream]") -> bool:
        """Return whether decoding can begin with a packet: its frame and all that are shown later come out right."""
        if not packet.is_keyframe:
            return False
        if self.codec not in ("h264", "hevc"):
            return self.is_possible
        return any(map(self._is_entry_unit, self._units(packet)))

    def has_parameters(self, packet: "av.Packet[av.VideoStream]") -> bool:
        """Return whether a packet brings the parameter sets that its frames are decoded with (H.264 and HEVC)."""
        kinds = {"h264": 7, "hevc": 33}
        return self.codec in kinds and any(_kind(unit, self.codec) == kinds[self.codec] for unit in self._units(packet))

    def begins_group(self, packet: "av.Packet[av.VideoStream]") -> bool:
        """Return whether a packet makes the decoder forget all before it (H.264): nothing after it refers to that.

        ITU-T H.264, 7.4.1.2.4: an IDR picture.
        """
        return packet.is_keyframe and any(_kind(unit, self.codec) == 5 for unit in self._units(packet))

    def refresh_frames(self, packet: "av.Packet[av.VideoStream]") -> int:
        """Return how many frames that others refer to a gradual refresh takes which begins here; 0 if none does."""
        if self.codec != "h264":
            return 0
        return max((_refresh_of(unit) for unit in self._units(packet) if _kind(unit, self.codec) == 6), default=0)

    def is_reference(self, packet: "av.Packet[av.VideoStream]") -> bool:
        """Return whether other frames may refer to that of a packet; known of H.264 only (7.4.1, `nal_ref_idc`)."""
        if self.codec != "h264":
            return True
        return any(unit[0] & 0x60 for unit in self._units(packet) if _kind(unit, self.codec) in (1, 2, 5))

    def parameters(self, packet: "av.Packet[av.VideoStream]") -> tuple[bytes, ...]:
        """Return the parameter sets that a packet brings along, in full (H.264)."""
        return tuple(unit for unit in self._whole_units(packet) if _kind(unit, self.codec) in _PARAMETER_SETS)

    def _is_entry_unit(self, unit: bytes) -> bool:
        """Return whether a NAL unit says that decoding can begin here."""
        kind = _kind(unit, self.codec)
        if self.codec == "hevc":
            return 16 <= kind <= 21  # ITU-T H.265, table 7-1: IRAP pictures
        return kind == 5 or (kind == 6 and _is_exact_recovery(unit))  # ITU-T H.264, table 7-1: IDR slice, SEI

    def _units(self, packet: "av.Packet[av.VideoStream]") -> Iterator[bytes]:
        """Yield the first bytes of each NAL unit of a packet, its header included."""
        return (unit[:_HEAD] for unit in self._whole_units(packet))

    def _whole_units(self, packet: "av.Packet[av.VideoStream]") -> Iterator[bytes]:
        """Yield each NAL unit of a packet, its header included."""
        content = bytes(packet)
        return _by_length(content, self.length_size) if self.length_size else _by_start_codes(content)


def _by_length(content: bytes, length_size: int) -> Iterator[bytes]:
    """Yield NAL units that have their length before them."""
    start = length_size
    while start < len(content):
        stop = start + int.from_bytes(content[start - length_size : start], "big")
        if stop > start:
            yield content[start:stop]
        start = stop + length_size


def _by_start_codes(content: bytes) -> Iterator[bytes]:
    """Yield NAL units that have start codes between them."""
    _, *units = content.split(_START_CODE)
    yield from filter(None, units)


_START_CODE = b"\0\0\1"

_PARAMETER_SETS = frozenset({7, 8, 13, 15})
"""Types of NAL units: sequence and picture parameter sets, with their extensions (ITU-T H.264, table 7-1)."""

_HEAD = 64
"""Bytes of a NAL unit to look at."""


def random_access(context: av.VideoCodecContext) -> RandomAccess:
    """Return how to recognise the places of a stream where decoding can begin."""
    extra = context.extradata or b""
    length_size = 0
    codec = context.codec.canonical_name
    if codec in ("h264", "hevc") and len(extra) > 22 and not extra.startswith((b"\0\0\1", b"\0\0\0\1")):
        length_size = (extra[4 if codec == "h264" else 21] & 3) + 1  # ISO/IEC 14496-15, 5.3.3.1.2 and 8.3.3.1.2
    return RandomAccess(codec, bool(context.codec.intra_only), length_size)


def _kind(unit: bytes, codec: str) -> int:
    """Return the type of a NAL unit."""
    return unit[0] & 31 if codec == "h264" else unit[0] >> 1 & 63


def _is_exact_recovery(unit: bytes) -> bool:
    """Return whether supplemental information says that all is exact from this picture on (ITU-T H.264, D.1.8)."""
    # recovery_frame_cnt = 0 is the bit 1; exact_match_flag; broken_link_flag
    content = _recovery_point(unit)
    return bool(content) and content[0] & 0b1110_0000 == 0b1100_0000


def _refresh_of(unit: bytes) -> int:
    """Return how many frames the recovery takes of which supplemental information tells (ITU-T H.264, D.1.8)."""
    bits = "".join(f"{byte:08b}" for byte in _recovery_point(unit)[:5])
    zeros = len(bits) - len(bits.lstrip("0"))
    return int(bits[zeros : 2 * zeros + 1] or "1", 2) - 1 if len(bits) > 2 * zeros else 0


def _recovery_point(unit: bytes) -> bytes:
    """Return what supplemental information says of a recovery point; nothing where it does not (ITU-T H.264, D.1.8)."""
    place = 1
    while place + 2 < len(unit):
        kind, place = _extended(unit, place)
        size, place = _extended(unit, place)
        if kind == 6:
            return unit[place:]
        place += size
    return b""


def _extended(unit: bytes, place: int) -> tuple[int, int]:
    """Read a number that is written as a sum of bytes, the last of which is not 255; return it and what follows."""
    number = 0
    while place < len(unit) and unit[place] == 255:
        number, place = number + 255, place + 1
    return (number + unit[place], place + 1) if place < len(unit) else (number, place)
