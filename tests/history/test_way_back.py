"""Messages name the commit and the command that bring raw files back."""

from pathlib import Path

import pytest

from curation.core.errors import BaseError, RawFilesChangedError, RawFilesGoneError
from curation.history import way_back as module
from curation.history.way_back import way_back, with_way_back
from tests.history.repositories import FakeCache, commit, git, opened, track

FIRST = {"day/a.png": "1", "day/b.png": "2", "c.png": "3"}
LISTINGS = {"one.dir": FIRST, "two.dir": {"c.png": "9", "new.png": "4"}}


@pytest.fixture
def commits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A repository whose first commit lists three raw files and whose second one none of them."""
    monkeypatch.chdir(tmp_path)
    git("init", "--quiet")
    made = []
    for name in LISTINGS:
        track(name)
        made.append(commit(name)[:12])
    objects = tmp_path / "objects"
    objects.mkdir()
    for name in "124":
        (objects / name).touch()
    monkeypatch.setattr(module, "open_cache", opened(FakeCache(LISTINGS, objects)))
    return made


def test_what_is_listed_now_is_checked_out(commits: list[str]) -> None:
    assert way_back(["new.png"]) == "`dvc checkout data/raw.dvc`, or `dvc pull data/raw.dvc`, brings them back"


def test_what_is_listed_no_longer_comes_from_the_commit_that_has_it(commits: list[str]) -> None:
    first = commits[0]
    assert way_back(["day/a.png"]) == (
        f"Commit {first} still lists them: `dvc get . data/raw/day/a.png --rev {first} -o data/raw/day/a.png` "
        "brings them back"
    )
    assert way_back(["day/a.png", "day/b.png", "unknown.png"]) == (
        f"Commit {first} still lists 2 of them: `dvc get . data/raw/day --rev {first} -o .dvc/tmp/raw`, then "
        "`cp -rn .dvc/tmp/raw/. data/raw/day` and `rm -r .dvc/tmp/raw`, brings them back"
    )
    assert "`dvc get . data/raw --rev" in way_back(["day/a.png", "c.png"], are_changed=True)


def test_a_file_that_moved_and_went_is_known_by_its_last_place_or_its_name(commits: list[str]) -> None:
    assert f"data/raw/day/a.png --rev {commits[0]}" in way_back(["x/old.png"], {"x/old.png": "day/a.png"})
    assert f"data/raw/day/b.png --rev {commits[0]}" in way_back(["before/b.png"])


def test_other_content_at_the_path_is_no_way_back(commits: list[str]) -> None:
    Path("data/raw").mkdir()
    Path("data/raw/c.png").touch()
    message = with_way_back(RawFilesChangedError("c.png has changed", ["c.png"])).message
    assert message == (
        f"c.png has changed. Commit {commits[0]} still lists them: `dvc get . data/raw/c.png --rev {commits[0]} "
        "-o data/raw/c.png --force` brings them back (from the remote)"
    )


def test_a_hostile_name_is_quoted(commits: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(LISTINGS, "one.dir", {"=$(x) y.png": "1"})
    assert "`dvc get . 'data/raw/=$(x) y.png' --rev" in way_back(["./=$(x) y.png"])


def test_what_no_commit_lists_is_said_to_be_nowhere(commits: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert with_way_back(RawFilesGoneError("gone", ["never.png"])).message == (
        "gone. No commit of this repository lists them: only a backup can bring them back"
    )
    monkeypatch.delitem(LISTINGS, "one.dir")
    assert way_back(["day/a.png"]).startswith("What data/raw.dvc listed in 1 commits is not in the DVC cache")

    def refuse() -> None:
        raise BaseError("this is not a DVC repository")

    monkeypatch.setattr(module, "open_cache", refuse)
    assert way_back(["day/a.png"]).startswith("No commit")
