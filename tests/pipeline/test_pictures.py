"""Selected pictures that stay with the datapool when raw files go: with DVC itself."""

import shutil

import pytest

from tests.pipeline.project import ALWAYS, Project

pytestmark = pytest.mark.slow


def curate(project: Project, *arguments: str) -> str:
    return project.run("python", "-m", "curate", *arguments).output


def test_pictures_outlive_raw_files_and_what_former_commits_held(project: Project) -> None:
    assert not (project.folder / "datapool/pictures.csv").exists()
    project.set_params(merge_datapool__keep_pictures="original")
    project.add_images("b")
    told = project.repro().output
    assert "10 full-size pictures kept" in told, "five new ones, and five that the first iteration lacks"
    assert not (project.folder / "pictures").exists()
    project.commit("iteration 2")
    raw = {file.name: file.read_bytes() for file in (project.folder / "data/raw").iterdir()}
    names = project.names()

    project.run("python", "-m", "curate", "remove", names[0])
    for file in (project.folder / "data/raw").iterdir():
        file.unlink()
    project.add_images("c")
    assert "5 full-size pictures kept" in project.repro().output
    assert len(list((project.folder / "datapool/pictures").rglob("*.png"))) == 5
    (listing,) = (project.folder / "pictures").glob("*.dvc")
    assert "nfiles: 9\n" in listing.read_text()
    project.commit("iteration 3")
    assert project.repro().ran() == ALWAYS
    assert project.status() == ""
    assert "made again with the same outcome" in curate(project, "verify", "HEAD")

    # What only former commits name is deleted, the workspace's own raw files too; the pictures are not.
    shutil.rmtree(project.folder / "data/raw")
    project.dvc("gc", "--workspace", "--force")
    assert "export: 14 samples are in out" in curate(project, "export", "images", "out")
    for name in names[1:]:
        assert (project.folder / "out" / name).read_bytes() == raw[name]
    assert not (project.folder / "out" / names[0]).exists()
    project.dvc("checkout", "--quiet", str(listing))
    assert raw[names[0]] not in [file.read_bytes() for file in listing.with_suffix("").iterdir()]
