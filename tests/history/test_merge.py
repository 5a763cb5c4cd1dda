"""Settling what git cannot merge: the generated files of two iterations, and nothing else."""

import shutil
import subprocess
from hashlib import md5
from importlib import import_module
from pathlib import Path

import pytest
from click.testing import CliRunner

from curation.cli.main import main
from curation.core.errors import BaseError
from curation.history.merge import conflicts, drive, settle_conflicts
from curation.labels.stored import Annotation, Labelled, as_coco, from_coco
from tests.conftest import REPOSITORY

KEPT = "outs:\n- md5: {}.dir\n  size: 1\n  nfiles: 1\n  hash: md5\n  path: 00001-x\n"


def _git(*arguments: str, check: bool = True) -> str:
    return subprocess.run(["git", *arguments], check=check, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def merging(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository in which both sides of a merge changed the same lines of what the pipeline makes."""
    monkeypatch.chdir(tmp_path)
    _git("init", "--quiet", "--initial-branch", "main")
    _git("config", "user.name", "t")
    _git("config", "user.email", "t@example.org")
    Path("dvc.yaml").write_text("stages: {}\n")
    for side in ("start", "theirs", "ours"):
        if side == "theirs":
            _git("checkout", "--quiet", "-b", "other")
        if side == "ours":
            _git("checkout", "--quiet", "main")
        Path("reports/plots").mkdir(parents=True, exist_ok=True)
        Path("pictures").mkdir(exist_ok=True)
        Path("pictures/00001-x.dvc").write_text(KEPT.format(side))
        for name in ("dvc.lock", "base.json", "reports/plots/growth.csv", "notes.txt"):
            Path(name).write_text(f"schema: {side}\n")
        if side != "start":
            Path("reports/new.json").write_text(f"schema: {side}\n")
        _git("add", "--all")
        _git("commit", "--quiet", "--message", side)
    _git("merge", "other", check=False)
    return tmp_path


def test_generated_files_are_settled_and_others_named(merging: Path) -> None:
    assert len(conflicts()) == 6
    with pytest.raises(BaseError, match=r"^1 files .*notes.txt"):
        settle_conflicts()
    assert conflicts() == [Path("notes.txt")]
    for name in ("dvc.lock", "base.json", "reports/plots/growth.csv", "reports/new.json"):
        assert Path(name).read_text() == "schema: ours\n"
    assert Path("pictures/00001-x.dvc").read_text() == KEPT.format("ours")
    Path("notes.txt").write_text("both\n")
    _git("add", "notes.txt")
    settle_conflicts()


def test_without_a_merge_there_is_nothing_to_unite(merging: Path) -> None:
    _git("merge", "--abort")
    told = CliRunner().invoke(main, ["merge"])
    assert told.exit_code == 1
    assert "no merge is going on" in told.output
    assert "not a revision that git knows" in CliRunner().invoke(main, ["merge", "nonsense"]).output
    assert "git merges nothing" in CliRunner().invoke(main, ["merge", "HEAD~1"]).output


def test_a_second_merge_does_not_begin(merging: Path) -> None:
    assert "going on already" in CliRunner().invoke(main, ["merge", "other"]).output


def test_conflicts_that_were_added_with_their_markers_are_opened_again(merging: Path) -> None:
    _git("add", ".")
    assert conflicts() == []
    settle_conflicts()
    for name in ("dvc.lock", "base.json", "reports/plots/growth.csv", "reports/new.json"):
        assert Path(name).read_text() == "schema: ours\n"


def test_the_driver_leaves_markers_where_it_cannot_merge(merging: Path) -> None:
    sides = (Path("base"), Path("ours"), Path("theirs"))
    for side in sides:
        side.write_text(f"outs:\n- md5: {side}\n  path: raw\n")
    Path(".dvc").mkdir()
    Path(".dvc/config").touch()
    with pytest.raises(BaseError, match=r"^data/raw\.dvc stands for something else"):
        drive(*sides, Path("data/raw.dvc"))
    assert Path("ours").read_text() == (
        "outs:\n<<<<<<< HEAD\n- md5: ours\n=======\n- md5: theirs\n>>>>>>> the other side\n  path: raw\n"
    )
    Path("ours").write_text(Path("base").read_text())
    told = CliRunner().invoke(main, ["merge", "--driver", "base", "ours", "theirs", "data/raw.dvc"])
    assert told.exit_code == 0, told.output
    assert Path("ours").read_text() == Path("theirs").read_text()


def test_the_driver_unites_labels(merging: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path(".dvc").mkdir()
    Path(".dvc/config").touch()
    for side, names in {"base": "a", "ours": "ab", "theirs": "acb"}.items():
        content = as_coco(Labelled({name: (Annotation(side, None, None),) for name in names}, {}, (side,))).encode()
        digest = md5(content).hexdigest()
        place = Path(".dvc/cache/files/md5", digest[:2], digest[2:])
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
        Path(side).write_text(f"outs:\n- md5: {digest}\n  path: cars.json\n")
    drive(Path("base"), Path("ours"), Path("theirs"), Path("labels/cars.json.dvc"))
    digest = Path("ours").read_text().partition("md5: ")[2].partition("\n")[0]
    merged = from_coco(Path(".dvc/cache/files/md5", digest[:2], digest[2:]).read_text())
    assert {name: found[0].category for name, found in merged.samples.items()} == {
        "a": "ours",
        "b": "ours",
        "c": "theirs",
    }
    assert "both sides changed the labels of 2 samples, 'a' for one: this side's stay" in capsys.readouterr().err


def test_a_rebase_is_no_merge(merging: Path) -> None:
    _git("merge", "--abort")
    _git("rebase", "other", check=False)
    told = CliRunner().invoke(main, ["merge"])
    assert told.exit_code == 1
    assert "git rebase --abort" in told.output


def test_a_clone_with_the_former_driver_is_told_to_install_the_hooks_again(merging: Path) -> None:
    _git("config", "merge.dvc.driver", "dvc git-hook merge-driver --ancestor %O --our %A --their %B")
    assert "merge: run hooks/install.sh once more" in CliRunner().invoke(main, ["merge"]).output


def test_dvc_can_read_what_the_hooks_write_into_gits_configuration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`dvc exp run --temp` reads it by ConfigObj, for which quotation marks around a part of a value are an error."""
    project = tmp_path / "a project's"
    shutil.copytree(REPOSITORY / "hooks", project / "sub folder/hooks")
    monkeypatch.chdir(project)
    _git("init", "--quiet", ".")
    subprocess.run(["sub folder/hooks/install.sh"], check=True, capture_output=True)
    read = import_module("configobj").ConfigObj(".git/config", list_values=False)
    assert read['merge "dvc"']["driver"] == _git("config", "merge.dvc.driver")
    assert read['merge "iteration"']["name"] == _git("config", "merge.iteration.name")
