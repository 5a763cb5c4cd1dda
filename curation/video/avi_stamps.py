"""Time stamps of AVI's frames, by the places of their packets in the index.

FFmpeg counts the packets that it meets: behind one that is lost, all are too early by one.
"""

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

import av

from curation.video.running_clock import set_later
from curation.video.structure.avi import frame_index
from curation.video.structure.view import View


def numbers_by_place(path: Path, stream: int) -> Mapping[int, int]:
    """Return the number of each frame in the index, by the bytes of the file before its data; none without an index.

    Args:
        path: an AVI file.
        stream: number of the video stream.
    """
    try:
        state = path.stat()
        return _numbers_by_place(path, stream, state.st_size, state.st_mtime_ns)
    except OSError:
        return {}


@lru_cache(maxsize=1)
def _numbers_by_place(path: Path, stream: int, size: int, changed: int) -> Mapping[int, int]:
    """Read the index; see `numbers_by_place`. It is asked several times in a row for the same file."""
    with path.open("rb", buffering=4096) as file:
        index = frame_index(View(file), stream)
    return {} if index is None else {place: number for number, place in enumerate(index.places.tolist())}


class IndexStamps:
    """Sets the time stamps of packets right, one after the other.

    Args:
        numbers: see `numbers_by_place`.
    """

    def __init__(self, numbers: Mapping[int, int]) -> None:
        self._numbers = numbers
        self._first: int | None = None
        self._shift = 0

    def correct(self, packet: "av.Packet[av.VideoStream]") -> None:
        """Set a packet's time stamps right."""
        number = self._numbers.get(-1 if packet.pos is None else packet.pos)
        if packet.dts is None:
            return
        if number is not None:
            late = number - packet.dts
            self._first = late if self._first is None else self._first
            self._shift = late - self._first
        if self._shift:
            set_later(packet, self._shift)
