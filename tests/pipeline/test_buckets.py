"""Raw data that stays in its bucket: the same datapool as from the folder, and each object is read once."""

import shutil
from collections import Counter
from pathlib import Path

import pytest

from curation.core.hashing import md5_of_file
from tests.buckets.server import Bucket, one_in
from tests.buckets.server import s3_bucket as s3_bucket
from tests.buckets.server import s3_server as s3_server
from tests.media_files import write_video
from tests.pipeline.project import ALWAYS, Project

pytestmark = pytest.mark.slow


def files_in(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def reads(bucket: Bucket) -> Counter[str]:
    """Return how often each object was read."""
    return Counter(request.path.partition("/raw/")[2] for request in bucket.reads())


def upload(folder: Path, bucket: Bucket) -> None:
    """Let the bucket hold what the folder of raw data of a project holds."""
    files = {f"raw/{name}": content for name, content in files_in(folder).items() if name != ".gitignore"}
    listed = bucket.client.list_objects_v2(Bucket=bucket.name, Prefix="raw/").get("Contents", [])
    present = {one["Key"]: one["ETag"] for one in listed}
    bucket.delete(*(key for key in present if key not in files))
    bucket.put({key: content for key, content in files.items() if key not in present})
    bucket.forget()


def assert_equal(of_bucket: Project, of_folder: Project) -> None:
    """Compare two datapools; only one of them knows objects."""
    found = files_in(of_bucket.folder / "datapool")
    assert {name: content for name, content in found.items() if not name.startswith("sources/")} == files_in(
        of_folder.folder / "datapool"
    )


def test_a_bucket_gives_the_datapool_of_the_folder_and_is_read_once(
    template: Project, tmp_path: Path, s3_bucket: Bucket
) -> None:
    of_folder, of_bucket = template.copy(tmp_path / "folder"), template.copy(tmp_path / "bucket")
    raw = of_folder.folder / "data/raw"
    of_folder.add_images("a")
    shutil.copy(raw / "a_003.png", raw / "copy.png")
    (raw / "bad.jpg").write_bytes(b"no image")
    write_video(raw / "v.mp4", range(4))
    upload(raw, s3_bucket)
    s3_bucket.server.fault = one_in(10)
    list_again = ("python", "-m", "curate", "list-bucket", f"s3://{s3_bucket.name}/raw", "--name", "own")
    of_bucket.run(*list_again)
    for project in (of_folder, of_bucket):
        assert ", 1 of them corrupt as a whole" in project.repro().output
        project.commit("iteration 1")
    assert_equal(of_bucket, of_folder)
    assert set(reads(s3_bucket)) == {path.name for path in raw.iterdir() if path.name != ".gitignore"}
    s3_bucket.server.fault = None

    s3_bucket.forget()
    assert of_bucket.dvc("repro", "merge_datapool").ran() == ALWAYS
    assert not s3_bucket.server.requests

    (raw / "a_004.png").rename(raw / "moved.png")
    of_folder.add_images("b", 3)
    upload(raw, s3_bucket)
    of_bucket.run(*list_again)
    s3_bucket.forget()
    for project in (of_folder, of_bucket):
        project.set_params(select__n_samples=2)
        project.repro()
        project.commit("iteration 2")
    of_bucket.dvc("repro")  # the report reads nothing more
    assert_equal(of_bucket, of_folder)
    assert reads(s3_bucket) == dict.fromkeys(["b_000.png", "b_001.png", "b_002.png", "moved.png"], 1)

    kept = {md5_of_file(path) for path in raw.iterdir() if path.suffix in (".png", ".mp4", ".jpg")}
    cached = {path.parent.name + path.name for path in (of_bucket.folder / ".dvc/cache/files/md5").rglob("*")}
    assert not kept & cached, "no raw file is in the cache"
    assert [path.name for path in (of_bucket.folder / "data/raw").iterdir() if path.name != ".gitignore"] == [
        "own.listing.parquet"
    ]
    assert not [path for path in (of_bucket.folder / "data/clean").iterdir() if path.name.startswith(".")]

    s3_bucket.forget()
    of_bucket.run("python", "-m", "curate", "export", "images", "out")
    of_folder.run("python", "-m", "curate", "export", "images", "out")
    assert files_in(of_bucket.folder / "out") == files_in(of_folder.folder / "out")
    assert set(reads(s3_bucket).values()) == {1}
    assert "a_004.png was" in of_bucket.run("python", "-m", "curate", "why", "moved.png").output
