"""Experiments with DVC: all start from the same base, one is applied and accepted."""

import json
import subprocess
import time

import pytest

from tests.pipeline.project import Project

pytestmark = pytest.mark.slow


def _experiment(project: Project, *arguments: str) -> None:
    project.dvc("exp", "run", *arguments, "merge_datapool")


def _run_queue(project: Project, names: list[str]) -> None:
    """Run all queued experiments, of some names, with two workers, and wait until they are done."""
    # DVC's workers hold on to the output of the command that starts them, so nobody must wait for its end.
    subprocess.run(
        ["dvc", "queue", "start", "-j", "2"],
        cwd=project.folder,
        env=project.environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=True,
    )
    deadline = time.monotonic() + 300
    try:
        while time.monotonic() < deadline:
            time.sleep(1)
            if not set(names) <= {name.rpartition("/")[2] for name in _references(project)}:
                continue  # asking DVC costs more
            status = project.dvc("queue", "status").output
            if "Running" not in status and "Queued" not in status:
                return
        status = project.dvc("queue", "status").output
        raise AssertionError(f"the queue did not end:\n{status}")
    finally:
        project.dvc("queue", "stop", "--kill", check=False)


def _references(project: Project) -> list[str]:
    """Return the names that git knows the experiments by that are done."""
    return project.git("for-each-ref", "--format=%(refname)", "refs/exps").split()


def _base_of(project: Project, experiment: str) -> list[str]:
    (reference,) = [name for name in _references(project) if name.endswith(f"/{experiment}")]
    return project.base(reference)


@pytest.mark.long
def test_experiments_share_a_base_and_one_is_accepted(project: Project) -> None:
    accepted = set(project.names())
    project.add_images("b")
    _experiment(project, "--temp", "-S", "select.n_samples=4", "-n", "temp4")
    for count in (1, 2):
        _experiment(project, "--queue", "-S", f"select.n_samples={count}", "-n", f"queue{count}")
    _run_queue(project, ["queue1", "queue2"])
    _experiment(project, "-S", "select.n_samples=6", "-n", "work6")
    names = ["temp4", "queue1", "queue2", "work6"]
    assert len({json.dumps(_base_of(project, name)) for name in names}) == 1

    project.dvc("exp", "apply", "queue2")
    assert project.state() == (7, 2)
    check = ("python", "-m", "stages.resolve_base", "--check")
    assert "every accepted sample is kept" in project.run(*check).output
    before = project.status()
    project.repro()
    assert project.status() == before
    project.commit("iteration 2")
    project.repro()
    assert project.status() == ""
    assert accepted <= set(project.names())

    project.dvc("exp", "apply", "queue1")
    refused = project.run(*check, check=False)
    assert refused.code != 0
    assert "accepted samples dropped: 1" in refused.output
