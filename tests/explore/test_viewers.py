"""Other tools: the folder of pictures, the commands that they are given, and where they are missing."""

import csv
import json
import os
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from curation.cli.commands import explore
from curation.cli.main import main
from curation.core.errors import MissingPackageError, OutputError
from curation.explore import viewers
from tests.conftest import REPOSITORY
from tests.explore.project import HOSTILE

PROGRAM = """\
#!{python}
import json, os, sys
with open("calls.jsonl", "a") as file:
    told = {{name: value for name, value in os.environ.items() if name.startswith(("FIFTYONE_", "LIGHTLY_STUDIO_"))}}
    print(json.dumps([sys.argv, told]), file=file)
sys.exit({status})
"""


def install(folder: Path, name: str, monkeypatch: pytest.MonkeyPatch, status: int = 0) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(PROGRAM.format(python=sys.executable, status=status))
    (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)
    return folder / name


def calls(folder: Path) -> list[list[str]]:
    lines = [json.loads(line) for line in (folder / "calls.jsonl").read_text().splitlines()]
    assert all(told == viewers.ENVIRONMENT for _, told in lines)
    return [words for words, _ in lines]


def test_the_folder_has_a_picture_of_each_sample_and_a_row_about_it(table: Path, tmp_path: Path) -> None:
    assert viewers.write_folder(tmp_path / "out", table) == 3
    assert sorted(path.name for path in (tmp_path / "out/data").iterdir()) == [f"{row:09d}.jpg" for row in range(3)]
    with (tmp_path / "out/labels.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["filepath"] for row in rows] == [f"{row:09d}.jpg" for row in range(3)]
    assert HOSTILE in {row["filename"] for row in rows}
    assert {row["state"] for row in rows} == {"selected", "not selected"}
    assert viewers.write_folder(tmp_path / "out", table) == 3


def test_a_folder_of_the_users_own_stays(table: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out/letter.txt").write_text("dear")
    with pytest.raises(OutputError, match="holds something else"):
        viewers.write_folder(tmp_path / "out", table)


def test_fiftyone_is_given_the_folder(table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = str(install(tmp_path / "bin", "fiftyone", monkeypatch))
    explore.show_with("fiftyone", table)
    folder = str(tmp_path / "explore")
    assert calls(tmp_path) == [
        [program, "datasets", "create", "--name", "curate-explore", "--dataset-dir", folder, "--type",
         "fiftyone.types.CSVDataset", "--kwargs", "overwrite=True"],
        [program, "app", "launch", "curate-explore"],
    ]  # fmt: skip


def test_lightly_studios_own_python_runs_the_script(
    table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The command may be a link to the environment that the tool was installed in, as pipx makes it."""
    install(tmp_path / "venv", "python", monkeypatch)
    target = install(tmp_path / "venv", "lightly-studio", monkeypatch)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/lightly-studio").symlink_to(target)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    explore.show_with("lightly-studio", table)
    assert calls(tmp_path) == [[str(tmp_path / "venv/python"), str(tmp_path / "explore/show.py")]]
    compile((tmp_path / "explore/show.py").read_text(), "show.py", "exec")


def test_a_tool_that_fails_is_named(table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path / "bin", "fiftyone", monkeypatch, status=3)
    with pytest.raises(OutputError, match="fiftyone failed with status 3"):
        explore.show_with("fiftyone", table)


@pytest.mark.parametrize("name", list(viewers.VIEWERS))
def test_a_missing_tool_is_named_before_anything_is_written(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingPackageError, match=f"pipx install {name}"):
        viewers.find_program(name)
    result = CliRunner().invoke(main, ["-C", str(REPOSITORY), "explore", str(tmp_path / "t.parquet"), "--with", name])
    assert result.exit_code == 1
    assert not (tmp_path / "t.parquet").exists()


@pytest.mark.parametrize(
    "options",
    [("--static", "x", "--write-only"), ("--write-only", "--show-only"), ("--static", "x", "--with", "fiftyone")],
)
def test_options_that_contradict_each_other(options: tuple[str, ...]) -> None:
    assert CliRunner().invoke(main, ["-C", str(REPOSITORY), "explore", *options]).exit_code == 2


def test_there_must_be_a_table_to_show(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(explore, "require", lambda tool, write_only: None)
    result = CliRunner().invoke(main, ["-C", str(REPOSITORY), "explore", str(tmp_path / "none.parquet"), "--show-only"])
    assert result.exit_code == 1
    assert "there is no" in result.output
