"""What a kill left cut off is found, brought back from git, and nothing else is touched."""

import fcntl
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner
from dvc.rwlock import SCHEMA as RUNNING_SCHEMA
from dvc.schema import COMPILED_LOCKFILE_SCHEMA, COMPILED_SINGLE_STAGE_SCHEMA
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from voluptuous import Invalid, Schema

from curation.cli.main import main
from curation.core.errors import BaseError
from curation.history import repair as repairing
from curation.history.repair import (
    cut_off_files,
    dvc_files,
    is_whole,
    repair,
)

LOCK = """\
schema: '2.0'
stages:
  ingest:
    cmd: python -m stages.ingest
    deps:
    - path: data/raw
      hash: md5
      md5: d4082e10bcfbe5b0649b5ef92f532a01.dir
      size: 9671
      nfiles: 12
    params:
      params.yaml:
        ingest:
          names: null
    outs:
    - path: data/ingest
      hash: md5
      md5: e4082e10bcfbe5b0649b5ef92f532a01.dir
      size: 12
      nfiles: 1
  clean:
    cmd: python -m stages.clean
    outs:
    - path: reports/clean.json
      hash: md5
      md5: f4082e10bcfbe5b0649b5ef92f532a01
      size: 12
"""
RAW = """\
outs:
- md5: d4082e10bcfbe5b0649b5ef92f532a01.dir
  size: 9671
  nfiles: 12
  hash: md5
  path: raw
"""
RUNNING = (
    '{"write": {"/p/data": {"pid": 12, "cmd": "dvc repro"}}, "read": {"/p/raw": [{"pid": 12, "cmd": "dvc repro"}]}}'
)


def _git(*arguments: str) -> None:
    identity = ("-c", "user.name=t", "-c", "user.email=t@example.org")
    subprocess.run(["git", *identity, *arguments], check=True, capture_output=True)


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with the files that DVC writes, committed as far as they usually are."""
    monkeypatch.chdir(tmp_path)
    _git("init", "--quiet", "--initial-branch", "main")
    for folder in (".dvc/tmp", "data"):
        Path(folder).mkdir(parents=True)
    Path(".dvc/.gitignore").write_text("/tmp\n")
    Path("dvc.yaml").write_text("stages: {}\n")
    Path("dvc.lock").write_text(LOCK)
    Path("data/raw.dvc").write_text(RAW)
    _git("add", "--all")
    _git("commit", "--quiet", "--message", "iteration 1")
    Path(".dvc/tmp/rwlock").write_text(RUNNING)
    for guard in ("lock", "rwlock.lock"):
        Path(".dvc/tmp", guard).write_text(" 12\n")
    return tmp_path


def _everything() -> dict[str, bytes]:
    return {
        str(path): path.read_bytes()
        for path in sorted(Path().rglob("*"))
        if path.is_file() and ".git/" not in str(path)
    }


def test_whole_files_are_not_touched() -> None:
    before = _everything()
    assert cut_off_files() == []
    assert repair() == []
    assert _everything() == before


def _accepted(schema: Schema, text: str) -> bool:
    """Return whether DVC reads a text, by its own schema; it takes what is empty for no file."""
    try:
        content = YAML(typ="safe").load(text)
        schema({} if content is None else content)
    except (YAMLError, Invalid):
        return False
    return content is not None


@pytest.mark.parametrize(
    ("name", "schema", "text"),
    [
        ("dvc.lock", COMPILED_LOCKFILE_SCHEMA, LOCK),
        ("data/raw.dvc", COMPILED_SINGLE_STAGE_SCHEMA, RAW),
        (".dvc/tmp/rwlock", RUNNING_SCHEMA, RUNNING),
    ],
)
def test_nothing_that_dvc_refuses_counts_as_whole(name: str, schema: Schema, text: str) -> None:
    assert _accepted(schema, text)
    assert is_whole(Path(name), text)
    found = [(is_whole(Path(name), text[:end]), _accepted(schema, text[:end])) for end in range(len(text))]
    assert (True, False) not in found
    assert (False, False) in found


@pytest.mark.parametrize(
    "text", ['{"write": 1}', '{"write": {"/p": 1}}', '{"read": {"/p": [1]}}', '{"else": {}}', "[]"]
)
def test_other_json_is_no_list_of_running_commands(text: str) -> None:
    assert not _accepted(RUNNING_SCHEMA, text)
    assert not is_whole(Path(".dvc/tmp/rwlock"), text)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.99])
def test_what_git_has_is_brought_back(share: float) -> None:
    Path("dvc.lock").chmod(0o640)
    for name, whole in (("dvc.lock", LOCK), ("data/raw.dvc", RAW), (".dvc/tmp/rwlock", RUNNING)):
        Path(name).write_text(whole[: int(share * (len(whole) - 1))])
    assert cut_off_files() == [Path(".dvc/tmp/rwlock"), Path("data/raw.dvc"), Path("dvc.lock")]
    assert [done.path for done in repair()] == [Path(".dvc/tmp/rwlock"), Path("data/raw.dvc"), Path("dvc.lock")]
    assert (Path("dvc.lock").read_text(), Path("data/raw.dvc").read_text()) == (LOCK, RAW)
    assert Path("dvc.lock").stat().st_mode & 0o777 == 0o640
    assert not Path(".dvc/tmp/rwlock").exists()
    assert Path(".dvc/tmp/cut-off/dvc.lock").read_text() == LOCK[: int(share * (len(LOCK) - 1))]
    assert cut_off_files() == []


def test_what_is_staged_comes_before_what_is_committed() -> None:
    Path("dvc.lock").write_text(LOCK.replace("nfiles: 12", "nfiles: 13"))
    _git("add", "dvc.lock")
    Path("dvc.lock").write_text("")
    assert "as staged" in repair()[0].action
    assert Path("dvc.lock").read_text() == LOCK.replace("nfiles: 12", "nfiles: 13")
    _git("update-index", "--add", "--cacheinfo", "100644,e69de29bb2d1d6434b8b29ae775ad8c2e48c5391,dvc.lock")
    _git("hash-object", "-w", "/dev/null")
    Path("dvc.lock").write_text("")
    assert "as committed" in repair()[0].action
    assert Path("dvc.lock").read_text() == LOCK


def test_what_git_does_not_have_is_set_aside() -> None:
    Path("data/other.dvc").write_text("outs:\n- md")
    _git("rm", "--quiet", "--cached", "dvc.lock")
    _git("commit", "--quiet", "--message", "none")
    Path("dvc.lock").write_text("schema: '2")
    first, second = repair()
    assert "`dvc add data/other` makes it anew" in first.action
    assert "`dvc repro` makes it anew" in second.action
    assert not Path("data/other.dvc").exists()
    assert not Path("dvc.lock").exists()
    assert Path(".dvc/tmp/cut-off/data/other.dvc").read_text() == "outs:\n- md"
    assert Path(".dvc/tmp/cut-off/dvc.lock").read_text() == "schema: '2"


def test_what_git_left_in_conflict_is_no_work_of_a_kill() -> None:
    Path("dvc.lock").write_text(f"<<<<<<< HEAD\n{LOCK}=======\n>>>>>>> other\n")
    assert cut_off_files() == []


def test_untracked_files_of_dvc_are_found() -> None:
    Path("data/new folder").mkdir()
    Path("data/new folder/ä.dvc").write_text(RAW)
    assert dvc_files() == [Path("data/new folder/ä.dvc"), Path("data/raw.dvc"), Path("dvc.lock")]


def test_nothing_is_repaired_while_dvc_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repairing, "_SECONDS", 0.05)
    Path("dvc.lock").write_text("")
    with Path(".dvc/tmp/lock").open() as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)
        with pytest.raises(BaseError, match="DVC is running"):
            repair()
    assert Path("dvc.lock").read_text() == ""
    assert len(repair()) == 1


def test_commands_name_the_way_out() -> None:
    Path("dvc.lock").write_text("")
    for command in ("list", "diff", "merge"):
        found = CliRunner().invoke(main, [command])
        assert found.exit_code == 1
        assert "dvc.lock: cut off" in found.output
        assert "python -m curate repair" in found.output
    done = CliRunner().invoke(main, ["repair"])
    assert done.exit_code == 0, done.output
    assert done.output.endswith("Next: dvc repro\n")
    assert CliRunner().invoke(main, ["repair"]).output == "repair: nothing is cut off, nothing was changed\n"
