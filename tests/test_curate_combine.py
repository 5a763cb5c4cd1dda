"""Naming another project's datapool."""

from pathlib import Path

import pytest

from curate.combine import source_and_revision


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("../other", ("../other", "HEAD")),
        ("../other@main", ("../other", "main")),
        ("../other@feature/x", ("../other", "feature/x")),
        ("https://example.org/a.git@v2", ("https://example.org/a.git", "v2")),
        ("git@example.org:team/a.git", ("git@example.org:team/a.git", "HEAD")),
        ("git@example.org:team/a.git@v2", ("git@example.org:team/a.git", "v2")),
        ("here@now", ("here@now", "HEAD")),
    ],
)
def test_a_revision_follows_the_last_at(
    text: str, expected: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "here@now").mkdir()
    assert source_and_revision(text) == expected
