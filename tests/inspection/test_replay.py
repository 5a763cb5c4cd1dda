"""Making an iteration again: the files of its commit."""

import subprocess
from pathlib import Path
from typing import cast

import pytest

from curation.inspection.replay import unpack
from curation.inspection.revision import Revision
from curation.pipeline import paths


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
