"""Embeddings of which a few directions say most, for the bound that looks at these first."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest
from hypothesis import strategies as st
from numpy.typing import NDArray

from tests.embedding_examples import bases_for, embeddings_of_kind

DIMENSION = 40
KINDS = ("random", "clustered", "duplicated", "gridded", "video")


@contextmanager
def few_directions_first() -> Iterator[None]:
    """Project on 30 directions even where so few candidates would not pay for it: 14 of them come first then."""
    from curation.selection.kcenter import short_vectors

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(short_vectors, "_cheapest_width", lambda points, comparisons: min(30, points.shape[1]))
        yield


def leaning(kind: str, n: int, seed: int, power: float = 0.7) -> NDArray[np.float32]:
    """Return (n, 40) float32 vectors, of no unit length, whose later values are smaller and smaller."""
    spectrum = np.arange(1, DIMENSION + 1, dtype=np.float32) ** np.float32(-power)
    return embeddings_of_kind(kind, n, DIMENSION, seed) * spectrum


@st.composite
def leaning_sets(draw: st.DrawFn, largest: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Twenty candidates or more, and a base."""
    kind, n, seed = draw(st.sampled_from(KINDS)), draw(st.integers(20, largest)), draw(st.integers(0, 2**16))
    candidates = leaning(kind, n, seed, draw(st.sampled_from([0.2, 0.4, 0.7])))
    return candidates, draw(bases_for(candidates))
