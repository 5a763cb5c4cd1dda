"""The command `params`."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from curation.cli.commands.params import command
from tests.conftest import REPOSITORY

SHIPPED = (REPOSITORY / "params.yaml").read_text()


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "params.yaml").write_text(SHIPPED)
    return tmp_path


def run(*arguments: str) -> str:
    result = CliRunner().invoke(command, arguments)
    return result.output if result.exit_code == 0 else f"error: {result.output}"


def test_what_was_changed_is_listed(project: Path) -> None:
    assert run() == "params: every parameter has its default\n"
    (project / "params.yaml").write_text(
        SHIPPED.replace("fps: null", "fps: 2").replace(
            "strategies: []", "strategies:\n    - input: {type: RANDOM}\n      strategy: {type: WEIGHTS}"
        )
    )
    assert run() == (
        "ingest.fps: 2 (default: null)\n"
        "select.strategies: [{input: {type: RANDOM}, strategy: {strength: 1, type: WEIGHTS}}] (default: [])\n"
    )


def test_a_parameter_is_explained(project: Path) -> None:
    assert run("clean.decode_timeout_s") == (
        "clean.decode_timeout_s: 60 (its default)\n"
        "  Longest processor time that an image or the next frame of a video may take, and a fifth of the longest "
        "elapsed time. A file that takes longer counts as corrupt.\n"
        "  Number, above 0. Unit: seconds.\n"
    )
    assert run("report").count("(its default)") == 9
    assert "colour is neither a parameter nor a section" in run("colour")


def test_comments_are_renewed_and_values_stay(project: Path) -> None:
    assert run("--write") == "params: params.yaml is as it was; no value was changed\n"
    (project / "params.yaml").write_text("select:\n  n_samples: 7\n")
    assert run("--write") == "params: params.yaml is renewed; no value was changed\n"
    assert (project / "params.yaml").read_text() == SHIPPED.replace("n_samples: 50\n", "n_samples: 7\n")
