"""How rare a candidate is: the lower the density where it lies, the more it counts."""

import numpy as np
from numpy.typing import NDArray

from curation.selection.neighbours import nearest_neighbours
from curation.selection.typicality import NEIGHBOURS, mean_of_finite


def rarity(candidates: NDArray[np.float32], base: NDArray[np.float32], rare: float) -> NDArray[np.float64]:
    """Return how much each candidate counts: density to the power of -`rare`, (n,) float64, 1 on average.

    The density where a candidate lies is the inverse of its mean squared distance to its 20 nearest neighbours among
    candidates and base. That distance has a floor of a hundredth of the mean of all, so that copies of one picture
    count for something.

    Args:
        candidates: (n, d) float32, n at least 1.
        base: (m, d) float32; may be empty.
        rare: see above.
    """
    points = np.concatenate([candidates, base]) if len(base) else candidates
    _, squared = nearest_neighbours(points, NEIGHBOURS)
    if rare == 0 or squared.shape[1] == 0:
        return np.ones(len(candidates))
    spread = mean_of_finite(squared.astype(np.float64))
    floored = np.maximum(spread, 0.01 * spread.mean())[: len(candidates)]
    if not floored.any():
        return np.ones(len(candidates))
    weights = (floored / floored.max()) ** rare
    normalised: NDArray[np.float64] = weights / weights.mean()
    return normalised
