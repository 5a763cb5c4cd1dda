"""Work for the nodes of a Ray cluster in tests."""

import numpy as np
from numpy.typing import NDArray

from curation.core.errors import RawDataError


def squared(item: int) -> int:
    return item * item


def refuse(item: int) -> int:
    raise RawDataError(f"{item} is gone")


class Sum:
    """An object with state."""

    def __init__(self, part: int) -> None:
        self.total = float(part)

    def add(self, values: NDArray[np.float64]) -> float:
        self.total = 3 * self.total + float(values.sum())
        return self.total

    def seen(self) -> float:
        return self.total
