"""The table of samples of an MP4 track, and how many of them its edits show (ISO/IEC 14496-12, 8.6.1 and 8.6.6)."""

import numpy as np
from numpy.typing import NDArray

_MOST_SAMPLES = 1 << 22
"""A table that claims more is damaged, or of a video of days."""


def shown_samples(durations: bytes, offsets: bytes, edits: list[tuple[int, int]], slack: int) -> int | None:
    """Count the samples that edits show; one that two edits show counts twice.

    Args:
        durations: content of the box `stts`.
        offsets: content of the box `ctts`; empty where the track has none.
        edits: of the track: where each begins in it, and how long it is, in its units.
        slack: units at the end of an edit in which a sample may or may not be shown, since lengths are rounded.

    Returns:
        The number of samples; None where the tables make no sense.
    """
    runs = _runs(durations)
    if runs is None:
        return None
    steps = np.repeat(runs[:, 1], runs[:, 0])
    times = np.cumsum(steps) - steps
    if offsets:
        delays = _runs(offsets)
        if delays is None:
            return None
        signed = np.repeat(delays[:, 1].astype(np.uint32).view(np.int32).astype(np.int64), delays[:, 0])
        if len(signed) != len(times):
            return None
        times = times + signed
    times.sort()
    begins = np.array([begin for begin, _ in edits], np.int64)
    ends = np.maximum(begins, begins + np.array([length for _, length in edits], np.int64) - slack)
    return int((np.searchsorted(times, ends) - np.searchsorted(times, begins)).sum())


def _runs(box: bytes) -> NDArray[np.int64] | None:
    """Return the runs of a table: how many samples, and their number (n, 2); None where it makes no sense."""
    count = int.from_bytes(box[4:8], "big")
    if len(box) < 8 + 8 * count or not count:
        return None
    runs = np.frombuffer(box[8 : 8 + 8 * count], ">u4").astype(np.int64).reshape(-1, 2)
    return runs if runs[:, 0].sum() <= _MOST_SAMPLES else None
