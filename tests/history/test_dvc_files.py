"""Merging lists of raw files: what both sides added comes in, and what they contradict each other in is named."""

from hashlib import md5
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from curation.buckets.listing import LISTING, Origin, read_listing, write_listing
from curation.core.errors import BaseError
from curation.history.dvc_files import Sides, add_size, merge_listings, merged_dvc_file

LISTINGS = st.dictionaries(st.sampled_from("abcdef"), st.sampled_from("123"))
RAW = Path("data/raw.dvc")


class FakeCache:
    """A cache in a folder, and a remote that holds lists of files only."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.lists: dict[str, dict[str, str]] = {}
        self.remote: dict[str, dict[str, str]] = {}
        self.fetched: list[list[str]] = []

    def put(self, listing: dict[str, str], *, remote: bool = False) -> str:
        name = md5(repr(sorted(listing.items())).encode()).hexdigest() + ".dir"
        (self.remote if remote else self.lists)[name] = dict(listing)
        return name

    def has(self, name: str) -> bool:
        return name in self.lists

    def path(self, name: str) -> Path:
        return self.folder / name

    def file(self, name: str) -> Path:
        return self.folder / name

    def temporary_folder(self) -> Path:
        return self.folder

    def listing(self, name: str) -> dict[str, str]:
        return self.lists[name]

    def add_listing(self, listing: dict[str, str]) -> str:
        return self.put(listing)

    def fetch(self, names: list[str]) -> None:
        self.fetched.append(names)
        self.lists |= {name: self.remote[name] for name in names if name in self.remote}


@pytest.fixture
def cache(tmp_path: Path) -> Any:
    return FakeCache(tmp_path)


def dvc_file(md5_of_list: str, more: str = "") -> str:
    return f"outs:\n- md5: {md5_of_list}\n  size: 7\n  nfiles: 2\n  hash: md5\n  path: raw\n{more}"


@given(LISTINGS, LISTINGS, LISTINGS)
def test_a_merged_list_takes_each_change_of_either_side(
    base: dict[str, str], ours: dict[str, str], theirs: dict[str, str]
) -> None:
    merged, clashes = merge_listings(base, ours, theirs)
    assert (merged, clashes) == merge_listings(base, theirs, ours)
    for name in "abcdef":
        before, one, other = base.get(name), ours.get(name), theirs.get(name)
        assert (name in clashes) == (one != other and before not in (one, other))
        if name not in clashes:
            assert merged.get(name) == (other if one == before else one)
    assert merge_listings(base, base, theirs) == (dict(sorted(theirs.items())), [])


def test_a_file_is_no_folder() -> None:
    assert merge_listings({}, {"a": "1", "b": "1"}, {"a/x": "2"})[1] == ["a"]


def test_lists_are_fetched_and_united(cache: FakeCache) -> None:
    base, ours = cache.put({"a": "1"}, remote=True), cache.put({"a": "1", "b": "22"})
    theirs = cache.put({"a": "1", "c": "333"}, remote=True)
    sides = Sides(dvc_file(base), dvc_file(ours, "# mine\n"), dvc_file(theirs))
    text = merged_dvc_file(RAW, sides, cache)  # type: ignore[arg-type]
    assert cache.fetched == [[base, theirs]]
    merged = cache.put({"a": "1", "b": "22", "c": "333"})
    assert text == f"outs:\n- md5: {merged}\n  nfiles: 3\n  hash: md5\n  path: raw\n# mine\n"
    output = YAML().load(text)["outs"][0]
    assert not add_size(output, cache.listing(merged), cache)  # type: ignore[arg-type]
    for name in ("1", "22", "333"):
        cache.path(name).write_text(name)
    assert add_size(output, cache.listing(merged), cache)  # type: ignore[arg-type]
    assert list(output.items()) == [("md5", merged), ("size", 6), ("nfiles", 3), ("hash", "md5"), ("path", "raw")]


def test_without_the_common_list_nothing_is_left_out(cache: FakeCache) -> None:
    ours, theirs = cache.put({"b": "2"}), cache.put({"a": "1", "c": "3"})
    text = merged_dvc_file(RAW, Sides(dvc_file("0" * 32 + ".dir"), dvc_file(ours), dvc_file(theirs)), cache)  # type: ignore[arg-type]
    assert cache.put({"a": "1", "b": "2", "c": "3"}) in text


def test_what_only_one_side_changed_needs_no_lists(cache: FakeCache) -> None:
    for sides in (Sides("a", "a", "b"), Sides("a", "b", "a"), Sides("a", "b", "b"), Sides(None, "b", "b")):
        assert merged_dvc_file(RAW, sides, cache) == "b"  # type: ignore[arg-type]
    assert cache.fetched == []


def test_contradictions_are_named(cache: FakeCache) -> None:
    base, ours, theirs = (cache.put({"day/x.mp4": value, "a": "1"}) for value in "123")
    lost = "0" * 32 + ".dir"
    for sides, told in (
        (Sides(dvc_file(base), dvc_file(ours), dvc_file(theirs)), r"1 files in another way: data/raw/day/x\.mp4"),
        (
            Sides(dvc_file(base), dvc_file(ours), dvc_file(lost)),
            rf"other side's files, {lost}, is in neither.*dvc push",
        ),
        (Sides(dvc_file(base), None, dvc_file(theirs)), "deleted on one side"),
        (Sides(dvc_file(base), dvc_file(ours), dvc_file(theirs, "desc: x\n")), "in more than the files"),
        (Sides(dvc_file("1" * 32), dvc_file("2" * 32), dvc_file("3" * 32)), "git checkout --ours data/raw.dvc"),
        (Sides(dvc_file(base), dvc_file(ours), "<<<<<<< HEAD\n"), "holds git's conflict markers"),
    ):
        with pytest.raises(BaseError, match=told):
            merged_dvc_file(RAW, sides, cache)  # type: ignore[arg-type]


def put_bucket(cache: Any, place: str, **etags: str) -> str:
    """Put the listing of a bucket into the cache, and return its hash."""
    rows = [(path, 1, etag, "", f"s3://b/{path}", "") for path, etag in etags.items()]
    file = cache.folder / "new"
    write_listing(pd.DataFrame(rows, columns=LISTING.names), file, Origin((place,)))
    digest = md5(file.read_bytes()).hexdigest()
    file.rename(cache.folder / digest)
    return digest


def test_listings_of_a_bucket_are_united(cache: Any) -> None:
    name = "cam.listing.parquet"
    former, mine, other = (
        put_bucket(cache, "s3://b/", **objects)
        for objects in ({"a": "1", "z": "1"}, {"a": "1", "b": "1", "c": "1"}, {"a": "1", "c": "2", "d": "2"})
    )
    sides = [dvc_file(cache.put({"own.png": digest, name: digest})) for digest in (former, mine, other)]
    with pytest.raises(BaseError, match=r"both sides changed 1 files in another way: data/raw/own\.png"):
        merged_dvc_file(RAW, Sides(*sides), cache)
    sides = [dvc_file(cache.put({name: digest})) for digest in (former, mine, other)]
    merged = YAML().load(merged_dvc_file(RAW, Sides(*sides), cache))["outs"][0]
    table = read_listing(cache.path(cache.listing(merged["md5"])[name]))
    assert dict(zip(table["path"], table["etag"], strict=True)) == {"a": "1", "b": "1", "c": "1", "d": "2"}
    elsewhere = dvc_file(cache.put({name: put_bucket(cache, "s3://other/", a="1")}))
    with pytest.raises(BaseError, match=r"cam\.listing\.parquet lists other places on either side"):
        merged_dvc_file(RAW, Sides(sides[0], sides[1], elsewhere), cache)
