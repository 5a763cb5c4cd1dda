"""Making an iteration again: the files of its commit."""

import subprocess
from pathlib import Path
from typing import cast

import pytest

from curation.history.dvc_cache import Cache
from curation.inspection.replay import lay_out_pictures, unpack
from curation.inspection.revision import Revision
from curation.pipeline import paths
from tests.history.repositories import FakeCache


class Committed:
    """The commit that is made again."""

    name = commit = "HEAD"


def test_what_was_read_of_the_code_lies_beside_the_files_of_the_commit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".dvc/tmp").mkdir(parents=True)
    (tmp_path / ".gitignore").write_text("others\n")
    paths.CODE_MEMORY.write_text("of someone else")
    subprocess.run(["git", "init", "--quiet"], check=True)
    subprocess.run(["git", "add", "--all"], check=True)
    identity = ("-c", "user.name=t", "-c", "user.email=t@example.org")
    subprocess.run(["git", *identity, "commit", "--quiet", "--message", "memory and all"], check=True)
    paths.CODE_MEMORY.write_text("what this project has read")
    folder = tmp_path / "others/there"
    folder.mkdir(parents=True)
    unpack(cast(Revision, Committed()), folder)
    assert (folder / paths.CODE_MEMORY).read_text() == "what this project has read"
    assert (folder / ".gitignore").is_file()


def test_kept_pictures_are_where_an_earlier_run_would_have_left_them(tmp_path: Path) -> None:
    listing = {"pictures.csv": "1", "pictures/00001-x/0a.jpg": "2", "samples.csv": "3"}
    for value in listing.values():
        (tmp_path / value).write_text(value)
    cache = cast(Cache, FakeCache({"pool.dir": listing, "base.dir": listing}, tmp_path))
    for path, value in (("datapool", "pool.dir"), ("data/base", "base.dir")):
        lay_out_pictures(cache, {"path": path, "md5": value}, tmp_path / "there")
    found = {file.relative_to(tmp_path / "there").as_posix() for file in (tmp_path / "there").rglob("*.*")}
    assert found == {"datapool/pictures.csv", "datapool/pictures/00001-x/0a.jpg"}
