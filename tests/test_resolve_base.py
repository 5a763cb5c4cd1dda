"""The rule for the base, in throw-away git repositories without DVC: only files at HEAD count."""

import hashlib
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from curation.core.errors import BaseError, NothingToSelectError, ParamsError
from curation.history.accepted import check_range, check_workspace
from curation.history.base_rule import Base, Layout, datapool_hash, decide_base, parse_base
from curation.history.dvc_lock import parse_stages
from curation.history.inputs import changes, differences, fingerprint
from curation.history.workspace import given_file_hash
from curation.labels.given_files import given_files_hash

LAYOUT = Layout(
    base_json=Path("base.json"),
    dvc_lock=Path("dvc.lock"),
    datapool=Path("datapool"),
    base=Path("data/base"),
    raw_files=Path("raw_files.parquet"),
    files=Path("files.parquet"),
)
DEFAULTS = {"select.n_samples": None, "select.n": 0}
POOLS = [f"{digit}" * 32 + ".dir" for digit in "123456789"]
EMPTY_BASE = "0" * 32 + ".dir"


@pytest.fixture(autouse=True)
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL"):
        monkeypatch.delenv(name, raising=False)
    git("init", "--quiet", "--initial-branch", "main")
    git("config", "user.name", "t")
    git("config", "user.email", "t@example.org")
    return tmp_path


def git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], check=True, capture_output=True, text=True).stdout.strip()


def inputs(raw_files: str = "raw 1", **params: object) -> dict[str, Any]:
    return dict(fingerprint(raw_files, {"select": params, "report": {}}, None))


def lock(pool: str, base: str, raw_files: str = "raw 1", files: str = "files 1") -> str:
    return json.dumps(
        {
            "stages": {
                "base": {"outs": [{"path": "data/base", "md5": base}]},
                "clean": {
                    "deps": [{"path": "raw_files.parquet", "md5": raw_files}],
                    "outs": [{"path": "files.parquet", "md5": files}],
                },
                "merge_datapool": {
                    "deps": [{"path": "data/base", "md5": base}, {"path": "files.parquet", "md5": files}],
                    "outs": [{"path": "datapool", "md5": pool}],
                },
            }
        }
    )


def write(pool: str, bases: list[str], made_from: dict[str, Any], base: str | None = None) -> None:
    Path("base.json").write_text(json.dumps(Base(tuple(bases), made_from).to_json()))
    used = base or (bases[0] if bases else EMPTY_BASE)
    Path("dvc.lock").write_text(lock(pool, used, str(made_from["raw_files"]), f"files of {made_from['raw_files']}"))


def commit(pool: str, bases: list[str], made_from: dict[str, Any], base: str | None = None) -> str:
    write(pool, bases, made_from, base)
    git("add", "--all")
    git("commit", "--quiet", "--message", "iteration")
    return git("rev-parse", "HEAD")


def decide(made_from: dict[str, Any], setting: str | list[str] = "auto", needs_new_data: bool = True) -> list[str]:
    return list(decide_base(setting, made_from, LAYOUT, DEFAULTS, needs_new_data=needs_new_data).base.datapools)


def test_before_the_first_commit_the_base_is_empty() -> None:
    assert decide(inputs()) == []


def test_equal_inputs_are_the_iteration_of_head_and_others_build_on_it() -> None:
    commit(POOLS[0], [], inputs())
    commit(POOLS[1], [POOLS[0]], inputs("raw 2"))
    assert decide(inputs("raw 2")) == [POOLS[0]]
    assert decide(inputs("raw 3")) == [POOLS[1]]
    git("checkout", "--quiet", "HEAD~1")
    assert decide(inputs()) == []
    assert decide(inputs("raw 2")) == [POOLS[0]]


def test_what_the_workspace_holds_does_not_matter() -> None:
    commit(POOLS[0], [], inputs())
    write(POOLS[7], [POOLS[6]], inputs("raw 2", n_samples=3))
    assert decide(inputs("raw 2")) == [POOLS[0]]


def test_unchanged_raw_files_cannot_give_anything_new() -> None:
    commit(POOLS[0], [], inputs())
    with pytest.raises(NothingToSelectError, match=r"params\.yaml"):
        decide(inputs(n_samples=3))
    assert decide(inputs(n_samples=3), needs_new_data=False) == [POOLS[0]]
    assert decide(inputs(n_samples=3), setting="none") == []


def test_taking_samples_out_needs_no_new_raw_files() -> None:
    commit(POOLS[0], [], inputs())
    assert decide({**inputs(), "removed": "list"}) == [POOLS[0]]


def test_half_a_committed_iteration_is_finished() -> None:
    commit(POOLS[0], [], inputs())
    Path("dvc.lock").write_text(lock(POOLS[0], EMPTY_BASE, "raw 2", "files of raw 1").replace("files of raw 1", "x", 1))
    git("commit", "--quiet", "--all", "--message", "clean has run, merge has not")
    assert decide(inputs("raw 2", n_samples=3)) == [POOLS[0]]


def test_a_merge_unites_both_sides_and_its_commit_keeps_that() -> None:
    commit(POOLS[0], [], inputs())
    git("checkout", "--quiet", "-b", "bob")
    commit(POOLS[1], [POOLS[0]], inputs("raw bob"))
    git("checkout", "--quiet", "main")
    commit(POOLS[2], [POOLS[0]], inputs("raw alice"))
    subprocess.run(["git", "merge", "--quiet", "bob"], check=False, capture_output=True)
    both = inputs("raw both")
    assert decide(both) == [POOLS[2], POOLS[1]]
    write(POOLS[3], [POOLS[2], POOLS[1]], both, base=POOLS[4])
    assert (
        check_workspace(
            parse_stages(Path("dvc.lock").read_text()), parse_base(Path("base.json").read_text()), LAYOUT, unknown
        )
        == []
    )
    git("add", "--all")
    git("commit", "--quiet", "--message", "merge")
    assert decide(both) == [POOLS[2], POOLS[1]]
    assert check_range("HEAD~1..HEAD", LAYOUT, unknown) == []


def test_the_base_can_be_named() -> None:
    first = commit(POOLS[0], [], inputs())
    commit(POOLS[1], [POOLS[0]], inputs("raw 2"))
    git("tag", "good", first)
    assert decide(inputs("raw 3"), POOLS[8]) == [POOLS[8]]
    assert decide(inputs("raw 3"), "good") == [POOLS[0]]
    assert decide(inputs("raw 3"), ["HEAD", "good", POOLS[0]]) == [POOLS[1], POOLS[0]]
    assert datapool_hash("HEAD", LAYOUT) == POOLS[1]
    for setting in ("no-such-branch", "--output=x", ""):
        with pytest.raises(BaseError, match=r"base\.datapool"):
            decide(inputs("raw 3"), setting)


def unknown(pool: str) -> frozenset[str] | None:
    return None


def test_an_older_baseline_is_refused() -> None:
    commit(POOLS[0], [], inputs())
    commit(POOLS[1], [POOLS[0]], inputs("raw 2"))
    write(POOLS[5], [POOLS[0]], inputs("raw 2", n_samples=1))
    stages, base = parse_stages(Path("dvc.lock").read_text()), parse_base(Path("base.json").read_text())
    (message,) = check_workspace(stages, base, LAYOUT, unknown)
    assert "does not build on" in message
    names = {POOLS[5]: frozenset("abc"), POOLS[1]: frozenset("ab")}
    assert check_workspace(stages, base, LAYOUT, names.get) == []
    names[POOLS[1]] = frozenset("abxyz")
    (message,) = check_workspace(stages, base, LAYOUT, names.get)
    assert "accepted samples dropped: 3" in message


def test_a_base_that_was_named_but_not_used_is_refused() -> None:
    commit(POOLS[0], [], inputs())
    commit(POOLS[1], [POOLS[0]], inputs("raw 2"))
    write(POOLS[5], [POOLS[1]], inputs("raw 3"), base=POOLS[0])
    stages, base = parse_stages(Path("dvc.lock").read_text()), parse_base(Path("base.json").read_text())
    assert len(check_workspace(stages, base, LAYOUT, unknown)) == 1


def test_the_fingerprint_says_what_changed() -> None:
    before = fingerprint("raw", {"select": {"n": 1}, "report": {"title": "x"}}, None)
    same = fingerprint("raw", {"select": {"n": 1}, "report": {"title": "y"}}, None)
    assert before == same
    after = fingerprint("raw", {"select": {"n": 2}, "report": {}}, "weights")
    assert changes(before, after, DEFAULTS) == ["select.n in params.yaml", "the file that train.checkpoint names"]


def test_a_parameter_that_only_one_version_of_the_code_knows_changes_nothing_by_itself() -> None:
    before = fingerprint("raw", {"select": {"n": 1, "gone": 5}}, None)
    assert differences(before, fingerprint("raw", {"select": {"n": 1, "n_samples": None}}, None), DEFAULTS) == []
    assert differences(before, fingerprint("raw", {"select": {"n": 1, "n_samples": 3}}, None), DEFAULTS) == ["params"]
    assert differences(before, fingerprint("raw", {"select": {}}, None), DEFAULTS) == ["params"]
    assert differences(before, fingerprint("raw", {"select": {"n": 1.0}}, None), DEFAULTS) == []


def test_a_fingerprint_of_long_ago_has_one_hash_of_all_parameters() -> None:
    content = {"select": {"n": 1}, "base": {"round": 1}}
    text = json.dumps(content, sort_keys=True).encode()
    former = {**fingerprint("raw", {}, None), "code": "1", "params": hashlib.sha256(text).hexdigest()[:16]}
    del former["own_files"]
    assert differences(former, fingerprint("raw", content, None), DEFAULTS) == []
    newer: dict[str, dict[str, Any]] = {"select": {"n": 1, "n_samples": None}, "base": {"round": 1}}
    assert differences(former, fingerprint("raw", newer, None), DEFAULTS, ["select.n"]) == []
    newer["select"]["n_samples"] = 3
    assert differences(former, fingerprint("raw", newer, None), DEFAULTS, ["select.n"]) == ["params"]


@pytest.mark.parametrize("text", ["", "{}", "[]", "{", '{"datapools": []}', '{"pools": ["x"], "fingerprint": {}}', "3"])
def test_a_damaged_base_json_counts_as_none(text: str) -> None:
    assert parse_base(text) is None


@pytest.mark.parametrize("key", ["checkpoint", "weights"])
def test_a_given_file_is_an_input_and_need_not_stay(key: str) -> None:
    assert given_file_hash(None, key) is None
    with pytest.raises(ParamsError, match=rf"train\.{key}: there is no file 'given.pth'"):
        given_file_hash("given.pth", key)
    Path("given.pth").write_text("weights")
    known = given_file_hash("given.pth", key)
    commit(POOLS[0], [], inputs() | {f"given_{key}": known})
    Path("given.pth").unlink()
    assert given_file_hash("given.pth", key) == known
    Path("given.pth").write_text("other weights")
    now = inputs() | {f"given_{key}": given_file_hash("given.pth", key)}
    assert changes(inputs() | {f"given_{key}": known}, now, DEFAULTS) == [f"the file that train.{key} names"]


def test_files_that_strategies_name_are_inputs() -> None:
    assert given_files_hash([]) is None
    with pytest.raises(ParamsError, match=r"section select: there is no file 'scores.csv'"):
        given_files_hash(["scores.csv"])
    Path("scores.csv").write_text("one")
    Path("names.txt").write_text("two")
    before = given_files_hash(["scores.csv", "names.txt"])
    assert before == given_files_hash(["names.txt", "scores.csv", "names.txt"])
    Path("names.txt").write_text("three")
    after = given_files_hash(["scores.csv", "names.txt"])
    assert before != after
    one, other = (fingerprint("raw", {}, None, given) for given in (before, after))
    assert changes(one, other, DEFAULTS) == ["the files that the section select names"]
    for name in ("images/a.jpg", "labels/a.txt"):
        Path("yolo", name).parent.mkdir(parents=True, exist_ok=True)
        Path("yolo", name).write_text("one")
    hashes = [given_files_hash(["yolo"])]
    for name in ("images/a.jpg", "labels/a.txt", "labels/b.txt"):
        Path("yolo", name).write_text("two")
        hashes.append(given_files_hash(["yolo"]))
    assert hashes[0] == hashes[1], "pictures beside labels are not read"
    assert len(set(hashes)) == 3
