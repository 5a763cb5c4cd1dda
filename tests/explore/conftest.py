"""The table that the tests of its viewers show."""

from pathlib import Path

import pytest

from curation.explore.build import build_table
from tests.explore.project import OUTPUTS, record, three_samples


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The table of a project with three samples, in the folder that the test runs in."""
    monkeypatch.chdir(tmp_path)
    three_samples(tmp_path)
    path = tmp_path / "explore.parquet"
    build_table(path, record(tmp_path), OUTPUTS, None, 32, None)
    return path
