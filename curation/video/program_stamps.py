"""Time stamps of program streams, given to the frames that they are meant for.

A PES packet's time stamp belongs to the first frame that begins in it (ISO/IEC 13818-1, 2.4.3.7). FFmpeg gives it to
the first frame that it recognises there. Where the headers of a frame begin at the end of one PES packet and go on in
the next, that is another one, shown up to several frames earlier or later; and what FFmpeg makes of MPEG-1, MPEG-2 and
MPEG-4 frames that have no time stamp follows from there. Which frames are hit depends on the sizes of all before.
"""

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from curation.video.opening import NoVideoError, open_video, video_stream
from curation.video.structure.mpegps import StampedParts, stamped_parts
from curation.video.structure.pes import PTS_WRAP
from curation.video.structure.view import View

_PICTURE_STARTS = {"mpeg1video": b"\0\0\1\0", "mpeg2video": b"\0\0\1\0", "mpeg4": b"\0\0\1\xb6"}
"""The start code of a picture, after headers that may stand before it. Writers differ on which of the two counts."""


def own_stamps(path: Path) -> Mapping[int, int] | None:
    """Return which packets have a time stamp of their own, if FFmpeg gave any of the file's to another one.

    Args:
        path: a program stream.

    Returns:
        Time stamps by the number of the video's packet that holds data, in units of 1 / 90,000 s modulo `PTS_WRAP`;
        None where FFmpeg's are right, or the file is damaged.
    """
    try:
        state = path.stat()
        return _own_stamps(path, state.st_size, state.st_mtime_ns)
    except OSError:
        return None


@lru_cache(maxsize=1)
def _own_stamps(path: Path, size: int, changed: int) -> Mapping[int, int] | None:
    """Read all packets of a file; see `own_stamps`. It is asked several times in a row for the same file."""
    try:
        with open_video(path) as container, path.open("rb", buffering=4096) as file:
            stream = video_stream(container, path)
            parts = stamped_parts(View(file), stream.id)
            mark = _PICTURE_STARTS.get(stream.codec_context.codec.canonical_name, b"")
            packets = [
                (packet.size, max(0, bytes(packet).find(mark)), -1 if packet.pts is None else packet.pts % PTS_WRAP)
                for packet in container.demux(stream)
                if packet.size
            ]
    except (NoVideoError, av.error.FFmpegError, IndexError):
        return None
    if parts is None or not packets:
        return None
    sizes, marks, stamps = np.array(packets, np.int64).T
    return _corrected(parts, sizes, marks, stamps)


def _corrected(
    parts: StampedParts, sizes: NDArray[np.int64], marks: NDArray[np.int64], stamps: NDArray[np.int64]
) -> dict[int, int] | None:
    """Find the packets that parts' time stamps are meant for; None if FFmpeg found the same ones.

    A stamp is left out where its part begins between a frame's headers and its picture.

    Args:
        parts: of the stream.
        sizes: (packets,) bytes.
        marks: (packets,) bytes of a packet before its picture.
        stamps: (packets,) what FFmpeg says; -1 where it says nothing.
    """
    ends = np.cumsum(sizes)
    begins = ends - sizes
    if ends[-1] != parts.size:
        return None
    first = np.searchsorted(begins, parts.begins)
    before = np.maximum(first - 1, 0)
    is_clear = (first == 0) | (begins[before] + marks[before] < parts.begins)
    is_inside = is_clear & (np.append(begins, parts.size)[first] < parts.ends)
    own = np.full(len(sizes), -1, np.int64)
    own[first[is_inside]] = parts.times[is_inside]
    is_right = np.where(own >= 0, stamps == own, ~np.isin(stamps, parts.times))
    if is_right.all():
        return None
    return {int(number): int(own[number]) for number in np.flatnonzero(own >= 0)}


def set_stamp(packet: "av.Packet[av.VideoStream]", own: int | None, near: int, shift: int) -> None:
    """Give a packet its own time stamp instead of FFmpeg's.

    Args:
        packet: of the video.
        own: modulo `PTS_WRAP`; None if it has none.
        near: a time stamp of the stream before or about there: FFmpeg counts on where the file's stamps begin anew.
        shift: what was added to FFmpeg's time stamps.
    """
    stamp = None if own is None else near + (own + shift - near + PTS_WRAP // 2) % PTS_WRAP - PTS_WRAP // 2
    if packet.pts != stamp:
        packet.pts, packet.dts = stamp, None
