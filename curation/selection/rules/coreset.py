"""The coreset rule: exact greedy k-center on embeddings, conditioned on the base."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from curation.selection.kcenter import plain
from curation.selection.rule import Example, Rule
from curation.selection.traversal import Traversal

_PLAIN_UP_TO = 2e10
"""Candidates times picks times dimension that the plain program is used for: two or three seconds of it, at most.

The fast one needs some ten seconds once, to be compiled, where its compiled form is not on disk yet.
"""

_GPU_FROM = 2e12
"""Candidates times picks times dimension from which on a GPU is worth loading torch and copying the embeddings."""

_GPU_MEMORY = 2**31
"""Bytes of a GPU's memory that the batched program needs beside one and a half times the embeddings."""


class Coreset(Protocol):
    """Greedy k-center by whichever program: what `coreset` takes and returns."""

    def __call__(
        self,
        candidates: NDArray[np.float32],
        base: NDArray[np.float32],
        limit: int,
        threshold: np.float32 | None = None,
    ) -> Traversal:
        """Pick up to `limit` candidates."""
        ...


def coreset(
    candidates: NDArray[np.float32],
    base: NDArray[np.float32],
    limit: int,
    threshold: np.float32 | None = None,
) -> Traversal:
    """Pick up to `limit` candidates, each the farthest from the base and from the picks before it.

    Three programs do this; they return the same to the last bit, and the expected time decides which one runs. One of
    them needs a GPU, which is looked for only where there is much to do.

    Args:
        candidates: (n, d) float32, sorted by filename: the lower row wins ties, and row 0 is the first pick on an
            empty base.
        base: (m, d) float32.
        limit: picks at most.
        threshold: smallest squared distance of a pick (`curation.selection.stopping.squared_threshold`).
    """
    smallest = np.float32(0) if threshold is None else threshold
    if is_quick(candidates, base, limit):
        return plain.farthest_first(candidates, base, limit, smallest)
    if _work(candidates, base, limit) >= _GPU_FROM and _gpu_has_room(candidates.nbytes):
        from curation.selection.kcenter import batched  # imports torch

        return batched.farthest_first(candidates, base, limit, smallest)
    from curation.selection.kcenter import fast  # imports numba, which takes longer than a small selection

    return fast.farthest_first(candidates, base, limit, smallest)


def is_quick(candidates: NDArray[np.float32], base: NDArray[np.float32], limit: int) -> bool:
    """Return whether the plain program takes no longer than others need to begin."""
    return _work(candidates, base, limit) <= _PLAIN_UP_TO


def _work(candidates: NDArray[np.float32], base: NDArray[np.float32], limit: int) -> float:
    """Return the candidates times picks times dimension of a selection."""
    n, dimension = len(candidates), int(candidates.shape[1])
    return 1.0 * n * (len(base) + min(limit, n)) * dimension


def _gpu_has_room(n_bytes: int) -> bool:
    """Return whether there is a GPU with room for embeddings of some size; CUDA_VISIBLE_DEVICES= hides it."""
    import torch

    return torch.cuda.is_available() and torch.cuda.mem_get_info()[0] > 1.5 * n_bytes + _GPU_MEMORY


RULE = Rule(
    coreset,
    sentence="each pick is the candidate farthest from everything selected before, the datapool included",
    source="greedy k-center: T. F. Gonzalez, Theoretical Computer Science 38, 1985",
    advice="for rare events and unusual scenes, since it leaves nothing far from a selected sample",
    example=Example((0, 10, 90), base=(180,), picks=(0, 2)),
)
