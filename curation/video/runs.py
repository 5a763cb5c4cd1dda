"""Which packets of a video to decode for the frames that are wanted."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from curation.video.packet_index import PacketIndex

WORTH_A_BREAK = 8
"""Packets to pass over, at least, and to decode after a run; the same on every machine: a damaged file could tell."""


@dataclass(frozen=True)
class Run:
    """Packets to decode in one go.

    Attributes:
        start: position of the first packet.
        stop: position after the last one.
    """

    start: int
    stop: int


def planned_runs(
    index: PacketIndex, wanted: Sequence[int], worth_a_break: int = WORTH_A_BREAK, long: int | None = None
) -> list[Run]:
    """Return which packets to decode.

    Args:
        index: of the video.
        wanted: frames, ascending.
        worth_a_break: packets that a break must pass over at least.
        long: packets from which on a run ends where it can; None = only where a break is worth it.
    """
    runs: list[Run] = []
    for position in np.sort(index.order[list(wanted)]).tolist():
        start = _entry_before(index, position)
        while runs and start < runs[-1].stop + worth_a_break:
            if long is not None and max(runs[-1].stop, runs[-1].start + long) <= start:
                break
            start = min(start, runs.pop().start)
        runs.append(Run(start, position + 1))
    return runs


def _entry_before(index: PacketIndex, position: int) -> int:
    """Return where to begin for the frame of a packet: at an entry that is shown no later than it."""
    number = int(np.searchsorted(index.entries, position, side="right")) - 1
    while index.pts[index.entries[number]] > index.pts[position]:  # ends at the first one, which is shown first
        number -= 1
    return int(index.entries[number])
