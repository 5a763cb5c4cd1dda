"""The common part of the stages' commands."""

import errno
import os
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from curation.core import atomic
from curation.core.errors import CurationError
from curation.pipeline.command import os_error, stage_command, with_clear_errors
from tests.forked_stages import found_in_each
from tests.test_contract import ORDER


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOSPC, "disk is full"),
        (errno.EDQUOT, "disk is full"),
        (errno.EACCES, "no permission"),
        (errno.EROFS, "no permission"),
        (errno.ENOENT, "dvc repro"),
        (errno.EIO, "Input/output error"),
    ],
)
def test_errors_of_the_system_say_what_to_do(number: int, words: str) -> None:
    message = os_error("embed", OSError(number, "x", "data/file")).message
    assert words in message
    assert "data/file" in message
    assert message.startswith("embed: ")


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EACCES, errno.EIO])
@pytest.mark.parametrize("step", ["fsync", "replace", "rename"])
def test_a_failing_write_leaves_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, step: str
) -> None:
    (tmp_path / "file").write_text("former")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder/file").write_text("former")

    def fail(*arguments: object) -> None:
        raise OSError(number, "injected", str(tmp_path))

    def write() -> None:
        if step == "replace":
            atomic.write_text(tmp_path / "file", "new")
        else:
            with atomic.atomic_folder(tmp_path / "folder") as folder:
                (folder / "file").write_text("new")

    monkeypatch.setattr(os, step, fail)
    with pytest.raises(CurationError):
        with_clear_errors("stage", write)
    monkeypatch.undo()
    assert (tmp_path / "file").read_text() == "former"
    assert (tmp_path / "folder/file").read_text() == "former"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder"]


def test_a_stage_finds_its_project_from_a_sub_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("dvc.yaml", "params.yaml"):
        (tmp_path / name).write_text("{}")
    (tmp_path / "data/raw").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "data/raw")
    result = CliRunner().invoke(stage_command(lambda _: str(Path.cwd())))
    assert result.exit_code == 0, result.output
    assert str(tmp_path) in result.output.split()


HELP = """
import contextlib, io, runpy, sys
sys.argv[1:] = ["--help"]
with contextlib.redirect_stdout(io.StringIO()) as text:
    try:
        runpy.run_module(f"stages.{stage}", run_name="__main__", alter_sys=True)
    except SystemExit as end:
        assert not end.code
found["text"] = text.getvalue()
found["loaded"] = list({name.split(".")[0] for name in sys.modules})
"""


@pytest.fixture(scope="module")
def helped() -> dict[str, dict[str, Any]]:
    """Return what each stage prints as help, and the packages that it has loaded then."""
    return found_in_each(ORDER, ("pydantic", "ruamel.yaml"), HELP)


@pytest.mark.thorough
@pytest.mark.xdist_group("help")
@pytest.mark.parametrize("stage", ORDER)
def test_help_says_what_a_stage_reads_and_writes_and_needs_no_heavy_library(
    stage: str, helped: dict[str, dict[str, Any]]
) -> None:
    text, loaded = helped[stage]["text"], set(helped[stage]["loaded"])
    assert f"Usage: python -m stages.{stage} " in text
    assert "Reads " in text
    assert "Writes " in text
    assert all(len(line) <= 100 for line in text.splitlines())
    assert {"click", "curation"} <= loaded
    assert not {"torch", "lightly", "matplotlib", "weasyprint", "numba", "pytorch_lightning"} & loaded
    if stage in ("code", "resolve_base"):
        assert not {"pandas", "numpy", "dvc", "pyarrow"} & loaded
