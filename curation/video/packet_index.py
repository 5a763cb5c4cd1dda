"""The index of a video's undecoded packets: its frames, when they are shown, and where decoding can begin.

Reading the packets of a video takes about a hundredth of the time of decoding it. In a sound file they tell every
frame's index: frames come out of the decoder in the order of their time stamps.
"""

from array import array
from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from curation.video.evidence import Tally
from curation.video.opening import number_in_file
from curation.video.packets import is_in_order_of_decoding, is_shown, read_packets
from curation.video.random_access import random_access
from curation.video.reader import open_stream
from curation.video.structure.examine import examine

_SMALLEST = 9
"""Bytes of a packet below which an MPEG-4 packet may stand for no frame of its own (a VOP that is not coded)."""

NO_TIME = np.iinfo(np.int64).min
"""Stands for a decoding time that a packet does not have."""


_PACKETS_A_SIGN = 256
"""Packets from one sign of life to the next."""

Passed = Callable[[int], object]
"""Takes the number of frames that lie behind; 0 says that work goes on."""


def silently(frames: int) -> None:
    """Tell nobody how many frames lie behind."""


class UnsureError(Exception):
    """The packets of a video don't say surely which frames there are, or decoding from inside does not give them."""


@dataclass(frozen=True)
class PacketIndex:
    """The packets of a video stream, in the order in which they are stored.

    Attributes:
        pts: (packets,) int64, time stamps in units of `time_base`.
        dts: (packets,) int64, decoding times, or `NO_TIME`.
        sizes: (packets,) int64, bytes.
        places: (packets,) int64, bytes of the file before a packet; -1 where that is unknown.
        is_shown: (packets,) bool, whether a packet holds a frame that is to be seen.
        order: (frames,) int64, position of each frame's packet, in the order in which the frames are shown.
        entries: (entries,) int64, positions of packets at which decoding can begin, ascending.
        time_base: seconds a unit of time stamps.
    """

    pts: NDArray[np.int64]
    dts: NDArray[np.int64]
    sizes: NDArray[np.int64]
    places: NDArray[np.int64]
    is_shown: NDArray[np.bool_]
    order: NDArray[np.int64]
    entries: NDArray[np.int64]
    time_base: Fraction

    @property
    def frames(self) -> int:
        """The number of frames of the video."""
        return len(self.order)

    def seconds(self, frame: int) -> Fraction:
        """Return when a frame is shown, from the first frame."""
        return int(self.pts[self.order[frame]] - self.pts[self.order[0]]) * self.time_base


def index_packets(path: Path, *, max_pixels: int, passed: Passed = silently) -> PacketIndex:
    """Read the packets of a video.

    Args:
        path: the file.
        max_pixels: a video with larger frames is refused.
        passed: takes a 0 now and then.

    Raises:
        NoVideoError: it cannot be opened, there is no video in it, or its frames are too large.
        UnsureError: there are signs of damage, packets without a time stamp or with the same one, frames that are shown
            before the first packet's, or the format is one of which decoding cannot begin inside.
    """
    tally = Tally()
    numbers = array("q")
    shown: list[bool] = []
    entries: list[int] = []
    with open_stream(path, max_pixels=max_pixels, threads=1, tally=tally) as (container, stream):
        access = random_access(stream.codec_context)
        if not access.is_possible or stream.time_base is None:
            raise UnsureError(f"no place inside is known where decoding of {access.codec} can begin")
        if is_in_order_of_decoding(container, stream) and stream.codec_context.has_b_frames:
            raise UnsureError("packets don't tell when their frames are shown")
        brings_parameters = False
        for packet in read_packets(container, stream, tally):
            if packet is None:
                break
            if len(shown) % _PACKETS_A_SIGN == 0:
                passed(0)
            if access.codec == "mpeg4" and packet.size < _SMALLEST:
                raise UnsureError("packets that may hold no frame")
            if packet.pts is None:
                raise UnsureError("packets without a time stamp")
            if access.is_entry(packet):
                # A stream that brings its parameter sets along could change them in a part that is passed over.
                brings_parameters = brings_parameters or (not shown and access.has_parameters(packet))
                if not brings_parameters or access.has_parameters(packet):
                    entries.append(len(shown))
            dts = NO_TIME if packet.dts is None else packet.dts
            numbers.extend((packet.pts, dts, packet.size, -1 if packet.pos is None else packet.pos))
            shown.append(is_shown(packet, stream))
        time_base = stream.time_base
        number = number_in_file(container, stream)
        tally.structure = examine(path, container.format.name, number, tally.shifts)
    pts, dts_, sizes, places = np.frombuffer(numbers, np.int64).reshape(-1, 4).T
    positions = np.flatnonzero(shown).astype(np.int64)
    order = positions[np.argsort(pts[positions], kind="stable")]
    index = PacketIndex(pts, dts_, sizes, places, np.array(shown, bool), order, np.array(entries, np.int64), time_base)
    _require_sound(index, tally)
    return index


def _require_sound(index: PacketIndex, tally: Tally) -> None:
    """Make sure that the packets tell every frame's index."""
    shown = index.pts[index.order]
    if not len(shown) or not len(index.entries) or index.entries[0] != 0 or index.pts.min() < index.pts[0]:
        raise UnsureError("no frame, or frames shown before the first packet's")
    if (np.diff(shown) == 0).any():
        raise UnsureError("frames with the same time stamp")
    whole = replace(tally, decoded=tally.shown_packets, frame_pts=array("q", shown.tolist()))
    is_broken = tally.structure is not None and tally.structure.fault
    if tally.shows_damage or tally.damage_pts or is_broken or whole.missing():
        raise UnsureError("signs of damage")
