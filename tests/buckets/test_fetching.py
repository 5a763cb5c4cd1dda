"""Fetching objects: the pinned version, once, whole, and from services that fail in every way."""

import hashlib
import threading
from pathlib import Path

import pytest

from curation.buckets.fetching import UnreachableError, fetch
from curation.buckets.listing import Origin
from curation.buckets.objects import RawObject, raw_objects
from curation.buckets.refresh import refresh
from curation.core.errors import BucketError
from tests.buckets.server import FAULTS, Bucket, Request, one_in


def objects_of(bucket: Bucket, folder: Path) -> list[RawObject]:
    """List a bucket."""
    return raw_objects(refresh(folder / "b.listing.parquet", Origin((f"s3://{bucket.name}/",)), lambda _: None).table)


def fetched(found: RawObject, folder: Path, timeout_s: float = 60) -> bytes:
    """Fetch an object, and make sure of its hash and that nothing else stays."""
    digest = fetch(found, folder / "it", lambda _: None, timeout_s=timeout_s)
    content = (folder / "it").read_bytes()
    assert digest == hashlib.sha256(content).hexdigest()
    assert list(folder.glob(".fetching-*")) == []
    return content


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give up soon what does not answer, and ask again at once; the whole has as much time as ever."""
    monkeypatch.setattr("curation.buckets.patience._WINDOW_S", 0.4)
    monkeypatch.setattr("curation.buckets.patience._FIRST_PAUSE_S", 0.01)


def test_an_object_is_read_once_and_announced(s3_bucket: Bucket, tmp_path: Path) -> None:
    s3_bucket.put({"a": b"A" * 3_000_000, "empty": b""})
    big, empty = objects_of(s3_bucket, tmp_path)
    s3_bucket.forget()
    announced: list[int] = []
    fetch(big, tmp_path / "deep/it", announced.append, timeout_s=60)
    assert (tmp_path / "deep/it").read_bytes() == b"A" * 3_000_000
    assert set(announced) == {0}
    assert fetched(empty, tmp_path) == b""
    assert [one.path for one in s3_bucket.reads()] == [f"/{s3_bucket.name}/{key}" for key in ("a", "empty")]


def test_the_pinned_version_is_read_and_no_other(s3_bucket: Bucket, tmp_path: Path) -> None:
    s3_bucket.put({"plain": b"first"})
    [plain] = objects_of(s3_bucket, tmp_path)
    assert plain.version == ""
    s3_bucket.keep_versions()
    s3_bucket.put({"a": b"first", "gone": b"1", "plain": b"other"})
    first, gone, _ = objects_of(s3_bucket, tmp_path)
    s3_bucket.put({"a": b"later"})
    s3_bucket.delete("gone")
    assert first.version
    assert fetched(first, tmp_path) == b"first"
    assert fetched(gone, tmp_path) == b"1", "its version is still there"
    with pytest.raises(UnreachableError, match="has changed in the bucket since it was listed"):
        fetched(plain, tmp_path)
    assert [found.path for found in objects_of(s3_bucket, tmp_path)] == ["a", "plain"]
    s3_bucket.client.delete_object(Bucket=s3_bucket.name, Key="a", VersionId=first.version)
    with pytest.raises(UnreachableError, match="gone"):
        fetched(first, tmp_path)
    assert len(list(tmp_path.iterdir())) == 2, "the listing, and what was fetched last"


def test_what_cannot_be_had_is_said_and_not_asked_for_again(s3_bucket: Bucket, tmp_path: Path) -> None:
    s3_bucket.put({"a": b"1"}, StorageClass="GLACIER")
    [cold] = objects_of(s3_bucket, tmp_path)
    lost = RawObject("x", 1, "0" * 32, "", f"s3://{s3_bucket.name}/x")
    longer = RawObject("a", 2, cold.etag, "", cold.address)
    nowhere = RawObject("x", 1, "0" * 32, "", "s3://no-such-bucket/x")
    for found, words in (
        (cold, "is in an archive"),
        (lost, "is gone from the bucket"),
        (nowhere, "the bucket is not there"),
    ):
        s3_bucket.forget()
        with pytest.raises(UnreachableError, match=words):
            fetched(found, tmp_path)
        assert len(s3_bucket.reads()) == 1
    s3_bucket.put({"a": b"1"})
    with pytest.raises(UnreachableError, match="has 1 bytes in the bucket, and 2 when it was listed"):
        fetched(longer, tmp_path)


@pytest.mark.thorough
def test_no_fault_on_the_way_costs_an_object(s3_bucket: Bucket, tmp_path: Path, impatient: None) -> None:
    contents = {f"{number:02d}": hashlib.sha256(bytes([number])).digest() * 4000 for number in range(24)}
    s3_bucket.put(contents)
    found = objects_of(s3_bucket, tmp_path)
    s3_bucket.forget()
    fault = one_in(3)
    assert {fault(Request("GET", f"/{one.address[5:]}", "", ""), 0) for one in found} == {None, *FAULTS}
    s3_bucket.server.fault = fault
    for one in found:
        assert fetched(one, tmp_path) == contents[one.path]


def test_it_goes_on_where_it_stopped(s3_bucket: Bucket, tmp_path: Path, impatient: None) -> None:
    s3_bucket.put({"a": b"A" * 100_000})
    [found] = objects_of(s3_bucket, tmp_path)
    s3_bucket.forget()
    s3_bucket.server.fault = lambda request, before: "drip" if before < 2 else None
    assert fetched(found, tmp_path) == b"A" * 100_000
    ranges = [request.range for request in s3_bucket.reads()]
    assert ranges[:1] + ranges[-2:] == ["", "bytes=50000-", "bytes=75000-"]


def test_what_fails_for_good_ends_in_time_and_leaves_nothing(s3_bucket: Bucket, tmp_path: Path) -> None:
    s3_bucket.put({"a": b"A" * 1000})
    [found] = objects_of(s3_bucket, tmp_path)
    fetched(found, tmp_path)  # what is loaded and asked for once is no part of the time below
    (tmp_path / "it").unlink()
    s3_bucket.forget()
    s3_bucket.server.fault = lambda request, before: "503"
    with pytest.raises(UnreachableError, match=r"the service .*; tried \d+ times"):
        fetched(found, tmp_path, timeout_s=3)
    assert len(s3_bucket.reads()) > 1
    s3_bucket.server.fault = lambda request, before: "drip"
    with pytest.raises(UnreachableError, match=r"the service does not answer in time; tried \d times"):
        fetched(found, tmp_path, timeout_s=3)
    assert [path.name for path in tmp_path.iterdir()] == ["b.listing.parquet"]


def test_a_service_that_is_not_there_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    (tmp_path / ".dvc").mkdir()
    (tmp_path / ".dvc/config").write_text(
        "['remote \"here\"']\n    url = s3://b/raw\n    endpointurl = http://127.0.0.1:9\n"
    )
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UnreachableError, match=r"127\.0\.0\.1:9.*tried \d+ times"):
        fetched(RawObject("x", 1, "e", "", "remote://here/x"), tmp_path, timeout_s=4)
    with pytest.raises(BucketError, match=r"knows no remote of this name \(it knows here\): `dvc remote add there"):
        fetched(RawObject("x", 1, "e", "", "remote://there/x"), tmp_path)


def test_a_remote_has_its_endpoint_and_keys_from_dvc(
    s3_bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    (tmp_path / ".dvc").mkdir()
    (tmp_path / ".dvc/config").write_text(f"['remote \"storage\"']\n    url = s3://{s3_bucket.name}/raw\n")
    (tmp_path / ".dvc/config.local").write_text(
        f"['remote \"storage\"']\n    endpointurl = {s3_bucket.endpoint}\n"
        "    access_key_id = test\n    secret_access_key = test\n"
    )
    monkeypatch.chdir(tmp_path)
    s3_bucket.put({"raw/day/a b#1?.png": b"1", "other": b"2"})
    origin = Origin(("remote://storage/day/",))
    [found] = raw_objects(refresh(tmp_path / "x.listing.parquet", origin, lambda _: None).table)
    assert (found.path, found.address) == ("a b#1?.png", "remote://storage/day/a b#1?.png")
    assert fetched(found, tmp_path) == b"1"


def test_files_of_a_folder_are_read_like_objects(tmp_path: Path) -> None:
    store, here = tmp_path / "store", tmp_path / "here"
    (store / "b").mkdir(parents=True)
    here.mkdir()
    (store / "b/x").write_bytes(b"1")
    (store / "a").write_bytes(b"22")
    origin = Origin((f"file://{store}/",))
    found = raw_objects(refresh(tmp_path / "x.listing.parquet", origin, lambda _: None).table)
    assert [(one.path, one.size) for one in found] == [("a", 2), ("b/x", 1)]
    assert [fetched(one, here) for one in found] == [b"22", b"1"]
    (store / "a").write_bytes(b"33")
    (store / "b/x").unlink()
    for one, words in zip(found, ("has changed in the bucket", "is gone from the bucket"), strict=True):
        with pytest.raises(UnreachableError, match=words):
            fetched(one, here)


def test_several_threads_may_fetch_at_once(s3_bucket: Bucket, tmp_path: Path) -> None:
    s3_bucket.put({str(number): bytes([number]) * 1000 for number in range(8)})
    found = objects_of(s3_bucket, tmp_path)
    threads = [
        threading.Thread(
            target=lambda one: fetch(one, tmp_path / "out" / one.path, lambda _: None, timeout_s=20), args=(one,)
        )
        for one in found
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [(tmp_path / "out" / one.path).read_bytes()[0] for one in found] == list(range(8))
