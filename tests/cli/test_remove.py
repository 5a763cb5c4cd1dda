"""`curate remove` names raw files to delete wherever they lie now."""

from pathlib import Path

import pandas as pd

from curation.cli.commands.remove import present_files
from curation.core.hashing import sha256_of_file
from curation.raw.finding import RawFinder
from curation.tables.samples import RAW_FILES
from tests.media_files import write_image


def test_a_raw_file_that_has_moved_is_still_to_be_deleted(tmp_path: Path) -> None:
    content = sha256_of_file(write_image(tmp_path / "later/a.png", 1))
    write_image(tmp_path / "b.png", 2)
    rows = pd.DataFrame(
        {"raw_path": ["day/a.png", "b.png", "gone.png"], "content_hash": [content, "", "0" * 64]}
    )  # of b.png one sample was taken out, not the whole file
    finder = RawFinder(tmp_path, pd.DataFrame([], columns=RAW_FILES.names), {"png": "image"})
    assert present_files(rows, finder) == {"later/a.png"}
