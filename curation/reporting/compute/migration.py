"""The difference between another model's embedding space and the one that a datapool had before."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from curation.reporting.compute.distances import neighbour_distances, pairwise_distances, subset
from curation.reporting.contents.embeddings import EquivalentDistance, Migration
from curation.reporting.inputs import ReportInputs
from curation.tables.membership import is_among, rows_of

COMPARED = 2_000
"""Samples whose distances are compared, at most: memory grows with the square."""
NEIGHBOURS = 10
SHARES = (0.001, 0.01, 0.05, 0.25, 0.5)
"""Shares of pairs for which the table of equivalent distances has a row."""


def migration_of(inputs: ReportInputs) -> Migration | None:
    """Compare the former space with the new one; None where they are the same, or no two samples are in both."""
    if inputs.former is None:
        return None
    former_names = pd.Series(inputs.former.filenames, dtype=str)
    new_rows = rows_of(former_names, inputs.processed["filename"])
    both = np.flatnonzero(new_rows >= 0)
    if len(both) < 2:
        return None
    # The datapool's samples come first: it is their distances that select.min_distance is about.
    is_selected = is_among(former_names.iloc[both], inputs.base_samples["filename"])
    selected, others = both[is_selected], both[~is_selected]
    rows = np.sort(np.concatenate([selected, others[subset(len(others), max(COMPARED - len(selected), 0))]]))
    rows = rows[subset(len(rows), COMPARED)]
    former, new = inputs.former.embeddings[rows], inputs.embeddings[new_rows[rows]]
    former_pairs, new_pairs = pairwise_distances(former), pairwise_distances(new)
    neighbours = min(NEIGHBOURS, len(rows) - 2)
    smallest = neighbour_distances(inputs.former.embeddings[selected], COMPARED)
    smallest_former = float(np.min(smallest)) if len(smallest) else None
    apart = former_pairs > 0
    return Migration(
        samples=len(both),
        examined=len(rows),
        former_dim=former.shape[1],
        new_dim=new.shape[1],
        neighbours=max(neighbours, 0),
        neighbour_overlap=neighbour_overlap(former_pairs, new_pairs, len(rows), neighbours) if neighbours > 0 else None,
        neighbour_overlap_by_chance=neighbours / (len(rows) - 1) if neighbours > 0 else None,
        scale=float(np.median(new_pairs[apart] / former_pairs[apart])) if apart.any() else None,
        correlation=rank_correlation(former_pairs, new_pairs),
        distances=tuple(
            EquivalentDistance(
                share=share, former=float(np.quantile(former_pairs, share)), new=float(np.quantile(new_pairs, share))
            )
            for share in SHARES
        ),
        smallest_former=smallest_former,
        smallest_new=None if smallest_former is None else equivalent(smallest_former, former_pairs, new_pairs),
    )


def equivalent(distance: float, former: NDArray[np.float64], new: NDArray[np.float64]) -> float:
    """Return the distance in the new space that the same share of pairs is nearer than.

    Args:
        distance: in the former space.
        former: (p,) distances of pairs there.
        new: (p,) distances of the same pairs in the new space.
    """
    return float(np.quantile(new, float((former < distance).mean())))


def neighbour_overlap(former: NDArray[np.float64], new: NDArray[np.float64], n: int, k: int) -> float:
    """Return the mean share of a sample's k nearest neighbours in one space that are so in the other, too.

    Args:
        former: (n (n - 1) / 2,) distances of all pairs, as the upper triangle of a matrix has them.
        new: the same in the other space.
        n: samples.
        k: neighbours, at least 1 and less than n.
    """
    found = []
    for pairs in (former, new):
        matrix = np.zeros((n, n))
        matrix[np.triu_indices(n, k=1)] = np.round(pairs, 6)
        matrix += matrix.T
        np.fill_diagonal(matrix, np.inf)
        # A stable sort lets the lower row win among equally near ones, on every machine.
        found.append(np.argsort(matrix, axis=1, kind="stable")[:, :k])
    shared = [len(np.intersect1d(left, right)) for left, right in zip(*found, strict=True)]
    return float(np.mean(shared)) / k


def rank_correlation(left: NDArray[np.float64], right: NDArray[np.float64]) -> float | None:
    """Return Spearman's correlation; None where one side has no two different values."""
    ranks = [pd.Series(np.round(values, 6)).rank().to_numpy() for values in (left, right)]
    if len(left) < 2 or any(np.ptp(values) == 0 for values in ranks):
        return None
    return float(np.corrcoef(ranks[0], ranks[1])[0, 1])
