"""Kinds of units: those with the same members of every class, which a quota moves up and down together."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from curation.selection.greedy.terms import quota_value, quotients, seat_quotients
from curation.selection.kcenter import kernels
from curation.selection.objectives import Quota

_LARGEST_CODE = 2**62


def kinds_of(quotas: Sequence[Quota], n: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the kind of each unit, (n,) int64, and a unit of each kind, (k,) int64.

    Args:
        quotas: by which units differ.
        n: units.
    """
    code, size = np.zeros(n, np.int64), 1
    for quota in quotas:
        for column in (*quota.counts.T, quota.others):
            span = int(column.max(initial=0)) + 1
            if size * span > _LARGEST_CODE:
                _, code = np.unique(code, return_inverse=True)
                size = n
            code = code * span + column
            size *= span
    _, first, kind = np.unique(code, return_index=True, return_inverse=True)
    return kind.astype(np.int64), first.astype(np.int64)


class Balances:
    """The quotas, and what was counted so far.

    Where there are many kinds, each unit's quotas are computed by themselves, for the few units that are looked at; for
    the others they have an upper bound, since `target / (2 x members so far + 1)` only falls.

    Attributes:
        is_by_unit: whether there are so many kinds. All units count as one kind then.
        kind: (n,) int64 kind of each unit.
        n_kinds: number of them, at least 1.
        terms: for each quota, (m,) float64 logarithm of its factor for the few units.
    """

    def __init__(self, quotas: Sequence[Quota], n: int, most_kinds: int) -> None:
        """Begin with what the base has."""
        self.kind, first = kinds_of(quotas, n)
        self.is_by_unit = len(first) > most_kinds
        if self.is_by_unit:
            self.kind, first = np.zeros(n, np.int64), np.arange(n)
        self.n_kinds = 1 if self.is_by_unit else len(first)
        self._quotas = quotas
        self._members = [_members(quota, first) for quota in quotas]
        self._count = [quota.before.copy() for quota in quotas]
        self._few_members: list[_Members] = []
        self._kind_terms: list[NDArray[np.float64]] = []
        self._update()
        self.open(first[:0])

    @property
    def shift(self) -> NDArray[np.float64]:
        """The sum of the terms of each kind, (k,) float64; 0 if they are by unit."""
        return np.sum(self._kind_terms, axis=0) if self._kind_terms else np.zeros(self.n_kinds)

    def bound(self, units: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the sum of the terms of units, (m,), if they are by unit: not divided by the largest quotient.

        Otherwise 0, and minus infinity where it is that for the kind.
        """
        if not self.is_by_unit:
            return np.where(self.shift[self.kind[units]] == -np.inf, -np.inf, 0.0)
        total = np.full(len(units), self._largest)
        for term in self._terms([_members(quota, units) for quota in self._quotas]):
            total += term
        return total

    def highest(self, floor: NDArray[np.float64], margin: float) -> NDArray[np.float64]:
        """Return the largest value with quotas, (k,), of what is not above the floors, (k,)."""
        if self.is_by_unit:
            return floor - self._largest + margin
        for term in self._kind_terms:
            floor = floor + term
        return floor

    def above_floors(self, value: NDArray[np.float64], values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return what is compared with floors, (m,), of the few units.

        Args:
            value: (m,) without quotas.
            values: (m,) with quotas.
        """
        return values + self._largest if self.is_by_unit else value

    def open(self, units: NDArray[np.int64]) -> None:
        """Choose the few units whose terms are wanted after every pick."""
        self._few = units
        if self.is_by_unit:
            self._few_members = [_members(quota, units) for quota in self._quotas]
        self._find_terms()

    def add(self, unit: int) -> None:
        """Count a unit."""
        if self._quotas:
            for quota, count in zip(self._quotas, self._count, strict=True):
                count += quota.counts[unit]
            self._update()
            self._find_terms()

    def values(self, unit: int) -> list[float]:
        """Return `v` of each quota."""
        one = np.array([unit])
        return [
            float(quota_value(quota.counts[one], quota.others[one], quotients(quota, count))[0])
            for quota, count in zip(self._quotas, self._count, strict=True)
        ]

    def _update(self) -> None:
        if not self.is_by_unit:
            self._kind_terms = self._terms(self._members)
        self._largest = sum(
            quota.strength * float(np.log(seat_quotients(quota, count).max()))
            for quota, count in zip(self._quotas, self._count, strict=True)
        )

    def _find_terms(self) -> None:
        if self.is_by_unit:
            self.terms = self._terms(self._few_members)
        else:
            self.terms = [term[self.kind[self._few]] for term in self._kind_terms]

    def _terms(self, members: "Sequence[_Members]") -> list[NDArray[np.float64]]:
        """Return the term of each quota for some units or kinds."""
        found = []
        for quota, count, (counts, total) in zip(self._quotas, self._count, members, strict=True):
            term = np.empty(len(counts))
            kernels.quota_terms(counts, total, quotients(quota, count), quota.strength, term)
            found.append(term)
        return found


_Members = tuple[NDArray[np.int64], NDArray[np.int64]]
"""Members of each class, (m, c), and in all, (m,), at least 1."""


def _members(quota: Quota, units: NDArray[np.int64]) -> _Members:
    counts = quota.counts[units]
    return counts, np.maximum(counts.sum(axis=1) + quota.others[units], 1)
