"""Embeddings that are looked up by the filenames of their samples."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class NamedEmbeddings:
    """Samples and their embeddings.

    Attributes:
        names: n filenames, each once.
        embeddings: (n, d) float32.
    """

    names: Sequence[str]
    embeddings: NDArray[np.float32]

    @cached_property
    def row_of(self) -> dict[str, int]:
        """The row of each filename."""
        return {name: row for row, name in enumerate(self.names)}

    def rows(self, wanted: Iterable[str]) -> NDArray[np.int64]:
        """Return the row of each of m filenames, (m,); -1 for one that has no embedding."""
        return np.array([self.row_of.get(name, -1) for name in wanted], dtype=np.int64)

    def of(self, wanted: Sequence[str], error: Callable[[list[str]], Exception]) -> NDArray[np.float32]:
        """Return the embeddings of m filenames, (m, d) float32, in their order; no copy where all are wanted.

        Args:
            wanted: the filenames.
            error: makes the error that is raised where some have no embedding, of those filenames.
        """
        if wanted == self.names:
            return self.embeddings
        rows = self.rows(wanted)
        missing = [name for name, row in zip(wanted, rows, strict=True) if row < 0]
        if missing:
            raise error(missing)
        found: NDArray[np.float32] = self.embeddings[rows]
        return found
