"""`curate why` knows raw files by the path that they were processed under, and by the one that they have now."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from curation.cli.commands.why import processed_as, with_place
from curation.core.hashing import sha256_of_file
from curation.inspection.revision import Revision
from curation.inspection.why import sentences
from curation.pipeline import paths
from curation.raw.finding import RawFinder
from curation.tables.samples import RAW_FILES
from tests.media_files import write_image

Moved = tuple[Revision, RawFinder]


@pytest.fixture
def moved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Moved:
    """A revision that has processed day/a.png and b.png, of which the first has moved to later/a.png since."""
    monkeypatch.chdir(tmp_path)
    files = {name: write_image(paths.RAW / name, ord(name[-5])) for name in ("day/a.png", "b.png")}
    table = pd.DataFrame({"path": list(files), "content_hash": list(map(sha256_of_file, files.values()))})
    (paths.RAW / "day").rename(paths.RAW / "later")
    start = Revision("r", None, None)  # type: ignore[arg-type]
    start.__dict__.update(ledger=table, samples=pd.DataFrame({"filename": ["day/a.png"]}))
    return start, RawFinder(paths.RAW, pd.DataFrame([], columns=RAW_FILES.names), {"png": "image"})


def test_a_raw_file_is_known_by_its_new_path(moved: Moved) -> None:
    start, finder = moved
    assert processed_as(start, "later/a.png", finder) == "day/a.png"
    assert processed_as(start, "day/a.png", finder) == "day/a.png"
    assert processed_as(start, "b.png", finder) == "b.png"
    write_image(paths.RAW / "copy_of_b.png", ord("b"))
    write_image(paths.RAW / "new.png", 9)
    for name in ("copy_of_b.png", "new.png", "unknown.png", "../x.png"):
        assert processed_as(start, name, finder) == name


def test_an_answer_says_where_the_raw_file_lies(moved: Moved) -> None:
    start, finder = moved
    answer: dict[str, Any] = {
        "filename": "day/a.png",
        "status": "raw file",
        "iteration": 1,
        "commit": "0123456789abcdef",
        "became": "corrupt",
    }
    found = with_place(answer, start, finder)
    assert found == answer | {"moved_to": "later/a.png"}
    lines = sentences(found | {"counts": {}})
    assert lines == [
        "day/a.png is a raw file that iteration 1 (commit 0123456789ab) found; it is corrupt.",
        "day/a.png has moved: it is data/raw/later/a.png now.",
    ]
    at_its_place = answer | {"filename": "b.png"}
    assert with_place(at_its_place, start, finder) == at_its_place
    of_a_sample = {"filename": "x", "status": "selected", "raw_file": "day/a.png"}
    assert with_place(of_a_sample, start, finder)["moved_to"] == "later/a.png"
