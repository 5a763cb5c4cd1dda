"""Other copies of the repository: clones, old commits, worktrees, sub-directories, a cache without the datapool."""

import shutil
from pathlib import Path

import pytest

from tests.pipeline.project import ALWAYS, Project, new_project

pytestmark = pytest.mark.slow


def test_a_clone_after_pull_has_nothing_to_run(second_iteration: Project) -> None:
    clone = second_iteration.clone("clone")
    clone.dvc("pull", "--quiet", check=False)  # outputs of the report were never made here
    assert clone.repro().ran() == ALWAYS
    assert clone.status() == ""
    clone.repro("--force", "merge_datapool")
    assert clone.lock() == second_iteration.lock()
    assert clone.status() == ""


def test_an_old_commit_has_nothing_to_run(second_iteration: Project) -> None:
    clone = second_iteration.clone("old")
    clone.git("checkout", "--quiet", "HEAD~1")
    clone.dvc("pull", "--quiet", check=False)
    assert clone.repro().ran() == ALWAYS
    assert clone.status() == ""
    assert clone.state() == (5, 1)
    clone.repro("--force", "merge_datapool")
    assert clone.status() == ""


def test_a_clone_without_data_has_nothing_to_run(second_iteration: Project) -> None:
    clone = second_iteration.clone("nodata")
    clone.repro("--allow-missing", "merge_datapool")
    assert clone.status() == ""
    assert clone.lock() == second_iteration.lock()


def test_a_shallow_clone_appends_to_a_datapool_that_is_only_on_the_remote(second_iteration: Project) -> None:
    clone = second_iteration.clone("shallow", "--depth", "1")
    clone.dvc("pull", "--quiet", "data/raw.dvc")
    clone.add_images("c")
    output = clone.repro().output
    assert "fetched from the remote" in output
    assert clone.state() == (15, 3)
    clone.undo(check=False)
    clone.dvc("pull", "--quiet", check=False)
    assert clone.repro().ran() == ALWAYS
    assert clone.status() == ""


def test_a_datapool_that_is_nowhere_is_told(second_iteration: Project) -> None:
    clone = second_iteration.clone("lost")
    clone.dvc("pull", "--quiet", "data/raw.dvc")
    clone.dvc("remote", "modify", "storage", "url", str(clone.folder.parent / "empty"))
    clone.add_images("c")
    result = clone.repro("base", check=False)
    assert result.code != 0
    assert "dvc pull" in result.output
    assert "Traceback" not in result.output


def test_a_worktree_appends(second_iteration: Project) -> None:
    target = second_iteration.folder.parent / "worktree"
    second_iteration.git("worktree", "add", "--quiet", str(target))
    worktree = Project(target)
    worktree.dvc("pull", "--quiet", check=False)
    worktree.add_images("c")
    worktree.repro()
    assert worktree.state() == (15, 3)


def test_garbage_collection_keeps_the_base(second_iteration: Project) -> None:
    project = second_iteration.copy(second_iteration.folder.parent / "collected")
    shutil.rmtree(project.folder.parent / "remote")
    project.dvc("gc", "--workspace", "--force", "--quiet")
    project.repro("--force", "merge_datapool")
    assert project.status() == ""
    assert project.lock() == second_iteration.lock()


@pytest.mark.long
def test_a_sub_directory_of_a_git_repository(tmp_path: Path) -> None:
    project = new_project(tmp_path, subdirectory="curation")
    project.add_images("a")
    project.repro()
    project.commit("iteration 1")
    project.add_images("b")
    project.repro()
    assert project.state() == (10, 2)
    output = project.dvc("exp", "run", "--temp", "-S", "select.n_samples=2", "merge_datapool").output
    assert "5 + 2 = 7" in output
