"""Raw files are found by their content, and little is read for it."""

from pathlib import Path

import pandas as pd
import pytest

from curation.core.hashing import sha256_of_bytes, sha256_of_file
from curation.raw import finding
from curation.raw.finding import RawFinder
from curation.tables.samples import RAW_FILES

MEDIA = {"png": "image", "jpg": "image", "mp4": "video"}
NO_LISTING = pd.DataFrame([], columns=RAW_FILES.names)


def put(folder: Path, **files: str) -> dict[str, str]:
    """Write files, and return their content hashes; two lower lines in a name stand for a slash."""
    hashes = {}
    for name, content in files.items():
        path = folder / f"{name.replace('__', '/')}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
        hashes[path.relative_to(folder).as_posix()] = sha256_of_file(path)
    return hashes


def listing_of(folder: Path, hashes: dict[str, str]) -> pd.DataFrame:
    rows = [(path, "image", "", (folder / path).stat().st_size, value, 1, "", "", "") for path, value in hashes.items()]
    return pd.DataFrame(rows, columns=RAW_FILES.names)


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the files that were hashed."""
    names: list[str] = []

    def noted(path: Path) -> str:
        names.append(path.name)
        return sha256_of_file(path)

    monkeypatch.setattr(finding, "sha256_of_file", noted)
    return names


def test_what_has_moved_is_found_and_only_files_of_its_size_are_read(tmp_path: Path, read: list[str]) -> None:
    hashes = put(tmp_path, day__a="one", day__b="four4", here="six")
    listing = listing_of(tmp_path, hashes)
    put(tmp_path, new="another size")
    (tmp_path / "year").mkdir()
    (tmp_path / "day").rename(tmp_path / "year/day")
    finder = RawFinder(tmp_path, listing, MEDIA)
    assert finder.places(hashes.items()) == {
        ("day/a.png", hashes["day/a.png"]): "year/day/a.png",
        ("day/b.png", hashes["day/b.png"]): "year/day/b.png",
        ("here.png", hashes["here.png"]): "here.png",
    }
    finder.places(hashes.items())
    assert sorted(read) == ["a.png", "b.png"], "each once"


def test_without_a_listing_files_of_the_same_kind_are_read(tmp_path: Path, read: list[str]) -> None:
    put(tmp_path, b="one", c="two")
    (tmp_path / "d.mp4").write_text("one")
    wanted = ("a.png", sha256_of_bytes(b"one"))
    assert RawFinder(tmp_path, NO_LISTING, MEDIA).places([wanted]) == {wanted: "b.png"}
    assert sorted(read) == ["b.png", "c.png"]


def test_a_listing_that_knows_the_new_place_saves_reading(tmp_path: Path, read: list[str]) -> None:
    hashes = put(tmp_path, new="one")
    wanted = ("old.png", hashes["new.png"])
    finder = RawFinder(tmp_path, listing_of(tmp_path, hashes), MEDIA)
    assert finder.places([wanted]) == {wanted: "new.png"}
    assert finder.last_listed([wanted, ("x.png", "unknown")]) == {"old.png": "new.png"}
    assert read == []


def test_other_content_at_the_path_is_not_taken(tmp_path: Path) -> None:
    hashes = put(tmp_path, a="now", moved="then")
    wanted = ("a.png", hashes["moved.png"])
    assert RawFinder(tmp_path, listing_of(tmp_path, hashes), MEDIA).places([wanted]) == {wanted: "moved.png"}


def test_what_is_gone_and_what_has_no_content_is_nowhere(tmp_path: Path) -> None:
    put(tmp_path, a="one")
    finder = RawFinder(tmp_path, NO_LISTING, MEDIA)
    assert finder.places([("b.png", "0" * 64), ("combined from x.csv", "")]) == {}
    assert RawFinder(tmp_path / "absent", NO_LISTING, MEDIA).places([("b.png", "0" * 64)]) == {}


def test_links_out_of_the_folder_are_not_followed(tmp_path: Path) -> None:
    outside, raw = tmp_path / "outside.png", tmp_path / "raw"
    outside.write_text("secret")
    raw.mkdir()
    (raw / "link.png").symlink_to(outside)
    finder = RawFinder(raw, NO_LISTING, MEDIA)
    assert finder.places([("a.png", sha256_of_file(outside))]) == {}
    assert finder.content_at("link.png") is None
    assert finder.content_at("../outside.png") is None


def test_the_content_of_a_file_that_is_there(tmp_path: Path) -> None:
    hashes = put(tmp_path, a="one")
    finder = RawFinder(tmp_path, NO_LISTING, MEDIA)
    assert finder.content_at("a.png") == hashes["a.png"]
    assert finder.content_at("b.png") is None
