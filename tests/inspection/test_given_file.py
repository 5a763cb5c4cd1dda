"""Files that a revision's parameters name: from the workspace, from git, and from DVC's cache."""

from pathlib import Path
from typing import cast

import pytest

from curation.core.errors import BaseError
from curation.history.dvc_cache import Cache
from curation.inspection.given_file import given_file
from curation.inspection.revision import Revision
from tests.explore.project import FolderCache
from tests.history.repositories import commit, git


@pytest.fixture
def then(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Revision:
    """A commit with files in git and in DVC's cache, of which the workspace has others, or none."""
    folder = tmp_path / "project"
    (folder / "in git").mkdir(parents=True)
    monkeypatch.chdir(folder)
    Path("a[1].csv").write_text("then")
    Path("in git/zip").write_bytes(b"PK\xff\x00")
    Path("big.dvc").write_text("outs:\n- path: big\n  md5: cached.dir\n")
    Path("one.csv.dvc").write_text("outs:\n- path: one.csv\n  md5: cached.csv\n")
    Path("dvc.lock").write_text("stages: {predict: {outs: [{path: made/preds.json, md5: cached.csv}]}}\n")
    git("init", "--quiet")
    made = commit()
    cache = tmp_path / "cache"
    (cache / "cached.dir/sub").mkdir(parents=True)
    (cache / "cached.dir/sub/b.txt").write_text("cached b")
    (cache / "cached.dir/c.txt").write_text("cached c")
    (cache / "cached.csv").write_text("cached")
    Path("a[1].csv").write_text("now")
    Path("big.dvc").unlink()
    return Revision("v1", made, cast(Cache, FolderCache(cache)))


@pytest.mark.parametrize(
    ("path", "files"),
    [
        ("a[1].csv", {"": b"then"}),
        ("in git", {"zip": b"PK\xff\x00"}),
        ("one.csv", {"": b"cached"}),
        ("big", {"sub/b.txt": b"cached b", "c.txt": b"cached c"}),
        ("big/sub", {"b.txt": b"cached b"}),
        ("big/c.txt", {"": b"cached c"}),
        ("made/preds.json", {"": b"cached"}),
    ],
)
def test_a_revisions_file_is_that_of_then(then: Revision, path: str, files: dict[str, bytes], tmp_path: Path) -> None:
    folder = tmp_path / "there"
    folder.mkdir()
    found = given_file(then, path, folder)
    assert found.is_relative_to(folder)
    assert {name: (found / name if name else found).read_bytes() for name in files} == files
    assert sum(file.is_file() for file in folder.rglob("*")) == len(files)


@pytest.mark.parametrize("path", ["absent.csv", "big/absent", "../cache/cached.csv", "/etc/hostname"])
def test_what_a_revision_lacks_is_not_taken_from_elsewhere(then: Revision, path: str, tmp_path: Path) -> None:
    with pytest.raises(BaseError, match=f"there is no {path} at v1, in git or tracked by DVC"):
        given_file(then, path, tmp_path)


def test_the_workspaces_file_is_the_one_that_lies_there_or_else_the_tracked_one(then: Revision, tmp_path: Path) -> None:
    now = Revision("workspace", None, then.cache)
    assert given_file(now, "a[1].csv", tmp_path) == Path("a[1].csv")
    assert given_file(now, "one.csv", tmp_path).read_text() == "cached"
    with pytest.raises(BaseError, match="there is no big here"):
        given_file(now, "big", tmp_path)
