"""Files that nobody can read: found in what is about to be committed, in the workspace and in commits."""

import subprocess
from pathlib import Path

import pytest

from curation.core.errors import BaseError
from curation.history.readable import (
    commits_with_markers,
    fault_of,
    faults_in_index,
    faults_in_workspace,
    faults_of_commit,
    is_as_committed,
    parse_mapping,
)

MARKED = "a: 1\n<<<<<<< HEAD\nb: 2\n=======\nb: 3\n>>>>>>> other\n"


def git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    git("init", "--quiet", "--initial-branch", "main")
    git("config", "user.name", "t")
    git("config", "user.email", "t@example.org")
    Path("data").mkdir()
    Path("dvc.lock").write_text("schema: '2.0'\n")
    Path("data/raw.dvc").write_text("outs: []\n")
    Path("notes.md").write_text(MARKED)
    git("add", "--all")
    git("commit", "--quiet", "--message", "start")
    return tmp_path


def test_a_text_says_what_is_wrong_with_it() -> None:
    assert fault_of(Path("dvc.lock"), "a: 1\n") is None
    assert fault_of(Path("dvc.lock"), "") is None
    assert fault_of(Path("dvc.lock"), MARKED) == "holds git's conflict markers"
    assert fault_of(Path("dvc.lock"), "a: 1\n======= \nb: c: d\n") == "is no YAML (line 3)"
    assert fault_of(Path("base.json"), "{\n]") == "is no JSON (line 2)"
    assert fault_of(Path("base.json"), "[1]") == "is no mapping of keys to values in JSON"
    assert fault_of(Path("params.yaml"), "text: <<<<<<< HEAD\n") is None


def test_a_file_that_cannot_be_read_is_named_with_its_commit(repository: Path) -> None:
    assert parse_mapping(None, Path("dvc.lock")) == {}
    with pytest.raises(BaseError, match=r"^dvc\.lock of commit 123456789012 holds git's conflict markers"):
        parse_mapping(MARKED, Path("dvc.lock"), "123456789012345")
    with pytest.raises(BaseError, match=r"^dvc\.lock is no mapping .*git checkout HEAD"):
        parse_mapping("text\n", Path("dvc.lock"))


def test_markers_are_found_where_they_are(repository: Path) -> None:
    start = git("rev-parse", "HEAD")
    assert (faults_in_index(), faults_in_workspace(), faults_of_commit("HEAD")) == ([], [], [])
    Path("data/raw.dvc").write_text(MARKED)
    assert faults_in_index() == []
    assert faults_in_workspace() == ["data/raw.dvc holds git's conflict markers"]
    assert not is_as_committed()
    Path("other.dvc").write_text(MARKED)
    Path("base.json").write_text("{")
    git("add", "--all")
    wanted = ["data/raw.dvc and other.dvc hold git's conflict markers", "base.json is no JSON (line 1)"]
    assert faults_in_index() == faults_in_workspace() == wanted
    git("commit", "--quiet", "--message", "careless")
    careless = git("rev-parse", "HEAD")
    assert faults_of_commit(careless) == wanted
    assert is_as_committed()
    assert commits_with_markers([start, careless]) == {careless: [Path("data/raw.dvc"), Path("other.dvc")]}
