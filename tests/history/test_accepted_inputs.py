"""How many raw files `data/raw.dvc` names at HEAD."""

from pathlib import Path

import pytest

from curation.history.accepted_inputs import tracked_files
from tests.history.repositories import commit, git, track


def test_only_what_dvc_tracks_at_head_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    git("init", "--quiet")
    assert tracked_files() == 0
    track("one.dir", 7)
    assert tracked_files() == 0, "not committed"
    commit()
    track("two.dir", 1)
    assert tracked_files() == 7
    Path("data/raw.dvc").write_text("deps:\n- path: s3://bucket\nouts:\n- {md5: one.dir, nfiles: 7, path: raw}\n")
    commit()
    assert tracked_files() == 0, "DVC fills the folder from elsewhere, and goes on naming what is there"
