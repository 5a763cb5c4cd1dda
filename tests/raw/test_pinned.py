"""Objects whose content is known are found without asking their bucket, and fetched only to be read."""

import os
from pathlib import Path

import pandas as pd
import pytest

from curation.buckets.fetching import UnreachableError
from curation.raw.finding import RawFinder, where_they_lie
from curation.raw.pinned import at_hand
from curation.tables.datapool import SOURCES
from tests.media_files import write_image
from tests.object_files import raw_table

MEDIA = {"png": "image"}


def sources_of(raw: pd.DataFrame) -> pd.DataFrame:
    """Return what a datapool knows of objects; their names stand for the contents."""
    rows: pd.DataFrame = raw.assign(content_hash=raw["path"].map(content))[SOURCES.names]
    return rows


def content(name: str) -> str:
    return f"content of {name}"


@pytest.fixture
def bucket(tmp_path: Path) -> Path:
    for seed, name in enumerate(("a.png", "b.png", "c.png")):
        write_image(tmp_path / "bucket" / name, seed)
    return tmp_path / "bucket"


def finder_of(raw: pd.DataFrame, sources: pd.DataFrame, folder: Path) -> RawFinder:
    return RawFinder(folder, raw, MEDIA, sources=sources)


def test_objects_lie_where_they_are_listed(tmp_path: Path, bucket: Path) -> None:
    raw = raw_table(tmp_path / "raw", bucket)
    finder = finder_of(raw, sources_of(raw), tmp_path / "raw")
    file = ("a.png", content("a.png"))
    assert finder.places([file]) == {file: "a.png"}
    assert finder.objects_at([file])["a.png"].address.endswith("/bucket/a.png")
    assert finder.places([("a.png", "other content"), ("a.png", "")]) == {}
    assert finder.content_at("a.png") == content("a.png")
    assert finder.content_at("no.png") is None


def test_what_is_no_longer_listed_lies_where_its_version_is_kept_or_nowhere(tmp_path: Path, bucket: Path) -> None:
    file = ("a.png", content("a.png"))
    for version, places in (("1", {file: "a.png"}), ("", {})):
        raw = raw_table(tmp_path / "raw", bucket, version=version)
        now = raw[raw["path"] != "a.png"].reset_index(drop=True)
        finder = finder_of(now, sources_of(raw), tmp_path / "raw")
        assert finder.places([file]) == places
        assert len(finder.objects_at([file])) == len(places)
        other = raw.assign(etag="of other content", version="")
        assert finder_of(other, sources_of(raw), tmp_path / "raw").places([file]) == places


def test_an_object_that_moved_is_found_by_its_content_and_a_new_address_counts(tmp_path: Path, bucket: Path) -> None:
    raw = raw_table(tmp_path / "raw", bucket)
    known = sources_of(raw).replace({"content_hash": {content("b.png"): content("a.png")}})
    now = raw[raw["path"] == "b.png"].assign(address="remote://other/b.png")
    finder = finder_of(now, known, tmp_path / "raw")
    samples = pd.DataFrame({"raw_path": ["a.png"], "content_hash": [content("a.png")]})
    assert where_they_lie(samples, finder)["raw_path"].tolist() == ["b.png"]
    assert finder.objects_at([("b.png", content("a.png"))])["b.png"].address == "remote://other/b.png"


def test_a_local_file_stands_before_an_object(tmp_path: Path, bucket: Path) -> None:
    sources = sources_of(raw_table(tmp_path / "raw", bucket))
    write_image(tmp_path / "raw" / "a.png", 0)
    raw = raw_table(tmp_path / "raw", bucket)
    finder = finder_of(raw, sources, tmp_path / "raw")
    assert finder.objects_at([("a.png", content("a.png"))]) == {}
    assert finder.content_at("a.png") == raw["content_hash"][0]


def test_an_object_is_here_for_as_long_as_it_is_read(tmp_path: Path, bucket: Path) -> None:
    raw = raw_table(tmp_path / "raw", bucket)
    found = finder_of(raw, sources_of(raw), tmp_path).objects_at((name, content(name)) for name in raw["path"])
    (here := tmp_path / "here").mkdir()
    with at_hand(found["a.png"], here, lambda _: None, timeout_s=5) as path:
        assert path.suffix == ".png"
        assert path.read_bytes() == (bucket / "a.png").read_bytes()
        assert path.is_relative_to(here)
    assert not list(here.iterdir())
    os.utime(bucket / "b.png", (1, 1))
    with pytest.raises(UnreachableError), at_hand(found["b.png"], here, lambda _: None, timeout_s=5):
        pass
    assert not list(here.iterdir())
