"""Embeddings of the objects that a task predicts, as selection reads them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class ObjectEmbeddings:
    """Embeddings of objects, each beside the sample whose picture shows it.

    Attributes:
        filenames: (r,) sample of each object, str, ascending; a sample has any number of objects, or none.
        vectors: (r, d) float32 embedding of each, of length 1.
    """

    filenames: NDArray[np.object_]
    vectors: NDArray[np.float32]
