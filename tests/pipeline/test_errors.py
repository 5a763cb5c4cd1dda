"""Errors that a user can cause: one clear message, a non-zero exit, the datapool as it was."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from PIL import Image

from tests.pipeline.project import Project, Result

pytestmark = pytest.mark.slow


def contents(folder: Path) -> dict[str, bytes]:
    """Return every file below a folder with its bytes."""
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def assert_clear(result: Result, *words: str) -> None:
    """Check for one message that a user can act on."""
    assert result.code != 0
    assert "Traceback" not in result.output
    assert result.output.count("Error: ") == 1, result.output
    for word in words:
        assert word in result.output, result.output


def test_an_empty_raw_folder(fresh: Project) -> None:
    (fresh.folder / "data/raw").mkdir(parents=True)
    assert_clear(fresh.repro(check=False), "data/raw is empty", "mp4")


def test_only_corrupt_files(fresh: Project) -> None:
    raw = fresh.folder / "data/raw"
    raw.mkdir(parents=True)
    (raw / "broken.jpg").write_bytes(b"no picture")
    (raw / "broken.mp4").write_bytes(b"no video")
    assert_clear(fresh.repro(check=False), "broken.jpg", "broken.mp4")
    assert not (fresh.folder / "datapool").exists()


def test_only_corrupt_or_known_files_are_new(project: Project) -> None:
    before = contents(project.folder / "datapool")
    raw = project.folder / "data/raw"
    (raw / "broken.jpg").write_bytes(b"no picture")
    shutil.copy(raw / "a_000.png", raw / "z_copy.png")
    assert_clear(project.repro(check=False), "broken.jpg", "select.process_all")
    assert contents(project.folder / "datapool") == before


def test_a_raw_file_changed_under_its_name(project: Project) -> None:
    before = contents(project.folder / "datapool")
    raw = project.folder / "data/raw"
    (raw / "a_000.png").unlink()
    Image.new("RGB", (40, 40), "red").save(raw / "a_000.png")
    project.add_images("b")
    assert_clear(project.repro(check=False), "a_000.png", "SHA-256")
    assert contents(project.folder / "datapool") == before


def test_another_embedding_dimension_than_the_base(project: Project) -> None:
    before = contents(project.folder / "datapool")
    project.add_images("b")
    project.set_params(train__embedding_dim=16)
    assert_clear(project.repro(check=False), "embedding_dim", "16", "8")
    assert contents(project.folder / "datapool") == before


def test_retraining_without_the_raw_files_of_the_datapool(project: Project) -> None:
    lost = project.names()[0]
    (project.folder / "data/raw" / lost).unlink()
    project.add_images("b")
    project.set_params(train__retrain=True)
    assert_clear(project.repro(check=False), lost, "train.migrate_missing: drop_embeddings")
    former = list(project.samples()["filename"])
    project.set_params(train__migrate_missing="drop_embeddings")
    output = project.dvc("repro").output
    assert "1 of the datapool have none any more, since their raw files are gone" in output
    names = list(project.samples()["filename"])
    assert names[:5] == former
    assert len(names) == 10
    datapool = project.folder / "datapool"
    assert json.loads((datapool / "without_embedding.json").read_text()) == [lost]
    latest = (datapool / "datapool_latest.csv").read_text().splitlines()[1:]
    assert [line.split(",")[0].strip('"') for line in latest] == [name for name in names if name != lost]
    report = json.loads((project.folder / "reports/report.json").read_text())
    assert report["without_embedding"] == 1
    assert report["migration"]["samples"] == 9
    assert project.run("python", "-m", "curate", "why", lost).output.startswith(lost)


def test_wrong_parameters_are_told_before_any_output_is_touched(project: Project) -> None:
    def outputs() -> dict[str, bytes]:
        found = contents(project.folder / "data") | contents(project.folder / "datapool")
        return {name: content for name, content in found.items() if not name.startswith("raw")}

    before = outputs()
    project.add_images("b")
    project.set_params(select__n_samples="many", train__epochs=0, clean__proxy_size=8)
    result = project.repro(check=False)
    assert_clear(result, "select.n_samples", "train.epochs", "clean.proxy_size")
    assert outputs() == before


def test_a_damaged_checkpoint_in_the_base(selected: Project) -> None:
    checkpoint = selected.folder / "data/base/checkpoint_latest.ckpt"
    content = bytearray(checkpoint.read_bytes())
    checkpoint.unlink()
    content[len(content) // 2] ^= 1
    checkpoint.write_bytes(bytes(content))
    selected.run("python", "-m", "stages.clean")
    assert_clear(selected.run("python", "-m", "stages.train", check=False), "checkpoint")


def test_no_dvc_repository(selected: Project) -> None:
    shutil.rmtree(selected.folder / ".dvc")
    assert_clear(selected.run("python", "-m", "stages.base", check=False), "dvc init")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of a few megabytes."""
    if os.geteuid() != 0:
        pytest.skip("mounting a small file system needs root")
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256m", "tmpfs", str(folder)], check=False)
    if mounted.returncode:
        pytest.skip("this machine does not allow mounting a small file system")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk(selected: Project, second_iteration: Project, small_disk: Path) -> None:
    crowded = selected.copy(small_disk / "work")
    before = contents(crowded.folder / "datapool")
    with (small_disk / "filler").open("wb", buffering=0) as filler, suppress(OSError):
        while filler.write(b"x" * 65536):
            pass
    result = crowded.run("python", "-m", "stages.merge_datapool", check=False)
    assert_clear(result, "disk is full")
    assert contents(crowded.folder / "datapool") == before
    assert not list(crowded.folder.glob(".writing-*"))
    (small_disk / "filler").unlink()
    crowded.repro()
    assert crowded.lock() == second_iteration.lock()


def test_no_permission_to_write(selected: Project) -> None:
    before = contents(selected.folder / "datapool")
    with _write_protected(selected.folder):
        result = selected.run("python", "-m", "stages.merge_datapool", check=False)
    assert_clear(result, "no permission")
    assert contents(selected.folder / "datapool") == before
    selected.repro()
    assert selected.state() == (10, 2)


@contextmanager
def _write_protected(folder: Path) -> Iterator[None]:
    """Forbid writing below a folder: by its mode, or for root, whom modes do not bind, by mounting it read-only."""
    if os.geteuid() != 0:
        folder.chmod(0o555)
        yield
        folder.chmod(0o755)
        return
    if subprocess.run(["mount", "--bind", str(folder), str(folder)], check=False).returncode:
        pytest.skip("root may write everywhere, and this machine does not allow a read-only mount")
    try:
        subprocess.run(["mount", "-o", "remount,ro,bind", str(folder)], check=True)
        yield
    finally:
        subprocess.run(["umount", str(folder)], check=True)
