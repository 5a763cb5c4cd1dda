"""Embeddings that are looked up by the filenames of their samples."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from curation.tables.membership import rows_of


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

    @cached_property
    def _column(self) -> "pd.Series[str]":
        """The filenames in half of the memory that a dictionary takes besides them."""
        return pd.Series(self.names, dtype=str)

    def rows(self, wanted: Iterable[str]) -> NDArray[np.int64]:
        """Return the row of each of m filenames, (m,); -1 for one that has no embedding."""
        return rows_of(pd.Series(list(wanted), dtype=str), self._column)

    def of(self, wanted: Sequence[str], error: Callable[[list[str]], Exception]) -> NDArray[np.float32]:
        """Return the embeddings of m filenames, (m, d) float32, in their order; no copy where all are wanted.

        Args:
            wanted: the filenames.
            error: makes the error that is raised where some have no embedding, of those filenames.
        """
        if wanted == self.names:
            return self.embeddings
        rows = self.rows(wanted) if len(wanted) else np.empty(0, np.int64)
        if (rows < 0).any():
            raise error([name for name, row in zip(wanted, rows, strict=True) if row < 0])
        found: NDArray[np.float32] = self.embeddings[rows]
        return found
