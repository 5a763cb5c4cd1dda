"""The examples for continuous integration, run in a fresh clone that has an environment of its own."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.pipeline.project import Project
from tests.test_ci_examples import GITHUB_STEPS, GITLAB

pytestmark = pytest.mark.slow

STUB = '#!/bin/sh\nprintf "%s " "$@" >> "$HOME/NAME.log"\n'
"""Stands in for what a test cannot do: `make setup` needs a package index, `gh` and `curl` a server."""


def test_they_pass_on_an_accepted_iteration_and_fail_on_one_that_is_not_committed(twice: Project) -> None:
    twice.git("branch", "request")
    twice.git("reset", "--quiet", "--hard", "HEAD~1")
    home = twice.folder.parent / "home"
    (home / "bin").mkdir(parents=True)
    for name in ("make", "gh", "curl"):
        (home / "bin" / name).write_text(STUB.replace("NAME", name))
        (home / "bin" / name).chmod(0o755)
    clone = twice.clone("runner", "--branch", "request")
    clone.git("checkout", "--quiet", "--detach")

    done = run(clone, home, "\n".join(GITLAB))
    assert done.returncode == 0, done.stdout
    assert done.stdout.count("every accepted sample is kept") == 2
    assert "1 of them made again with the same outcome" in done.stdout
    assert "body@difference.md" in (home / "curl.log").read_text()
    assert "5 samples added" in (clone.folder / "difference.md").read_text()
    (clone.folder / "difference.md").unlink()

    steps = dict(GITHUB_STEPS)
    for name in ("Set up", "Say what the datapool gains"):
        done = run(clone, home, steps[name])
        assert done.returncode == 0, done.stdout
    assert (home / "github_path").read_text().strip() == f"{clone.folder}/.venv/bin"
    assert "--body-file difference.md" in (home / "gh.log").read_text()

    clone.set_params(select__n_samples=4)
    clone.git("commit", "--quiet", "--all", "--message", "forgotten dvc repro")
    assert run(clone, home, steps["The iteration is complete, and committed"]).returncode != 0


def run(clone: Project, home: Path, script: str) -> "subprocess.CompletedProcess[str]":
    """Run a step as a runner does: by a shell that ends at the first failure, with nothing of this environment."""
    variables = {
        "HOME": str(home),
        "PATH": os.pathsep.join([str(home / "bin"), clone.environment()["PATH"]]),
        "BASE": "origin/main",
        "CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "main",
        "NOTES_TOKEN": "token",
        "CI_API_V4_URL": "https://gitlab.example.org/api/v4",
        "CI_PROJECT_ID": "1",
        "CI_MERGE_REQUEST_IID": "2",
        "GITHUB_PATH": str(home / "github_path"),
        "GH_TOKEN": "token",
        "NUMBER": "3",
    }
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script],
        cwd=clone.folder,
        env=variables,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
