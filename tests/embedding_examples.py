"""Embeddings of every awkward kind, for the tests of selection."""

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

KINDS = ("random", "clustered", "duplicated", "gridded", "collinear", "video", "equal", "zero", "nearly equal")


def embeddings_of_kind(kind: str, n: int, dimension: int, seed: int) -> NDArray[np.float32]:
    """Return (n, dimension) float32 vectors of unit length, or zero."""
    rng = np.random.default_rng(seed)
    vectors = rng.normal(size=(n, dimension))
    if kind == "clustered":
        vectors = vectors[rng.integers(0, 3, n) % max(n, 1)] + 0.05 * vectors if n else vectors
    elif kind == "duplicated":
        vectors = vectors[rng.integers(0, max(1, n // 4), n)] if n else vectors
    elif kind == "gridded":
        vectors = np.round(vectors)
    elif kind == "collinear":
        vectors = vectors[:1] + np.linspace(-1, 1, n)[:, None] * rng.normal(size=dimension)
    elif kind == "video":
        vectors = rng.normal(size=dimension) + np.cumsum(0.1 * vectors, axis=0)
    elif kind == "equal":
        vectors[:] = 1
    elif kind == "zero":
        vectors[:] = 0
    elif kind == "nearly equal":
        vectors = 1 + 1e-6 * vectors
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.float32(vectors / np.where(lengths == 0, 1, lengths)).reshape(n, dimension)


@st.composite
def embedding_sets(draw: st.DrawFn, smallest: int = 0, largest: int = 60) -> NDArray[np.float32]:
    """Vectors of one kind."""
    return embeddings_of_kind(
        draw(st.sampled_from(KINDS)),
        draw(st.integers(smallest, largest)),
        draw(st.sampled_from([1, 2, 3, 8, 17])),
        draw(st.integers(0, 2**16)),
    )


@st.composite
def bases_for(draw: st.DrawFn, candidates: NDArray[np.float32]) -> NDArray[np.float32]:
    """A base for some candidates: empty, unrelated, or with copies of candidates in it."""
    rng = np.random.default_rng(draw(st.integers(0, 2**16)))
    other = embeddings_of_kind(draw(st.sampled_from(KINDS)), draw(st.integers(0, 20)), candidates.shape[1], 1)
    copies = candidates[rng.integers(0, max(1, len(candidates)), draw(st.integers(0, 3)))] if len(candidates) else other
    return np.concatenate([other, copies]) if draw(st.booleans()) else candidates[:0]
