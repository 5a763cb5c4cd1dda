"""Names of pages, and files that were taken for something else before."""

import pandas as pd
import pytest

from curation.raw.naming import sample_name
from curation.raw.pages import as_processed, is_page


@pytest.mark.parametrize(
    ("filename", "raw_path", "expected"),
    [
        (sample_name("a/stack.tif", "pages", 2, 12), "a/stack.tif", True),
        ("a/stack-02-tif.png", "b/renamed.tiff", True),
        ("x-1-png.png", "x.png", True),
        ("x-1-png.png", "x-1-png.png", False),
        ("x-1-png.png", "moved/x-1-png.png", False),
        ("a.b/stack.tif", "a.b/stack.tif", False),
        ("a/photo.png", "elsewhere/copy.png", False),
    ],
)
def test_pages_are_told_by_their_names(filename: str, raw_path: str, *, expected: bool) -> None:
    assert is_page(filename, raw_path) is expected


def test_a_file_stays_what_it_was_taken_for() -> None:
    former = pd.DataFrame(
        [("a", "image", 1), ("b", "pages", 5), ("c", "video", 9), ("", "ignored", 0)],
        columns=["content_hash", "media", "frames"],
    )
    rows = [("x", "a", "pages", 3), ("y", "b", "image", 1), ("z", "c", "video", 8), ("new", "d", "pages", 2)]
    rows += [("same", "b", "pages", 6), ("no", "", "ignored", 0)]
    raw = pd.DataFrame(rows, columns=["path", "content_hash", "media", "frames"])
    found = as_processed(raw, former)
    assert found["media"].tolist() == ["image", "pages", "video", "pages", "pages", "ignored"]
    assert found["frames"].tolist() == [1, 5, 8, 2, 6, 0]
    assert found["frames"].dtype == raw["frames"].dtype
    assert as_processed(found, former) is found
