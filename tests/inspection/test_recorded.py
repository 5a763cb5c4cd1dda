"""Which revision decided what: the workspace only as long as no commit holds the same."""

from pathlib import Path

import pytest
from ruamel.yaml import YAML

from curation.history.dvc_cache import open_cache
from curation.inspection.recorded import recorded_iterations
from curation.inspection.revision import WORKSPACE, Revision, revision
from curation.pipeline import paths
from tests.history.repositories import commit, git


def record(datapool: str, decisions: str, **more: str) -> None:
    """Write a `dvc.lock` with the hashes of a datapool, of what was decided, and of other outputs."""
    outputs = {str(paths.DATAPOOL): datapool, **dict.fromkeys(map(str, DECISIONS), decisions), **more}
    outs = [{"path": path, "md5": value} for path, value in outputs.items()]
    with Path("dvc.lock").open("w") as file:
        YAML().dump({"stages": {"all": {"cmd": "x", "outs": outs}}}, file)


DECISIONS = (paths.FILES, paths.DROPPED, paths.CANDIDATES)


def names() -> list[str]:
    return [found.name for found in recorded_iterations(Revision(WORKSPACE, None, None))]  # type: ignore[arg-type]


def test_what_is_committed_was_decided_by_the_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    git("init", "--quiet")
    record("one", "1")
    assert names() == [WORKSPACE]
    first = commit()[:12]
    assert names() == [first]
    record("one", "1", **{"reports/report.json": "x"})
    assert names() == [first], "another report decides nothing"
    commit()
    assert names() == [first]
    record("one", "2")
    assert names() == [WORKSPACE, first], "made again with other decisions"
    again = commit()[:12]
    assert names() == [again, first]
    record("two", "2")
    assert names() == [WORKSPACE, first]
    second = commit()[:12]
    assert names() == [second, first]


def test_before_the_first_commit_of_an_iteration_there_is_the_workspace_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    git("init", "--quiet")
    (tmp_path / ".dvc").mkdir()
    (tmp_path / ".dvc/config").touch()
    record("0a.dir", "1")
    with open_cache() as cache:
        assert [found.commit for found in recorded_iterations(revision(None, cache))] == [None]
