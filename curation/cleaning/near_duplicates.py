"""Near duplicates: samples whose perceptual hashes differ in a few bits only. The first one stays.

A sample is dropped where it is within so many bits of one that stays, never where it is near a dropped one only: so a
slow pan keeps a frame every few bits and does not vanish as a chain.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_BLOCK = 1024
"""Hashes compared at a time; with `_KEPT_BLOCK` it bounds the memory (8 MiB a matrix)."""

_KEPT_BLOCK = 8192


@dataclass(frozen=True)
class NearDuplicates:
    """The samples that stay, by their hashes.

    Attributes:
        keeper: (n,) int64; index of the nearest hash that stays, counted over known and new ones together: known ones
            first; -1 where a hash stays itself.
        bits: (n,) int64; Hamming distance to it; 0 where a hash stays itself.
    """

    keeper: NDArray[np.int64]
    bits: NDArray[np.int64]


def near_duplicates(known: NDArray[np.uint64], new: NDArray[np.uint64], limit: int) -> NearDuplicates:
    """Find the new hashes near one that stays: a known one, or a new one before it.

    Args:
        known: (m,) hashes that stay anyway.
        new: (n,) hashes, in the order of preference.
        limit: bits by which near duplicates may differ, inclusive.
    """
    keeper = np.full(len(new), -1, dtype=np.int64)
    bits = np.full(len(new), limit + 1, dtype=np.int64)
    staying_hashes = known
    staying = np.arange(len(known), dtype=np.int64)
    for start in range(0, len(new), _BLOCK):
        block = new[start : start + _BLOCK]
        nearest, distance = _nearest(block, staying_hashes)
        found = distance <= limit
        keeper[start : start + len(block)][found] = staying[nearest[found]]
        bits[start : start + len(block)][found] = distance[found]
        _within_block(block, keeper[start : start + len(block)], bits[start : start + len(block)], len(known) + start)
        stays = np.flatnonzero(keeper[start : start + len(block)] < 0)
        staying_hashes = np.concatenate([staying_hashes, block[stays]])
        staying = np.concatenate([staying, len(known) + start + stays])
    bits[keeper < 0] = 0
    return NearDuplicates(keeper, bits)


def _nearest(block: NDArray[np.uint64], hashes: NDArray[np.uint64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return index and Hamming distance of the nearest of `hashes` for each hash of a block, the first on ties."""
    index = np.zeros(len(block), dtype=np.int64)
    distance = np.full(len(block), 65, dtype=np.int64)
    for start in range(0, len(hashes), _KEPT_BLOCK):
        differing = np.bitwise_count(block[:, None] ^ hashes[None, start : start + _KEPT_BLOCK])
        best = differing.argmin(axis=1)
        least = differing[np.arange(len(block)), best]
        nearer = least < distance
        index[nearer] = start + best[nearer]
        distance[nearer] = least[nearer]
    return index, distance


def _within_block(block: NDArray[np.uint64], keeper: NDArray[np.int64], bits: NDArray[np.int64], offset: int) -> None:
    """Let each hash of a block that stays stand for the later ones near it; changes `keeper` and `bits`.

    Args:
        block: (b,) hashes.
        keeper: (b,) index of what stays in the place of each, -1 for none so far.
        bits: (b,) distance to it; above the limit where there is none.
        offset: index of the block's first hash.
    """
    differing = np.bitwise_count(block[:, None] ^ block[None, :])
    for place in range(len(block)):
        if keeper[place] >= 0:
            continue
        later = slice(place + 1, None)
        limit = bits[place]  # one more than the limit, where nothing stays in its place
        nearer = differing[place, later] < np.minimum(bits[later], limit)
        keeper[later][nearer] = offset + place
        bits[later][nearer] = differing[place, later][nearer]
