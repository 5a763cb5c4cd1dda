"""Nothing that either side of a merge accepted gets lost unnoticed: throw-away git repositories, without DVC."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from curation.core.errors import BaseError
from curation.history.accepted import check_head, check_range, check_rebased, check_workspace
from curation.history.base_rule import parse_base
from curation.history.dvc_lock import parse_stages
from curation.history.layout import LAYOUT
from curation.inspection.contradictions import contradictions
from curation.inspection.recorded import recorded_commits, recorded_iterations
from curation.inspection.revision import Revision, revision
from stages.resolve_base import main as resolve_base
from tests.conftest import REPOSITORY

POOLS = {name: digit * 32 + ".dir" for name, digit in zip(("first", "alice", "bob", "both"), "1234", strict=True)}


def git(*arguments: str, check: bool = True) -> str:
    return subprocess.run(["git", *arguments], check=check, capture_output=True, text=True).stdout.strip()


def unknown(pool: str) -> frozenset[str] | None:
    return None


def write(pool: str, *bases: str) -> None:
    """Write the record of a datapool that was built on others."""
    base = POOLS[bases[0]] if len(bases) == 1 else "9" * 32 + ".dir"
    stages = {
        "base": {"cmd": "x", "outs": [{"path": "data/base", "md5": base}]},
        "merge_datapool": {
            "cmd": "x",
            "deps": [{"path": "data/base", "md5": base}],
            "outs": [{"path": "datapool", "md5": POOLS[pool]}],
        },
    }
    Path("dvc.lock").write_text(json.dumps({"schema": "2.0", "stages": stages}, indent=1) + "\n")
    content = {"datapools": [POOLS[name] for name in bases], "fingerprint": {"raw_files": pool}}
    Path("base.json").write_text(json.dumps(content, indent=1))
    Path("data").mkdir(exist_ok=True)
    Path("data/raw.dvc").write_text(f"outs:\n- md5: {pool}.dir\n  path: raw\n")


def commit(message: str) -> str:
    git("add", "--all")
    git("commit", "--quiet", "--message", message)
    return git("rev-parse", "HEAD")


@pytest.fixture(autouse=True)
def two_sides(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with an iteration on either side of a merge that has stopped at its conflicts."""
    monkeypatch.chdir(tmp_path)
    git("init", "--quiet", "--initial-branch", "main")
    git("config", "user.name", "t")
    git("config", "user.email", "t@example.org")
    Path("dvc.yaml").write_text("stages: {}\n")
    write("first")
    commit("first")
    git("checkout", "--quiet", "-b", "bob")
    write("bob", "first")
    commit("bob")
    git("checkout", "--quiet", "main")
    write("alice", "first")
    commit("alice")
    git("merge", "bob", check=False)
    return tmp_path


def careless() -> str:
    """Commit the conflict markers."""
    return commit("careless")


def test_markers_that_were_committed_are_told_with_their_commit() -> None:
    alice, bob = git("rev-parse", "HEAD"), git("rev-parse", "bob")
    merge = careless()
    named = f"{merge[:12]}: base.json, data/raw.dvc and dvc.lock hold git's conflict markers"
    again = f"{merge[:12]}: Make the merge again: `git reset --hard {alice[:12]}`, `python -m curate merge {bob[:12]}`"
    for messages in (check_head(LAYOUT, unknown), check_range("HEAD~1..HEAD", LAYOUT, unknown)[-2:]):
        assert messages[0] == named
        assert messages[1].startswith(again)
    Path("notes.md").write_text("more\n")
    later = commit("later")
    assert f"{later[:12]}: it is so since {merge[:12]}. Make the merge again" in check_head(LAYOUT, unknown)[1]


def test_markers_in_the_raw_list_alone_hide_nothing() -> None:
    """The hooks' merge driver keeps one side's dvc.lock, so that only the raw files are in conflict."""
    git("checkout", "--ours", "dvc.lock", "base.json")
    merge = careless()
    told = check_head(LAYOUT, unknown)
    assert told[0] == f"{merge[:12]}: data/raw.dvc holds git's conflict markers"
    assert "does not build on that of" in told[-1]


def test_one_side_of_a_merge_is_no_union() -> None:
    git("checkout", "--ours", "dvc.lock", "base.json", "data/raw.dvc")
    commit("ours")
    (told,) = check_head(LAYOUT, unknown)
    assert git("rev-parse", "bob")[:12] in told
    assert "Make the merge again" in told


def test_a_union_and_what_follows_it_is_accepted() -> None:
    write("both", "alice", "bob")
    commit("both")
    assert check_head(LAYOUT, unknown) == []
    git("checkout", "--quiet", "-b", "old", "bob")
    Path("notes.md").write_text("no iteration\n")
    commit("old")
    git("checkout", "--quiet", "main")
    git("merge", "--quiet", "--no-edit", "old")
    # Bob's datapool is not the one that this commit's was built on, but one before that: no cache is needed to see it.
    assert check_head(LAYOUT, unknown) == []


def test_going_back_is_no_loss_unless_a_merge_cannot_be_read() -> None:
    git("merge", "--abort")
    git("revert", "--no-edit", "HEAD")
    assert check_head(LAYOUT, unknown) == []
    git("reset", "--quiet", "--hard", "HEAD~1")
    git("merge", "bob", check=False)
    careless()
    git("checkout", "HEAD^1", "--", "dvc.lock", "base.json", "data/raw.dvc")
    commit("one side")
    (told,) = check_head(LAYOUT, unknown)
    assert told.endswith("See docs/guides/team.md, A merge that went wrong")


def test_the_workspace_of_a_merge_is_told_the_command() -> None:
    git("checkout", "--ours", "dvc.lock", "base.json")
    stages, base = parse_stages(Path("dvc.lock").read_text()), parse_base(Path("base.json").read_text())
    (told,) = check_workspace(stages, base, LAYOUT, unknown)
    assert "Run `python -m curate merge`, which unites" in told


def test_a_rebase_that_replaced_an_iteration_is_told() -> None:
    git("merge", "--abort")
    git("update-ref", "ORIG_HEAD", "HEAD")
    assert check_rebased(LAYOUT, unknown) == []
    git("reset", "--quiet", "--hard", "bob")
    git("update-ref", "ORIG_HEAD", "main@{1}")
    assert len(check_rebased(LAYOUT, unknown)) == 1


def test_a_shallow_clone_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    git("merge", "--abort")
    git("clone", "--quiet", "--depth", "1", tmp_path.as_uri(), "shallow")
    monkeypatch.chdir(tmp_path / "shallow")
    with pytest.raises(BaseError, match=r"shallow clone.*git fetch --unshallow"):
        check_range("HEAD~1..HEAD", LAYOUT, unknown)
    with pytest.raises(BaseError, match=r"parents of .* are not here.*shallow clone.*git fetch --unshallow"):
        check_range("HEAD", LAYOUT, unknown)
    with pytest.raises(BaseError, match=r"shallow clone.*git fetch --unshallow"):
        revision("HEAD~1", None)  # type: ignore[arg-type]
    told = CliRunner().invoke(resolve_base, ["--check"])
    assert told.exit_code == 0
    assert "HEAD itself was compared with nothing: this is a shallow clone" in told.output


def test_verify_visits_what_nobody_meant_to_record() -> None:
    git("checkout", "--ours", "dvc.lock", "base.json")
    merge = careless()
    git("commit", "--quiet", "--allow-empty", "--message", "later")
    workspace = Revision("workspace", None, None)  # type: ignore[arg-type]
    visited = {found.commit: found for found in recorded_commits(workspace)}
    assert list(visited) == [None, merge, git("rev-parse", "HEAD~2"), git("rev-parse", "HEAD~3")]
    assert visited[merge].faults == ("data/raw.dvc holds git's conflict markers",)


def test_the_past_can_be_read_around_a_commit_that_cannot() -> None:
    careless()
    git("checkout", "HEAD^1", "--", ".")
    commit("one side")
    tip = Revision("HEAD", git("rev-parse", "HEAD"), None)  # type: ignore[arg-type]
    assert [found.commit for found in recorded_iterations(tip)] == [
        git("rev-parse", "HEAD~2"),
        git("rev-parse", "HEAD~3"),
    ]
    assert list(contradictions(tip, ())) == []
    merge = git("rev-parse", "HEAD~1")
    assert not Revision("merge", merge, None).is_readable  # type: ignore[arg-type]


@pytest.mark.parametrize("arguments", [[], ["--all"]])
def test_the_hook_refuses_markers(arguments: list[str]) -> None:
    """`git commit --all` too, which has an index of its own; in the hook, `python` is the one of these tests."""
    git("checkout", "--ours", "dvc.lock", "base.json")
    if not arguments:
        git("add", ".")
    git("config", "core.hooksPath", str(REPOSITORY / "hooks"))
    (Path(".git") / "python").mkdir()
    command = Path(".git/python/python")
    command.write_text(f'#!/bin/sh\ncd "{Path.cwd()}" && exec "{sys.executable}" "$@"\n')
    command.chmod(0o755)
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    variables = kept | {"PATH": f"{command.parent.absolute()}:{os.environ['PATH']}", "PYTHONPATH": str(REPOSITORY)}
    done = subprocess.run(
        ["git", "commit", "--message", "careless", *arguments],
        env=variables,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "data/raw.dvc holds git's conflict markers\n`python -m curate merge` settles what the merge" in done.stderr
