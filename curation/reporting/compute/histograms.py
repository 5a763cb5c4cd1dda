"""Figures of the distances between samples."""

import numpy as np
from numpy.typing import NDArray

from curation.reporting.compute.distances import neighbour_distances, pairwise_distances, subset
from curation.reporting.compute.series import DISTANCE_SUBSET, or_none, spread_of
from curation.reporting.compute.sets import Sets
from curation.reporting.contents.embeddings import Distances, Histogram, HistogramFamily

BINS, BINS_OF_FEW, FEW = 40, 20, 200


def distances_of(sets: Sets) -> Distances:
    """Compute the histograms of pairwise and nearest-neighbour distances, before and after, over the same bins."""
    arrays = {
        "candidates": sets.candidate_embeddings,
        "selected": sets.selected_embeddings,
        "datapool_before": sets.old_embeddings,
        "datapool_after": sets.new_embeddings,
    }
    pairwise = {name: pairwise_distances(array[subset(len(array), DISTANCE_SUBSET)]) for name, array in arrays.items()}
    nearest = {name: neighbour_distances(array, DISTANCE_SUBSET) for name, array in arrays.items()}
    sizes = {name: len(array) for name, array in arrays.items()}
    compared = {name: min(size, DISTANCE_SUBSET) for name, size in sizes.items()}
    searched = {name: len(nearest[name]) or size for name, size in sizes.items()}
    return Distances(pairwise=_family(pairwise, sizes, compared), nearest=_family(nearest, sizes, searched))


def _family(
    distances: dict[str, NDArray[np.float64]], sizes: dict[str, int], examined: dict[str, int]
) -> HistogramFamily:
    """Put several sets of distances into the same bins."""
    largest = max((float(values.max()) for values in distances.values() if len(values)), default=0.0)
    bins = BINS_OF_FEW if sizes["candidates"] < FEW else BINS
    edges = np.linspace(0, nice_ceiling(largest), bins + 1)
    return HistogramFamily(
        bin_edges=tuple(edges),
        **{name: _histogram(values, edges, sizes[name], examined[name]) for name, values in distances.items()},
    )


def _histogram(values: NDArray[np.float64], edges: NDArray[np.float64], samples: int, examined: int) -> Histogram:
    # Matrix products differ in their last digits between machines; equal distances must fall into the same bin.
    values = np.round(values, 6)
    counts, _ = np.histogram(values, bins=edges)
    return Histogram(
        samples=samples,
        examined=examined,
        shares=tuple(counts / counts.sum()) if len(values) else (),
        spread=spread_of(values),
        median=or_none(np.median, values),
    )


def nice_ceiling(value: float) -> float:
    """Return the end of an axis from 0 that holds `value`: 1, 1.5, 2, 2.5, 3, 4, 5, 6, 8 or 10 times a power of ten."""
    if value <= 1e-6:
        return 1.0
    power = 10.0 ** np.floor(np.log10(value))
    steps = [1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10]
    return float(next(step * power for step in steps if value <= step * power * (1 + 1e-9)))
