"""Units that are chosen as a whole: a sample, or a run of frames (`select.selected_sequence_length`)."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from curation.tables.membership import rows_of
from curation.tables.repeated import RepeatedTexts

_LARGEST_STEP = 2.0


@dataclass(frozen=True)
class Units:
    """Units that are chosen as a whole: single samples, or sequences of frames.

    Attributes:
        members: (u, length) int64 candidates, in the order of time, sorted by the first one.
        outside: (n - u * length,) int64 candidates that cannot be chosen: beyond a threshold, or in no whole sequence.
        raw_paths: u raw files.
        labels: u names of weak labels.
        times: (u,) float64 seconds from the start of the video to the middle of the unit; NaN for images.
        ruled_out: how many of `outside` are beyond a threshold.
        images: how many of the others are images, which cannot be part of a sequence.
    """

    members: NDArray[np.int64]
    outside: NDArray[np.int64]
    raw_paths: RepeatedTexts
    labels: RepeatedTexts
    times: NDArray[np.float64]
    ruled_out: int
    images: int


def units_of(names: Sequence[str], processed: pd.DataFrame, allowed: NDArray[np.bool_], length: int) -> Units:
    """Find what may be chosen.

    Args:
        names: n filenames of candidates, sorted.
        processed: all samples that were kept, the candidates among them: filename, raw_path, frame, time_s, label_name.
        allowed: (n,) whether a candidate may be chosen.
        length: frames a sequence; 1 = single samples, images as well.
    """
    row_of_name = rows_of(processed["filename"], pd.Series(names, dtype=str))
    is_candidate = row_of_name >= 0
    if length == 1:
        members = np.flatnonzero(allowed)[:, None]
    else:
        runs = consecutive_runs(
            processed["raw_path"].tolist(),
            processed["frame"].to_numpy(np.int64),
            processed["time_s"].to_numpy(np.float64),
            np.append(allowed, False)[row_of_name],  # the last is for -1, no candidate
            length,
        )
        members = row_of_name[runs].astype(np.int64)
        members = members[np.argsort(members[:, 0])]
    place_of = np.empty(len(names), np.int64)
    place_of[row_of_name[is_candidate]] = np.flatnonzero(is_candidate)
    first, last = (place_of[members[:, column]] for column in (0, -1))
    times = processed["time_s"].to_numpy(np.float64)
    is_image = np.isnan(times)[place_of]
    is_outside = np.ones(len(names), bool)
    is_outside[members] = False
    outside = np.flatnonzero(is_outside)
    return Units(
        members,
        outside,
        RepeatedTexts.of(processed["raw_path"]).at(first),
        RepeatedTexts.of(processed["label_name"]).at(first),
        (times[first] + times[last]) / 2,
        int((~allowed).sum()),
        int(is_image[outside[allowed[outside]]].sum()),
    )


def consecutive_runs(
    raw_paths: Sequence[str],
    frames: NDArray[np.int64],
    times: NDArray[np.float64],
    free: NDArray[np.bool_],
    length: int,
) -> NDArray[np.int64]:
    """Cut the frames of each video into runs of `length` that follow each other without overlap.

    Consecutive are the frames that were kept, in their order: where only every tenth frame was sampled, the next but
    nine follows. One frame that was left out between two others (a duplicate, a damaged one) is passed over; a larger
    gap, a step of more than twice the video's median step, ends a run. So does a frame that is not free. Runs are
    counted from the start of each stretch without such an end; frames that are left at its end belong to no run.

    Args:
        raw_paths: n raw files.
        frames: (n,) frame indices.
        times: (n,) seconds; NaN for images, which belong to no run.
        free: (n,) whether a sample may be chosen.
        length: frames a run, at least 1.

    Returns:
        (r, length) int64 rows, in the order of time within a run.
    """
    file_of, files = pd.factorize(np.asarray(raw_paths, dtype=object), sort=True)
    order = np.lexsort((frames, file_of))
    order = order[~np.isnan(times[order])]
    step = np.diff(frames[order], prepend=0)
    same_file = np.diff(file_of[order], prepend=-1) == 0
    usual = np.full(len(files), np.inf)
    starts = np.flatnonzero(~same_file)
    for start, stop in pairwise([*starts, len(order)]):
        if stop - start > 1:
            usual[file_of[order[start]]] = np.median(step[start + 1 : stop])
    follows = same_file & (step <= _LARGEST_STEP * usual[file_of[order]])
    follows[1:] &= free[order[1:]] & free[order[:-1]]
    stretch_start = np.maximum.accumulate(np.where(follows, 0, np.arange(len(order))))
    stretch_length = np.bincount(stretch_start, minlength=len(order))[stretch_start]
    place = np.arange(len(order)) - stretch_start
    whole = (place < stretch_length // length * length) & free[order]
    return order[whole].reshape(-1, length)


def mean_embeddings(embeddings: NDArray[np.float32], runs: NDArray[np.int64]) -> NDArray[np.float32]:
    """Return the mean embedding of each run, of unit length again; zero where the embeddings cancel out.

    Args:
        embeddings: (n, d) float32.
        runs: (r, length) rows; with a length of 1 their embeddings are returned as they are.

    Returns:
        (r, d) float32.
    """
    if runs.shape[1] == 1:
        is_all = len(runs) == len(embeddings) and bool((np.diff(runs[:, 0]) == 1).all())
        return embeddings if is_all else embeddings[runs[:, 0]]
    total = np.zeros((len(runs), embeddings.shape[1]))
    for place in range(runs.shape[1]):
        total += embeddings[runs[:, place]]
    lengths = np.sqrt(np.square(total).sum(axis=1, keepdims=True))
    mean: NDArray[np.float64] = total / np.where(lengths == 0, 1, lengths)
    return mean.astype(np.float32)
