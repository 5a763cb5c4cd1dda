"""Time stamps for frames whose container only says when they are decoded.

AVI numbers frames in the order in which they are stored. What FFmpeg makes of this for H.264 and HEVC stays in that
order, while the frames come out in the order in which they are shown. So the next one out gets the earliest of the
times that are left, as `best_effort_timestamp` of FFmpeg's command line does.
"""

import heapq

_MOST_HELD = 18
"""Frames that a decoder can hold back to put them in order, and two that it has only just read."""


class DisplayTimes:
    """Gives each frame that comes out the earliest time of a packet whose frame has not come yet."""

    def __init__(self) -> None:
        self._waiting: list[int] = []

    def add(self, stamp: int) -> None:
        """Note the time of a packet that goes into the decoder."""
        heapq.heappush(self._waiting, stamp)
        while len(self._waiting) > _MOST_HELD:  # packets without a frame of their own
            heapq.heappop(self._waiting)

    def lose(self, stamp: int) -> None:
        """Note that the decoder failed on the packet of this time."""
        if stamp in self._waiting:
            self._waiting.remove(stamp)
            heapq.heapify(self._waiting)

    def next(self) -> int | None:
        """Return the time of the next frame."""
        return heapq.heappop(self._waiting) if self._waiting else None
