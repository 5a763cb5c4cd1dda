"""Projects that several tests start from: made once, then copied."""

from pathlib import Path

import pytest

from tests.pipeline.project import Project, new_project


@pytest.fixture(scope="session")
def first_iteration(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project with one committed and pushed iteration of ten images, five of them selected."""
    project = new_project(tmp_path_factory.mktemp("first"))
    project.add_images("a")
    project.repro()
    project.commit("iteration 1")
    project.dvc("push", "--quiet")
    return project


@pytest.fixture
def project(first_iteration: Project, tmp_path: Path) -> Project:
    """A copy of the project with one iteration, for one test to change."""
    return first_iteration.copy(tmp_path / "work")


@pytest.fixture
def fresh(tmp_path: Path) -> Project:
    """A project without an iteration."""
    return new_project(tmp_path)
