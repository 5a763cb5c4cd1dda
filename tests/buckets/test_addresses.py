"""Addresses of buckets, remotes and folders."""

import pytest

from curation.buckets.addresses import Address, parse_address, parse_folder
from curation.core.errors import BucketError


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("s3://b/a key?#%20", Address("s3", "b", "a key?#%20")),
        ("remote://storage", Address("remote", "storage", "")),
        ("file:///a/b", Address("file", "", "a/b")),
    ],
)
def test_a_key_is_all_that_follows(text: str, address: Address) -> None:
    assert parse_address(text) == address
    assert parse_address(address.text) == address


def test_a_folder_ends_with_a_slash() -> None:
    assert {parse_folder(text).text for text in ("s3://b/a", "s3://b/a/", "s3://b/a//")} == {"s3://b/a/"}
    assert {parse_folder(text).text for text in ("s3://b", "s3://b/")} == {"s3://b/"}


@pytest.mark.parametrize("text", ["b/a", "http://b/a", "s3:///a", "file://b/a", "s3://me:secret@b/a", ""])
def test_all_else_is_no_address(text: str) -> None:
    with pytest.raises(BucketError, match="is not the address of a bucket"):
        parse_address(text)
