"""A short vector for each long one, such that distances never grow: a lower bound that a matrix product computes.

With an orthonormal basis `V` of p directions and any mean `mu`, let

    phi(x) = (V^T (x - mu), |x - mu - V V^T (x - mu)|).

Then `|phi(x) - phi(y)| <= |x - y|`: the first p values are a projection, and the last is a norm of the rest, which
differs between two vectors by no more than the rests themselves (the reverse triangle inequality). `phi` also keeps
norms: `|phi(x)| = |x - mu|`. Principal components make the bound tight with few directions (the idea of using them to
prune exact nearest-neighbour search: K. Fukunaga and P. M. Narendra, IEEE Transactions on Computers C-24, 1975, for
bounds by the triangle inequality; J. Hwang, B. Han, H.-K. Ahn, A fast nearest neighbor search algorithm by nonlinear
embedding, CVPR 2012, for projection plus norm of the rest).
"""

from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from curation.selection.kcenter import kernels
from curation.selection.kcenter.blocks import in_blocks

_SPECTRUM_SAMPLE = 4096
_COST_SAMPLE = 512
_BLOCK = 1024
_PRODUCT, _PROJECTION, _EXACT, _EXACT_A_VALUE = 0.018, 0.036, 60.0, 0.4
"""Nanoseconds on one core of a server processor: of a multiplication in the bound, of one in the projection (float64),
of an exact distance, and of each of its values. Only the ratios matter."""

_SHARE_COMPARED = 0.2
"""Share of the centres that a candidate is compared with, about."""

_COARSE = 14
"""Directions of a coarse projection, at most."""

_LEADING = 30
"""Directions of a quicker bound, at most."""

_WIDTHS = (14, 30, 62, 126, 254, 510, 1022, 2046)
"""Numbers of directions to choose from; two more columns make the rows of a matrix a multiple of 16 values."""


@dataclass(frozen=True)
class Projection:
    """The map `phi`.

    Attributes:
        mean: (d,) float64.
        basis: (d, p) float64, orthonormal columns; None for all d directions, since turning changes no distance.
        leading: (q, c) float64, orthonormal columns: the directions of the largest variance among the q values that
            `__call__` returns before the rest.
    """

    mean: NDArray[np.float64]
    basis: NDArray[np.float64] | None
    leading: NDArray[np.float64]

    @property
    def n_leading(self) -> int:
        """The principal directions of a quicker bound, which comes before that of all; 0 where it is hardly quicker."""
        if self.basis is None:
            return 0
        return max((width for width in _WIDTHS if 2 * (width + 2) <= self.width and width <= _LEADING), default=0)

    @property
    def width(self) -> int:
        """Columns of what `__call__` returns: p directions, the rest, and one to spare."""
        return (len(self.mean) if self.basis is None else int(self.basis.shape[1])) + 2

    def __call__(
        self, vectors: NDArray[np.float32], executor: Executor
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Project.

        Args:
            vectors: (n, d) float32.
            executor: computes blocks of rows side by side.

        Returns:
            (n, p + 2) float32 with the last column 0, and (n,) float32 half squared norms.
        """
        phi = np.zeros((len(vectors), self.width), np.float32)
        half = np.empty(len(vectors), np.float32)

        def project(start: int, stop: int) -> None:
            if self.basis is None:
                kernels.centre(vectors, self.mean, start, stop, phi, half)
            else:
                kernels.project(vectors, self.mean, self.basis, start, stop, phi, half)

        in_blocks(executor, project, len(vectors), _BLOCK)
        return phi, half

    def coarse(self, phi: NDArray[np.float32]) -> NDArray[np.float32]:
        """Project once more, on very few directions: a lower bound on the lower bound, quickly computed for many.

        Args:
            phi: (n, p + 2) float32 projections, whatever their last column.

        Returns:
            (n, c + 2) float32, the last column that of `phi`.
        """
        values = phi[:, :-1].astype(np.float64)
        along = values[:, :-1] @ self.leading
        rest = np.einsum("nq,nq->n", values, values) - np.einsum("nc,nc->n", along, along)  # n rows, q and c values
        return np.column_stack([along, np.sqrt(np.maximum(rest, 0)), phi[:, -1]]).astype(np.float32)


def rest_norms(phi: NDArray[np.float32], leading: int, executor: Executor) -> NDArray[np.float32]:
    """Return the norm of all but the leading values of each projection, (n,) float32; zeros where none are asked for.

    Args:
        phi: (n, p + 2) float32 projections, whatever their last column.
        leading: values that are left out.
        executor: computes blocks of rows side by side.
    """
    rest = np.zeros(len(phi), np.float32)
    if leading:
        in_blocks(executor, lambda a, b: kernels.rest_norms(phi, leading, a, b, rest), len(phi), _BLOCK)
    return rest


def fit(vectors: NDArray[np.float32], base: NDArray[np.float32], n_picks: int) -> Projection:
    """Choose the mean, the principal directions and how many of them, from a sample of the vectors.

    The choice has an influence on speed only.

    Args:
        vectors: (n, d) float32 candidates, n at least 1.
        base: (m, d) float32 samples that they are compared with first.
        n_picks: number of candidates that they are compared with afterwards, at most.
    """
    rng = np.random.default_rng(0)
    sample = vectors[np.sort(rng.choice(len(vectors), min(len(vectors), _SPECTRUM_SAMPLE), replace=False))]
    mean = sample.mean(axis=0, dtype=np.float64)
    centred = sample - mean
    _, directions = np.linalg.eigh(centred.T @ centred)
    basis = directions[:, ::-1]
    own = centred[rng.choice(len(centred), min(len(centred), 2 * _COST_SAMPLE), replace=False)] @ basis
    points, centres = own[::2], own[1::2]
    comparisons = [(centres, n_picks)] if len(centres) else []
    if len(base):
        few = base[np.sort(rng.choice(len(base), min(len(base), _COST_SAMPLE), replace=False))]
        comparisons.append(((few - mean) @ basis, len(base)))
    width = _cheapest_width(points, comparisons)
    if width == len(mean):
        return Projection(mean, None, np.ascontiguousarray(basis[:, :_COARSE]))
    return Projection(mean, np.ascontiguousarray(basis[:, :width]), np.eye(width, _COARSE))


def _cheapest_width(points: NDArray[np.float64], comparisons: Sequence[tuple[NDArray[np.float64], int]]) -> int:
    """Return the number of directions with the smallest expected cost a pair.

    A pair costs its share of the matrix product, the exact distance where the bound lets it through, and its share of
    the projection, which is computed once a candidate; all directions together need none. A base can be far from all
    candidates while these are near to each other, and then needs more directions, so both are weighed.

    Args:
        points: (m, d) float64 sample of the candidates in the basis of principal directions.
        comparisons: samples of the centres, (k, d) float64 in that basis, and how many centres each stands for.
    """
    dimension = int(points.shape[1])
    widths = [*(width for width in _WIDTHS if width < dimension), dimension]
    total = max(1, sum(weight for _, weight in comparisons))
    costs = np.array([_PRODUCT * (width + 2) for width in widths])
    costs[:-1] += [_PROJECTION * dimension * width / (_SHARE_COMPARED * total) for width in widths[:-1]]
    for centres, weight in comparisons:
        costs += weight / total * (_EXACT + _EXACT_A_VALUE * dimension) * _shares_let_through(points, centres, widths)
    return widths[int(costs.argmin())]


def _shares_let_through(
    points: NDArray[np.float64], centres: NDArray[np.float64], widths: Sequence[int]
) -> NDArray[np.float64]:
    """Return the share of pairs whose bound is below the distance to the nearest centre, for numbers of directions.

    Args:
        points: (m, d).
        centres: (k, d).
        widths: ascending, the last one d.
    """
    points, centres = points.astype(np.float32), centres.astype(np.float32)
    norms = np.add.outer((points**2).sum(axis=1), (centres**2).sum(axis=1))
    nearest = (norms - 2 * points @ centres.T).min(axis=1, keepdims=True)
    along = np.zeros_like(norms)
    shares = np.empty(len(widths))
    for k, (start, stop) in enumerate(pairwise([0, *widths])):
        along += points[:, start:stop] @ centres[:, start:stop].T
        rests = np.outer(*(np.linalg.norm(vectors[:, stop:], axis=1) for vectors in (points, centres)))
        shares[k] = (norms - 2 * (along + rests) < nearest).mean()
    return shares
