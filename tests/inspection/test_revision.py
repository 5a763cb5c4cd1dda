"""The revisions of a repository, as the tool reads them."""

import subprocess
from pathlib import Path

import pytest

from curation.history.dvc_cache import open_cache
from curation.inspection.revision import recorded_iterations, revision


def test_before_the_first_commit_of_an_iteration_there_is_the_workspace_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    subprocess.run(["git", "init", "--quiet"], check=True)
    (tmp_path / ".dvc").mkdir()
    (tmp_path / ".dvc/config").touch()
    lock = "schema: '2.0'\nstages:\n  merge_datapool:\n    cmd: x\n    outs:\n    - path: datapool\n      md5: 0a.dir\n"
    (tmp_path / "dvc.lock").write_text(lock)
    with open_cache() as cache:
        start = revision(None, cache)
        assert [found.commit for found in recorded_iterations(start)] == [None]
