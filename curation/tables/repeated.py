"""Texts of which many are equal, such as the raw files of frames, in a few bytes each."""

from collections.abc import Sequence
from typing import Any, overload

import numpy as np
import pandas as pd
from numpy.typing import NDArray


class RepeatedTexts(Sequence[str]):
    """A sequence of texts that keeps each of the different ones once.

    Attributes:
        numbers: (n,) int32, which of the different texts each is.
    """

    def __init__(self, numbers: NDArray[np.int32], texts: "pd.Index[str]") -> None:
        self.numbers = numbers
        self._texts = texts

    @classmethod
    def of(cls, texts: "pd.Series[str] | Sequence[str]") -> "RepeatedTexts":
        """Return the same texts, in their order."""
        numbers, different = pd.factorize(texts if isinstance(texts, pd.Series) else pd.Series(texts, dtype=str))
        return cls(numbers.astype(np.int32), different)

    def at(self, rows: NDArray[np.int64]) -> "RepeatedTexts":
        """Return those at some places."""
        return RepeatedTexts(self.numbers[rows], self._texts)

    def numbered(self) -> "RepeatedTexts":
        """Return the numbers alone: which are equal is known, what they say is let go."""
        return RepeatedTexts(self.numbers, self._texts[:0].astype(object))

    def __len__(self) -> int:
        return len(self.numbers)

    @overload
    def __getitem__(self, place: int) -> str: ...

    @overload
    def __getitem__(self, place: slice) -> "RepeatedTexts": ...

    def __getitem__(self, place: int | slice) -> "str | RepeatedTexts":
        if isinstance(place, slice):
            return RepeatedTexts(self.numbers[place], self._texts)
        return str(self._texts[self.numbers[place]])

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[np.object_]:
        """Return an array of texts, (n,)."""
        texts: NDArray[np.object_] = np.asarray(self._texts, dtype=object)[self.numbers]
        return texts
