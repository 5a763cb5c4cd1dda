"""Projects that several tests start from: made once for all test processes, then copied."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from filelock import FileLock

from tests.pipeline import warm_python
from tests.pipeline.project import WARM, Project, new_project


def made_once(tmp_path_factory: pytest.TempPathFactory, name: str, make: Callable[[Path], Project]) -> Project:
    """Make a project in the folder that all test processes of a run share, or wait for the one that makes it."""
    shared = _shared(tmp_path_factory) / name
    with FileLock(f"{shared}.lock"):
        if not (shared / "done").exists():
            make(shared)
            (shared / "done").touch()
    return Project(shared / "project")


def _shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder that all test processes of a run share."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if _is_worker() else base


def _is_worker() -> bool:
    return "PYTEST_XDIST_WORKER" in os.environ


@pytest.fixture(scope="session", autouse=True)
def _warm_python(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Let projects run stages in a `python` that has the libraries already: one for all test processes."""
    folder = _shared(tmp_path_factory) / "warm"
    with FileLock(f"{folder}.lock"):
        if not folder.exists():
            folder.mkdir()
            warm_python.start(folder, owner=os.getppid() if _is_worker() else os.getpid())
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv(WARM, str(folder))
        yield


@pytest.fixture(autouse=True)
def _cold_python(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the projects of tests marked `cold` run stages as users do."""
    if request.node.get_closest_marker("cold"):
        monkeypatch.delenv(WARM)


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project without an iteration, whose code has been read and compiled once."""

    def make(folder: Path) -> Project:
        project = new_project(folder)
        (project.folder / ".dvc/tmp").mkdir(exist_ok=True)  # where is kept what the code says
        project.run("python", "-m", "stages.code", "--now")
        return project

    return made_once(tmp_path_factory, "template", make)


@pytest.fixture(scope="session")
def first_iteration(template: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project with one committed and pushed iteration of ten images, five of them selected."""

    def make(folder: Path) -> Project:
        project = template.copy(folder)
        project.add_images("a")
        project.dvc("repro")
        project.commit("iteration 1")
        project.dvc("push", "--quiet")
        return project

    return made_once(tmp_path_factory, "first", make)


@pytest.fixture(scope="session")
def before_merging(first_iteration: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project whose second iteration of ten more images has come as far as `select`."""

    def make(folder: Path) -> Project:
        project = first_iteration.copy(folder)
        project.add_images("b")
        project.repro("select")
        return project

    return made_once(tmp_path_factory, "before-merging", make)


@pytest.fixture(scope="session")
def second_iteration(before_merging: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project with two committed and pushed iterations."""

    def make(folder: Path) -> Project:
        project = before_merging.copy(folder)
        project.repro()
        project.commit("iteration 2")
        project.dvc("push", "--quiet")
        return project

    return made_once(tmp_path_factory, "second", make)


@pytest.fixture
def project(first_iteration: Project, tmp_path: Path) -> Project:
    """A copy of the project with one iteration, for one test to change."""
    return first_iteration.copy(tmp_path / "work")


@pytest.fixture
def selected(before_merging: Project, tmp_path: Path) -> Project:
    """A copy of the project whose second iteration has come as far as `select`."""
    return before_merging.copy(tmp_path / "selected")


@pytest.fixture
def twice(second_iteration: Project, tmp_path: Path) -> Project:
    """A copy of the project with two iterations."""
    return second_iteration.copy(tmp_path / "twice")


@pytest.fixture
def fresh(template: Project, tmp_path: Path) -> Project:
    """A project without an iteration."""
    return template.copy(tmp_path / "fresh")
