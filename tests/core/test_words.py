"""Numbers in words."""

import pytest

from curation.core.words import in_bytes


@pytest.mark.parametrize(
    ("count", "words"),
    [
        (0, "0 bytes"),
        (999, "999 bytes"),
        (1000, "1.0 kB"),
        (45_600, "46 kB"),
        (3_140_000, "3.1 MB"),
        (2e9, "2.0 GB"),
        (1.2e13, "12 TB"),
    ],
)
def test_an_amount_of_data_has_two_or_three_digits(count: float, words: str) -> None:
    assert in_bytes(count) == words
