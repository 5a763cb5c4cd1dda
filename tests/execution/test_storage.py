"""Tests of what nodes leave in a folder that all see, or in a bucket."""

from pathlib import Path

import pytest

from curation.core.errors import BucketError, ClusterError
from curation.execution.storage import Storage
from tests.buckets.server import Bucket
from tests.buckets.server import s3_bucket as s3_bucket
from tests.buckets.server import s3_server as s3_server


def round_trip(storage: Storage) -> bytes:
    """Write a file into a folder of its own, as a node does, and read it."""
    with storage.folder_of_a_run() as folder:
        with Storage(folder.place).open("pack", "wb") as file:
            file.write(b"content")
        with folder.open("pack", "rb") as file:
            return file.read()


def test_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "shared").mkdir()
    for place in ("shared", f"{tmp_path}/shared/", f"file://{tmp_path}/shared"):
        storage = Storage.at(place)
        monkeypatch.chdir("/")  # nodes are elsewhere
        assert round_trip(storage) == b"content"
        assert not list((tmp_path / "shared").iterdir())
        monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("key", ["", "/", "/packs", "/packs/"])
def test_a_bucket(s3_bucket: Bucket, key: str) -> None:
    assert round_trip(Storage.at(f"s3://{s3_bucket.name}{key}")) == b"content"
    assert "Contents" not in s3_bucket.client.list_objects_v2(Bucket=s3_bucket.name)


def test_a_folder_without_anything_in_it_is_removed_as_well(s3_bucket: Bucket, tmp_path: Path) -> None:
    for place in (f"s3://{s3_bucket.name}/packs", str(tmp_path)):
        with Storage.at(place).folder_of_a_run():
            pass
    assert not list(tmp_path.iterdir())


def test_places_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(ClusterError, match=r"execution\.storage: .*nowhere is no folder here"):
        Storage.at(str(tmp_path / "nowhere"))
    with pytest.raises(BucketError, match="is not the address of a bucket"):
        Storage.at("ftp://host/folder")
    with pytest.raises(BucketError, match="DVC knows no remote of this name"):
        Storage.at("remote://nobody/folder")


def test_a_bucket_that_cannot_be_used_is_told_in_a_line(s3_bucket: Bucket) -> None:
    with (
        pytest.raises(ClusterError, match=r"execution\.storage: s3://no-such-bucket/clean-\w+ cannot be used: "),
        Storage.at("s3://no-such-bucket").folder_of_a_run() as folder,
        folder.open("pack", "wb") as file,
    ):
        file.write(b"content")
    assert "no-such-bucket" not in str(s3_bucket.client.list_buckets()["Buckets"]), "none is made"
