"""The rule `uniform_time`: frames at equal distances in time, the baseline that most people use for videos."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from curation.selection.choosing import Choosing
from curation.selection.rule import Example, Rule
from curation.selection.traversal import Traversal


def uniform_time(
    candidates: NDArray[np.float32],
    base: NDArray[np.float32],
    limit: int,
    threshold: np.float32 | None = None,
    *,
    seed: int,
    raw_paths: Sequence[str],
    times: NDArray[np.float64],
) -> Traversal:
    """Pick up to `limit` candidates evenly over time; each video gets its share by its length.

    All videos stand one after the other on one line of time (`timeline`). Points at equal distances on it, moved
    together by a random part of that distance (systematic sampling: W. G. Madow and L. H. Madow, Annals of
    Mathematical Statistics 15, 1944), each take the nearest frame that is still free and not too near to something
    selected. So a video gets its share of the picks but for less than one. The order of the picks is such that the
    first few are spread over the whole line as well.

    Args:
        candidates: (n, d) float32, sorted by filename.
        base: (m, d) float32.
        limit: picks at most.
        threshold: smallest squared distance of a pick.
        seed: of the move.
        raw_paths: n raw files that the candidates come from.
        times: (n,) seconds from the start of the video; NaN for images.
    """
    count = min(limit, len(candidates))
    choosing = Choosing(candidates, base, threshold)
    if count == 0:
        return choosing.traversal()
    positions, length = timeline(raw_paths, times)
    move = np.random.default_rng(seed).random()
    wanted = (np.arange(count) + move) * (length / count)
    for point in wanted[spread_order(count)]:
        free = choosing.free()
        if not free.any():
            break
        choosing.add(int(np.where(free, np.abs(positions - point), np.inf).argmin()))
    return choosing.traversal()


def timeline(raw_paths: Sequence[str], times: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
    """Put all samples on one line of time, video after video in the order of their paths.

    A frame lasts until the next one; the last frame of a video lasts as long as its frames do on average. An image,
    and the only frame of a video, lasts as long as all those frames do on average, or a second where there are none.
    A sample's position is the middle of the time that a frame of its video lasts on average.

    Args:
        raw_paths: n raw files.
        times: (n,) seconds from the start of the video; NaN for images.

    Returns:
        (n,) float64 positions, and the length of the line, in seconds.
    """
    files, file_of = np.unique(np.array(raw_paths, dtype=object), return_inverse=True)
    first, last = np.full(len(files), np.inf), np.full(len(files), -np.inf)
    known = np.where(np.isnan(times), 0.0, times)
    np.minimum.at(first, file_of, known)
    np.maximum.at(last, file_of, known)
    count = np.bincount(file_of)
    gaps = count - 1
    lasting = last > first
    mean_gap = float((last - first)[lasting].sum() / gaps[lasting].sum()) if lasting.any() else 1.0
    gap = np.where(lasting, (last - first) / np.maximum(gaps, 1), mean_gap)
    lengths = np.where(lasting, last - first, 0) + gap
    starts = np.cumsum(lengths) - lengths
    positions: NDArray[np.float64] = (starts - first + gap / 2)[file_of] + known
    return positions, float(lengths.sum())


def spread_order(count: int) -> NDArray[np.int64]:
    """Return 0 … count - 1 so that each beginning of the sequence is spread evenly.

    The numbers are sorted by their binary digits read backwards (J. G. van der Corput, 1935).
    """
    digits = max(1, (count - 1).bit_length())
    numbers = np.arange(count)
    backwards = np.zeros(count, np.int64)
    for digit in range(digits):
        backwards |= (numbers >> digit & 1) << (digits - 1 - digit)
    return np.argsort(backwards, kind="stable")


RULE = Rule(
    uniform_time,
    sentence="the picks are frames at equal distances in time",
    source="systematic sampling: W. G. Madow and L. H. Madow, Annals of Mathematical Statistics 15, 1944",
    options=("seed", "raw_paths", "times"),
    advice="the usual choice where nothing is known of the videos",
    example=Example(tuple(range(9)), base=(), picks=(1, 7, 4)),
)
