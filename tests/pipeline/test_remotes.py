"""Sharing through a remote: push, clone, pull, nothing to run, and the next iteration; on an S3 server of our own."""

from collections.abc import Iterator

import pytest

from tests.pipeline.project import ALWAYS, Project

pytestmark = pytest.mark.slow

KEYS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1"}


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Address of an S3 server on this machine, with a bucket named `curation`."""
    import boto3
    from moto.server import ThreadedMotoServer

    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_CA_BUNDLE", "http_proxy", "https_proxy"):
        monkeypatch.delenv(name, raising=False)
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    address = f"http://{host}:{port}"
    boto3.client("s3", endpoint_url=address).create_bucket(Bucket="curation")
    yield address
    server.stop()


def test_a_clone_from_s3_has_every_byte_and_goes_on(project: Project, s3: str) -> None:
    project.dvc("remote", "add", "--force", "--default", "storage", "s3://curation/data")
    project.dvc("remote", "modify", "storage", "endpointurl", s3)
    project.commit("share through S3")
    project.dvc("push")

    clone = project.clone("colleague")
    clone.dvc("pull")
    assert clone.dvc("repro").ran() == ALWAYS
    assert clone.status() == ""
    assert clone.lock() == project.lock()
    pdf = (clone.folder / "reports/report.pdf").read_bytes()
    assert pdf == (project.folder / "reports/report.pdf").read_bytes()

    clone.add_images("b")
    clone.repro()
    assert clone.state() == (10, 2)
    clone.commit("iteration 2")
    clone.dvc("push")
    project.git("pull", "--quiet", clone.folder.as_uri(), "main")
    project.dvc("pull", check=False)  # the report of this iteration was not made
    assert project.repro().ran() == ALWAYS
    assert project.names() == clone.names()


def test_raw_data_comes_from_a_bucket_and_new_objects_with_an_update(fresh: Project, s3: str) -> None:
    import boto3

    client = boto3.client("s3", endpoint_url=s3)
    names = fresh.add_images("a", count=3)

    def upload(some: list[str]) -> None:
        for name in some:
            client.upload_file(str(fresh.folder / "data/raw" / name), "curation", f"raw/city/{name}")

    def found() -> object:
        fresh.dvc("repro", "--quiet", "ingest")
        return fresh.read_json("reports/ingest.json")["images"]

    upload(names[:2])
    fresh.run("rm", "-rf", "data/raw", "data/raw.dvc")
    # As docs/guides/storage.md has it; data/raw.dvc keeps the address.
    fresh.dvc("import-url", "--quiet", "s3://curation/raw", "data/raw", "--fs-config", f"endpointurl={s3}")
    assert sorted(path.name for path in (fresh.folder / "data/raw/city").iterdir()) == names[:2]
    assert found() == 2
    fresh.add_images("a", count=3)
    upload(names[2:])
    for name in names:
        (fresh.folder / "data/raw" / name).unlink()
    fresh.dvc("update", "--quiet", "data/raw.dvc")
    assert found() == 3
