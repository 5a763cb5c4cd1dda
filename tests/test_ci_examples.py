"""The examples for continuous integration: both run the same commands, and every command is one that there is."""

from typing import Any

import pytest
from ruamel.yaml import YAML

from tests.conftest import REPOSITORY
from tests.test_readme import _check

FOLDER = REPOSITORY / "docs/ci"
COMMANDS = ("python -m ", "dvc ", "git diff")


def _read(name: str) -> Any:
    return YAML(typ="safe").load((FOLDER / name).read_text())


def _steps() -> list[dict[str, Any]]:
    (job,) = _read("github.yml")["jobs"].values()
    steps: list[dict[str, Any]] = job["steps"]
    return steps


GITHUB_STEPS = [(str(step.get("name")), str(step["run"])) for step in _steps() if "run" in step]
"""Name and commands of each step that runs some."""

GITHUB = [line for step in _steps() for line in str(step.get("run", "")).splitlines()]
GITLAB = [*_read("gitlab.yml")["curation"]["before_script"], *_read("gitlab.yml")["curation"]["script"]]


def test_both_run_the_same_commands() -> None:
    github, gitlab = ([line for line in lines if line.startswith(COMMANDS)] for lines in (GITHUB, GITLAB))
    assert github == gitlab
    assert len(github) == 8
    assert "make setup" in GITHUB
    assert "make setup" in GITLAB


@pytest.mark.parametrize("command", [line for line in GITHUB if line.startswith(("python -m ", "dvc ", "make "))])
def test_each_command_exists(command: str) -> None:
    assert _check(command)


def test_the_whole_history_is_there() -> None:
    assert _steps()[0]["with"]["fetch-depth"] == 0
    assert _read("gitlab.yml")["curation"]["variables"]["GIT_DEPTH"] == 0
