"""Listings of buckets: which objects, under which paths, and what is new since."""

from pathlib import Path

import pytest

from curation.buckets.listing import Origin, is_listing, read_listing, read_origin, write_listing
from curation.buckets.refresh import Refreshed, refresh
from curation.core.errors import BucketError, RawDataError
from tests.buckets.server import Bucket

LONG = "n" * 256


def listed(bucket: Bucket, folder: Path, *places: str, into: str = "") -> Refreshed:
    """List folders of a bucket."""
    addresses = tuple(f"s3://{bucket.name}/{place}" for place in places)
    return refresh(folder / "b.listing.parquet", Origin(addresses, into), lambda _: None)


def test_every_object_below_the_address_is_listed(s3_bucket: Bucket, tmp_path: Path) -> None:
    s3_bucket.keep_versions()
    s3_bucket.put({"raw/b.png": b"22", "raw/a/=x.mp4": b"1", "raw2/c.png": b"3", "raw/a/gone.png": b"4"})
    s3_bucket.put({"raw/b.png": b"333"})
    s3_bucket.delete("raw/a/gone.png")
    s3_bucket.put({"raw/": b"", "raw/a/": b""})
    found = listed(s3_bucket, tmp_path, "raw/")
    table = read_listing(found.path)
    assert found.table.equals(table)
    assert table["path"].tolist() == ["a/=x.mp4", "b.png"]
    assert table["size"].tolist() == [1, 3]
    assert table["address"].tolist() == [f"s3://{s3_bucket.name}/raw/{path}" for path in table["path"]]
    assert (table["version"] != "").all()
    assert (table["etag"].str.len() == 32).all()
    assert read_origin(found.path) == Origin((f"s3://{s3_bucket.name}/raw/",))
    assert (found.is_first, found.new, found.notes) == (True, ("a/=x.mp4", "b.png"), ())


@pytest.mark.thorough
def test_pages_of_a_list_are_put_together(s3_bucket: Bucket, tmp_path: Path) -> None:
    s3_bucket.put_many({f"{number:04d}.png": b"" for number in range(1003)})
    s3_bucket.forget()
    found = listed(s3_bucket, tmp_path, "")
    assert found.table["path"].tolist() == [f"{number:04d}.png" for number in range(1003)]
    assert [one.method for one in s3_bucket.server.requests if one.query] == ["GET", "GET"]


def test_a_refresh_tells_what_is_new_changed_and_gone(s3_bucket: Bucket, tmp_path: Path) -> None:
    s3_bucket.put({"a": b"1", "b": b"1", "c": b"1"})
    first = listed(s3_bucket, tmp_path, "")
    before = first.path.read_bytes(), first.path.stat().st_ino
    again = listed(s3_bucket, tmp_path, "")
    assert (again.new, again.changed, again.gone, again.is_first) == ((), (), (), False)
    assert (first.path.read_bytes(), first.path.stat().st_ino) == before, "it was not even written"
    s3_bucket.put({"b": b"2", "d": b"1"})
    s3_bucket.delete("a")
    later = listed(s3_bucket, tmp_path, "")
    assert (later.new, later.changed, later.gone) == (("d",), ("b",), ("a",))
    assert later.path.read_bytes() != before[0]


def test_equal_content_gives_equal_bytes(s3_bucket: Bucket, tmp_path: Path) -> None:
    s3_bucket.put({"a": b"1", "b": b"1"})
    found = listed(s3_bucket, tmp_path, "")
    other = tmp_path / "other.listing.parquet"
    write_listing(found.table.iloc[::-1], other, read_origin(found.path))
    assert other.read_bytes() == found.path.read_bytes()


def test_a_refresh_that_fails_leaves_the_listing(s3_bucket: Bucket, tmp_path: Path) -> None:
    s3_bucket.put({"raw/a": b"1"})
    path = listed(s3_bucket, tmp_path, "raw/").path
    before = path.read_bytes()
    s3_bucket.delete("raw/a")
    with pytest.raises(BucketError, match="raw/ holds no objects"):
        listed(s3_bucket, tmp_path, "raw/")
    with pytest.raises(BucketError, match="no-such-bucket/ cannot be listed: the bucket is not there"):
        refresh(path, Origin(("s3://no-such-bucket/",)), lambda _: None)
    assert path.read_bytes() == before


def test_a_part_of_a_list_that_fails_is_asked_for_again(s3_bucket: Bucket, tmp_path: Path) -> None:
    s3_bucket.put({"a": b"1"})
    s3_bucket.forget()
    s3_bucket.server.fault = lambda request, before: ["500", "reset", "cut", None][min(before, 3)]
    assert listed(s3_bucket, tmp_path, "").table["path"].tolist() == ["a"]


def test_keys_that_are_no_names_of_files_are_told(s3_bucket: Bucket, tmp_path: Path) -> None:
    s3_bucket.put({"a.png": b"1", "a/../b.png": b"1", "/c.png": b"1", "d//e.png": b"1"})
    s3_bucket.put({f"{LONG}.png": b"1", "A.png": b"1", "-é ü.png": b"1"})
    s3_bucket.put({"cold.png": b"1"}, StorageClass="DEEP_ARCHIVE")
    found = listed(s3_bucket, tmp_path, "")
    reasons = dict(zip(found.table["path"], found.table["reason"], strict=True))
    assert [path for path, reason in reasons.items() if not reason] == ["./-é ü.png", "A.png", "a.png"]
    assert "more than 255 bytes" in reasons[f"{LONG}.png"]
    assert "archive class DEEP_ARCHIVE: restore it" in reasons["cold.png"]
    assert len(reasons) == 5
    assert any("3 objects left out, since no file can be called like their keys" in note for note in found.notes)
    assert sum("1 object will be ignored" in note for note in found.notes) == 2


def test_places_side_by_side(s3_bucket: Bucket, tmp_path: Path) -> None:
    s3_bucket.put({"x/a": b"1", "y/b": b"1", "z/a": b"1"})
    found = listed(s3_bucket, tmp_path, "x/", "y/", into="cams/new")
    assert found.table["path"].tolist() == ["cams/new/a", "cams/new/b"]
    with pytest.raises(BucketError, match=r"x/a and s3://.*z/a would both stand for a in the folder of raw data"):
        listed(s3_bucket, tmp_path, "x/", "z/")


def test_a_bucket_that_does_not_list_versions(
    s3_bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    s3_bucket.keep_versions()
    s3_bucket.put({"a": b"1"})
    monkeypatch.setattr("curation.buckets.opening._store", _unremembered())
    s3_bucket.server.fault = lambda request, before: "403" if "versions" in request.query else None
    found = listed(s3_bucket, tmp_path, "")
    assert found.table["version"].tolist() == [""]
    assert "versions of s3://" in found.notes[0]
    assert "s3:ListBucketVersions" in found.notes[0]


def _unremembered() -> object:
    """Return what opens stores without remembering them: what this test's store is refused holds for no other."""
    from curation.buckets import opening

    store = opening._store.__wrapped__("s3", "", str(Path.cwd()))
    return lambda *_: store


def test_only_listings_are_read_as_such(tmp_path: Path) -> None:
    assert is_listing("cam.listing.parquet")
    assert is_listing("./=x.listing.parquet")
    assert not any(map(is_listing, ("cam.parquet", "a/cam.listing.parquet", ".listing.parquet")))
    (tmp_path / "x.listing.parquet").write_bytes(b"no")
    for read in (read_listing, read_origin):
        with pytest.raises(RawDataError, match=r"x\.listing\.parquet is not a listing of a bucket .*list-bucket ADDR"):
            read(tmp_path / "x.listing.parquet")
