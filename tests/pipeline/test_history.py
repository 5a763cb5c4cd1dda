"""A repository over time: reverts, amends, crashes, tampering, code changes, half iterations."""

import subprocess
import time
from pathlib import Path

import pytest

from tests.pipeline.project import ALWAYS, Project, new_project

pytestmark = pytest.mark.slow


def test_nothing_new_is_refused_before_any_output_is_touched(project: Project) -> None:
    before = project.lock()
    project.set_params(select__n_samples=3)
    result = project.repro(check=False)
    assert result.code != 0
    assert result.ran() == ALWAYS
    for words in ("nothing new", "params.yaml", "select.process_all", "git reset --soft HEAD~1"):
        assert words in result.output
    assert project.lock() == before
    assert project.status() == "M params.yaml"
    assert project.state() == (5, 1)


def test_raw_data_committed_before_the_pipeline_ran(project: Project) -> None:
    project.add_images("b")
    project.dvc("add", "--quiet", "data/raw")
    project.commit("new raw data")
    project.repro()
    assert project.state() == (10, 2)
    project.commit("iteration 2")
    assert project.repro().ran() == ALWAYS


@pytest.mark.parametrize("last", ["resolve_base", "select"])
def test_half_an_iteration_committed_after_a_crash(project: Project, selected: Project, last: str) -> None:
    if last == "select":
        project = selected
    else:
        project.add_images("b")
        project.repro(last)
    project.commit(f"half an iteration, up to {last}")
    project.repro()
    assert project.state() == (10, 2)
    project.commit("the other half")
    assert project.repro().ran() == ALWAYS
    project.add_images("c")
    project.repro()
    assert project.state() == (15, 3)


def test_half_an_iteration_committed_then_other_parameters(project: Project) -> None:
    project.add_images("b")
    project.repro("clean")
    project.commit("half an iteration")
    project.set_params(select__n_samples=2)
    project.repro()
    assert project.state() == (7, 2)


def test_redo_revert_and_amend(first_iteration: Project, twice: Project) -> None:
    project = twice
    first, second = first_iteration.names(), project.names()

    project.git("reset", "--quiet", "--soft", "HEAD~1")
    project.set_params(select__n_samples=2)
    project.repro()
    assert project.state() == (7, 2)
    project.commit("iteration 2 again, smaller")

    project.git("revert", "--no-edit", "HEAD")
    project.dvc("checkout", "--quiet", check=False)
    assert project.names() == first
    assert project.repro().ran() == ALWAYS
    project.add_images("b")
    project.repro()
    assert project.names() == second
    project.git("add", "--all")
    project.git("commit", "--quiet", "--amend", "--no-edit")
    assert project.repro().ran() == ALWAYS
    assert project.status() == ""


def test_tampering_with_the_base_or_the_datapool_is_undone(twice: Project) -> None:
    (twice.folder / "data/base/intruder").write_text("x")
    (twice.folder / "datapool/intruder").write_text("x")
    twice.repro()
    assert not (twice.folder / "data/base/intruder").exists()
    assert not (twice.folder / "datapool/intruder").exists()
    assert twice.status() == ""


@pytest.mark.cold
def test_a_killed_dvc_leaves_its_stage_behind_which_cannot_harm(selected: Project) -> None:
    project = selected
    process = _start_repro(project)
    _wait_for_stage(process, "merge_datapool")
    process.kill()
    process.wait()
    project.repro()
    assert project.state() == (10, 2)
    before = project.lock()
    time.sleep(3)
    assert project.repro().ran() == ALWAYS
    assert project.lock() == before


def test_base_can_be_chosen(twice: Project) -> None:
    project = twice
    first = project.run("python", "-m", "stages.resolve_base", "--hash", "HEAD~1").output.strip()
    project.set_params(base__datapool=first, select__n_samples=3)
    project.repro()
    assert project.state() == (8, 2)
    project.undo()
    project.set_params(base__datapool="none", select__n_samples=3)
    project.repro()
    assert project.state() == (3, 1)
    project.set_params(base__datapool="no-such-branch")
    result = project.repro(check=False)
    assert result.code != 0
    assert "no-such-branch" in result.output


def _start_repro(project: Project) -> "subprocess.Popen[bytes]":
    """Start the pipeline in a process group of its own, without waiting for it."""
    return subprocess.Popen(
        ["dvc", "repro", "merge_datapool"],
        cwd=project.folder,
        env=project.environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def _wait_for_stage(process: "subprocess.Popen[bytes]", stage: str) -> None:
    """Wait until DVC runs a stage's command."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and process.poll() is None:
        if any(f"stages.{stage}" in command for command in _commands_of_children(process.pid)):
            time.sleep(0.2)
            return
        time.sleep(0.02)
    raise AssertionError(f"stage {stage} did not start")


def _commands_of_children(parent: int) -> list[str]:
    """Return the command lines of a process's children, from Linux's /proc."""
    commands = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            after_name = (folder / "stat").read_text().rpartition(")")[2].split()
            if int(after_name[1]) == parent:
                commands.append((folder / "cmdline").read_text().replace("\0", " "))
        except (OSError, ValueError):  # it has ended meanwhile
            continue
    return commands


def test_no_git_repository_is_refused(tmp_path_factory: pytest.TempPathFactory) -> None:
    project = new_project(tmp_path_factory.mktemp("nogit"), git=False)
    project.run("dvc", "config", "core.no_scm", "true")
    project.add_images("a", count=2)
    result = project.repro(check=False)
    assert result.code != 0
    assert "not a git repository" in result.output
    assert "Traceback" not in result.output
