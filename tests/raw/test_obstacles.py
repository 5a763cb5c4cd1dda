"""What DVC stumbles over: all of it is found, named on one line each, and neither opened nor followed."""

import os
import socket
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner
from pathspec import GitIgnoreSpec

from curation.cli.main import main
from curation.raw.listing import NOT_UTF_8, list_raw_files
from curation.raw.obstacles import Obstacle, hidden_names, obstacles, quoted
from tests import ROOT
from tests.media_files import MEDIA

ODD = [b"b\xe4d.jpg", b"\xc3.png", b"fold\xff", b"it's\xe9 $HOME.png"]
PLAIN = ["a.jpg", "b\u00e4d.jpg", "\U0001f600.png", "a\u0301.png", "\ufeffx.png", "it's.png", "new\nline.png"]


def _found(folder: Path, *ignores: str) -> dict[str, Obstacle]:
    return {str(Path(each.path).relative_to(folder)): each for each in obstacles(folder, ignores)}


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    folder = tmp_path / "data/raw"
    (folder / "day").mkdir(parents=True)
    for name in PLAIN:
        (folder / "day" / name).write_bytes(b"1")
    return folder


def test_nothing_is_found_where_all_is_well(raw: Path) -> None:
    (raw / "link.jpg").symlink_to("day/a.jpg")
    (raw / "up").symlink_to("..")
    assert obstacles(raw, ()) == []
    assert hidden_names(raw) == []


def test_all_that_dvc_stumbles_over_is_found(raw: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (raw / "gone.jpg").symlink_to("nowhere/at all.jpg")
    (raw / "day/loop.jpg").symlink_to("loop.jpg")
    os.mkfifo(raw / "pipe.mp4")
    (raw / "to_pipe.mp4").symlink_to("pipe.mp4")
    (raw / "zero").symlink_to("/dev/zero")
    monkeypatch.chdir(raw)  # the path of a socket is limited to about 100 bytes
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("s")
        found = _found(raw)
    assert sorted(found) == list(found) == ["day/loop.jpg", "gone.jpg", "pipe.mp4", "s", "to_pipe.mp4", "zero"]
    assert all(each.stops for each in found.values())
    assert "leads to nothing" in found["gone.jpg"].reason
    assert "'nowhere/at all.jpg'" in found["gone.jpg"].remedy
    assert "waits for ever" in found["pipe.mp4"].reason


def test_the_folder_itself_may_lead_to_nothing(tmp_path: Path) -> None:
    (tmp_path / "raw").symlink_to("nowhere")
    [found] = obstacles(tmp_path / "raw", ())
    assert found.stops
    assert "leads to nothing" in found.reason


def test_names_that_are_not_utf_8_are_hidden_from_dvc_and_told(raw: Path) -> None:
    for name in ODD:
        (raw / os.fsdecode(name)).mkdir()
        (raw / os.fsdecode(name) / "x.jpg").write_bytes(b"1")
    lines = (ROOT / ".dvcignore").read_text().splitlines()
    ignored = GitIgnoreSpec.from_lines(lines)  # as DVC reads them
    assert NOT_UTF_8 in lines
    assert all(ignored.match_file(os.fsdecode(name)) for name in ODD)
    assert not any(ignored.match_file(name) for name in PLAIN)
    assert {file.path for file in list_raw_files(raw, MEDIA)} == {
        f"day/{name}".replace("\n", "\\x0a") for name in PLAIN
    }
    found = _found(raw, *lines)
    assert list(found) == sorted(["b\\xe4d.jpg", "\\xc3.png", "fold\\xff", "it's\\xe9 $HOME.png"])
    assert not any(each.stops for each in found.values())
    assert hidden_names(raw) == [f"{raw}/{name}" for name in found]
    assert all(each.stops and ".dvcignore" in each.remedy for each in _found(raw).values())


def test_the_commands_rename_the_files_in_a_shell(raw: Path) -> None:
    for name in ODD:
        (raw / os.fsdecode(name)).write_bytes(name)
    for each in obstacles(raw, (NOT_UTF_8,)):
        command = each.remedy.strip("`")
        assert "\n" not in command
        subprocess.run(["bash", "-c", command], check=True)
    assert obstacles(raw, (NOT_UTF_8,)) == []
    assert {path.name for path in raw.iterdir()} == {"b\xe4d.jpg", "\xc3.png", "fold\xff", "it's\xe9 $HOME.png", "day"}


@pytest.mark.parametrize("name", ["a", "a b", "it's", "new\nline", "\x1b[2J", os.fsdecode(b"\xff'\\ $x")])
def test_a_quoted_name_is_one_word_on_one_line(name: str) -> None:
    assert "\n" not in quoted(name)
    echoed = subprocess.run(["bash", "-c", f"printf %s {quoted(name)}"], check=True, capture_output=True)
    assert echoed.stdout == os.fsencode(name)


def test_the_doctor_names_them(raw: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(raw.parent.parent)
    Path("dvc.yaml").touch()
    Path("params.yaml").touch()
    assert CliRunner().invoke(main, ["doctor"]).output == "doctor: DVC can read data/raw\n"
    Path(".dvcignore").write_text(f"{NOT_UTF_8}\n")
    (raw / os.fsdecode(b"b\xe4d.jpg")).touch()
    result = CliRunner().invoke(main, ["doctor"])
    assert result.exit_code == 0
    assert "data/raw/b\\xe4d.jpg: a name that is not UTF-8" in result.output
    (raw / "gone.jpg").symlink_to("nowhere")
    result = CliRunner().invoke(main, ["doctor"])
    assert result.exit_code == 1
    assert "DVC stops at 1 of the 2 named above" in result.output
