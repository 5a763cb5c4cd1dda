"""Near duplicates: the first stays, and only what stays stands for others."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.cleaning import near_duplicates as module
from curation.cleaning.near_duplicates import near_duplicates


def _hashes(*values: int) -> "np.ndarray[tuple[int], np.dtype[np.uint64]]":
    return np.array(values, dtype=np.uint64)


def test_the_first_stays_and_a_chain_does_not_vanish() -> None:
    found = near_duplicates(_hashes(), _hashes(0b0, 0b1, 0b11, 0b111), 1)
    assert found.keeper.tolist() == [-1, 0, -1, 2]
    assert found.bits.tolist() == [0, 1, 0, 1]


def test_known_hashes_stay_before_all_and_the_nearest_is_named() -> None:
    found = near_duplicates(_hashes(0b1111, 0b1), _hashes(0b0, 0b111111), 4)
    assert found.keeper.tolist() == [1, 0]
    assert found.bits.tolist() == [1, 2]


def test_zero_bits_finds_equal_hashes_only() -> None:
    assert near_duplicates(_hashes(), _hashes(5, 4, 5), 0).keeper.tolist() == [-1, -1, 0]
    assert near_duplicates(_hashes(), _hashes(), 3).keeper.tolist() == []


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(0, 2**64 - 1), max_size=12),
    st.lists(st.integers(0, 2**9 - 1) | st.integers(0, 2**64 - 1), max_size=40),
    st.integers(0, 9),
    st.integers(1, 9),
)
def test_equals_the_plain_definition_with_any_block_size(
    known: list[int], new: list[int], limit: int, block: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_BLOCK", block)
        patch.setattr(module, "_KEPT_BLOCK", block)
        found = near_duplicates(_hashes(*known), _hashes(*new), limit)
    staying = list(enumerate(known))
    for place, value in enumerate(new):
        near = [((value ^ other).bit_count(), index) for index, other in staying]
        bits, index = min(near, default=(65, -1))
        if bits <= limit:
            assert (found.keeper[place], found.bits[place]) == (index, bits)
        else:
            assert (found.keeper[place], found.bits[place]) == (-1, 0)
            staying.append((len(known) + place, value))
