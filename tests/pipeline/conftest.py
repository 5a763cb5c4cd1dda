"""Projects that several tests start from: made once for all test processes, then copied."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from filelock import FileLock

from tests.pipeline import warm_python
from tests.pipeline.project import WARM, Project, new_project


def made_once(
    tmp_path_factory: pytest.TempPathFactory, warm: Path, name: str, make: Callable[[Path], Project]
) -> Project:
    """Make a project in the folder that all test processes of a run share, or wait for the one that makes it.

    Args:
        tmp_path_factory: knows the folder.
        warm: folder of the `python` that has the libraries already.
        name: of the project.
        make: makes it.
    """
    base = tmp_path_factory.getbasetemp()
    shared = (base.parent if base.name.startswith("popen-") else base) / name
    with FileLock(f"{shared}.lock"), pytest.MonkeyPatch.context() as environment:
        environment.setenv(WARM, str(warm))
        if not (shared / "done").exists():
            make(shared)
            (shared / "done").touch()
    return Project(shared / "project")


@pytest.fixture(scope="session")
def _warm_python(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of a `python` that has the libraries already."""
    folder = tmp_path_factory.mktemp("warm")
    process = warm_python.start(folder)
    yield folder
    process.terminate()
    process.wait()


@pytest.fixture(autouse=True)
def _python(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let projects run stages in the `python` that has the libraries already, unless the test is marked `cold`."""
    if not request.node.get_closest_marker("cold"):
        monkeypatch.setenv(WARM, str(request.getfixturevalue("_warm_python")))


@pytest.fixture(scope="session")
def first_iteration(tmp_path_factory: pytest.TempPathFactory, _warm_python: Path) -> Project:
    """A project with one committed and pushed iteration of ten images, five of them selected."""

    def make(folder: Path) -> Project:
        project = new_project(folder)
        project.add_images("a")
        project.dvc("repro")
        project.commit("iteration 1")
        project.dvc("push", "--quiet")
        return project

    return made_once(tmp_path_factory, _warm_python, "first", make)


@pytest.fixture(scope="session")
def second_iteration(first_iteration: Project, tmp_path_factory: pytest.TempPathFactory, _warm_python: Path) -> Project:
    """A project with two committed and pushed iterations."""

    def make(folder: Path) -> Project:
        project = first_iteration.copy(folder)
        project.add_images("b")
        project.repro()
        project.commit("iteration 2")
        project.dvc("push", "--quiet")
        return project

    return made_once(tmp_path_factory, _warm_python, "second", make)


@pytest.fixture
def project(first_iteration: Project, tmp_path: Path) -> Project:
    """A copy of the project with one iteration, for one test to change."""
    return first_iteration.copy(tmp_path / "work")


@pytest.fixture
def fresh(tmp_path: Path) -> Project:
    """A project without an iteration."""
    return new_project(tmp_path)
