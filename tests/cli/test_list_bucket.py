"""`list-bucket` and `update`, on a bucket of our own."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from curation.buckets.listing import read_listing, read_origin
from curation.cli.main import main
from curation.pipeline import paths
from tests.buckets.server import Bucket
from tests.buckets.server import s3_bucket as s3_bucket
from tests.buckets.server import s3_server as s3_server


@pytest.fixture
def curate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> "Curate":
    """The command-line tool in an empty project."""
    monkeypatch.chdir(tmp_path)
    for name in (paths.DVC_YAML, paths.PARAMS):
        Path(name).touch()
    return Curate()


class Curate:
    """Runs commands."""

    def __call__(self, *arguments: str, fails: bool = False) -> Result:
        """Run one, and make sure how it ends."""
        result = CliRunner().invoke(main, arguments)
        assert (result.exit_code != 0) is fails, result.output
        return result


def test_a_bucket_is_listed_and_listed_again(s3_bucket: Bucket, curate: Curate) -> None:
    s3_bucket.put({"raw/cam/a.png": b"1", "raw/cam/b.png": b"22"})
    address = f"s3://{s3_bucket.name}/raw/cam"
    said = curate("list-bucket", address).output
    assert f"list-bucket: data/raw/cam.listing.parquet: 2 objects, 3 bytes, of {address}/; a new listing" in said
    assert "Next: `dvc repro`" in said
    said = curate("update").output
    assert "2 objects, 3 bytes" in said
    assert said.endswith("; unchanged\nNothing is new.\n")
    s3_bucket.put({"raw/cam/a.png": b"other", "raw/cam/c.png": b"22"})
    s3_bucket.delete("raw/cam/b.png")
    result = curate("update")
    assert "; 1 new, 1 changed, 1 gone" in result.output
    assert "1 object changed (a.png, for one): `dvc repro` reads them again" in result.stderr
    assert read_listing(paths.RAW / "cam.listing.parquet")["path"].tolist() == ["a.png", "c.png"]


def test_one_that_cannot_be_listed_keeps_the_others_from_nothing(s3_bucket: Bucket, curate: Curate) -> None:
    assert "holds no listing of a bucket" in curate("update", fails=True).output
    s3_bucket.put({"x/a.png": b"1", "y/a.png": b"1"})
    for name in ("x", "y"):
        curate("list-bucket", f"s3://{s3_bucket.name}/{name}", "--into", f"{name}/deep/")
    s3_bucket.delete("x/a.png")
    s3_bucket.put({"y/b.png": b"1"})
    said = curate("update", fails=True).output
    assert "data/raw/x.listing.parquet stays as it is: " in said
    assert "update: data/raw/y.listing.parquet: 2 objects" in said
    assert read_origin(paths.RAW / "y.listing.parquet").into == "y/deep"


def test_wrong_arguments_are_told(s3_bucket: Bucket, curate: Curate) -> None:
    s3_bucket.put({"x/a.png": b"1", "y/x/a.png": b"1"})
    root = f"s3://{s3_bucket.name}"
    curate("list-bucket", f"{root}/x")
    said = curate("list-bucket", f"{root}/y/x", fails=True).output
    assert f"data/raw/x.listing.parquet lists {root}/x/: give this one another name" in said
    assert "has letters, digits" in curate("list-bucket", root, "--name", "../x", fails=True).output
    assert "give a folder relative to data/raw" in curate("list-bucket", root, "--into", "../x", fails=True).output
    assert "an address is given twice" in curate("list-bucket", root, f"{root}/", fails=True).output
    assert "is not the address of a bucket" in curate("list-bucket", "bucket/x", fails=True).output
    curate("list-bucket", root)
    assert (paths.RAW / f"{s3_bucket.name}.listing.parquet").exists()
