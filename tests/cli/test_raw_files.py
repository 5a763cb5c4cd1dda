"""Commands read raw files where they lie, and say how those that are gone can come back."""

from pathlib import Path

import pandas as pd
import pytest

from curation.cli import raw_files as module
from curation.cli.raw_files import ways_back
from curation.core.hashing import sha256_of_file
from curation.raw.finding import RawFinder, where_they_lie
from curation.tables.datapool import SOURCES
from curation.tables.samples import RAW_FILES
from tests.media_files import write_image
from tests.object_files import raw_table

NO_LISTING = pd.DataFrame([], columns=RAW_FILES.names)


@pytest.fixture
def samples(tmp_path: Path) -> pd.DataFrame:
    """Samples of a file that has moved, of one at its place, of one that is gone."""
    hashes = [sha256_of_file(write_image(tmp_path / name, seed)) for seed, name in enumerate(("later/a.png", "b.png"))]
    names = ["day/a.png", "b.png", "gone.png"]
    return pd.DataFrame({"filename": names, "raw_path": names, "content_hash": [*hashes, "0" * 64]})


def test_samples_are_read_where_their_files_lie(samples: pd.DataFrame, tmp_path: Path) -> None:
    found = where_they_lie(samples, RawFinder(tmp_path, NO_LISTING, {"png": "image"}))
    assert found["raw_path"].tolist() == ["later/a.png", "b.png", "gone.png"]
    assert found["filename"].tolist() == samples["filename"].tolist(), "their names stay"


def test_what_is_gone_and_what_has_changed_come_back_in_their_own_ways(
    samples: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def noted(names: list[str], last_listed: object = None, *, are_changed: bool = False) -> str:
        asked.append((names, last_listed, are_changed))
        return "So they come back"

    monkeypatch.setattr(module, "way_back", noted)
    listing = pd.DataFrame([("older/gone.png", "image", "", 1, "0" * 64, 1, "", "", "")], columns=RAW_FILES.names)
    said = ways_back(samples.tail(2), RawFinder(tmp_path, listing, {"png": "image"}))
    assert asked == [(["gone.png"], {"gone.png": "older/gone.png"}, False), (["b.png"], None, True)]
    assert said == (
        "1 raw files are gone. So they come back\n1 have other content. So they come back\nThen run it again"
    )


def test_an_object_that_could_not_be_read_is_not_gone(samples: pd.DataFrame, tmp_path: Path) -> None:
    raw = raw_table(tmp_path / "raw", tmp_path / "later")
    sources = raw.assign(content_hash=samples["content_hash"][0])[SOURCES.names]
    finder = RawFinder(tmp_path / "raw", raw, {"png": "image"}, sources=sources)
    present = where_they_lie(samples.head(1), finder)
    assert present["raw_path"].tolist() == ["a.png"]
    assert ways_back(present, finder) == (
        "1 object could not be read from the bucket: it may be out of reach for now\nThen run it again"
    )
