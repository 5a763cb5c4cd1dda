"""The page of a review: names are text, and what it saves is what was clicked."""

import csv
import io
import re
from pathlib import Path

import pandas as pd
import pytest

from curation.inspection.review import review_page
from curation.selection.given import read_dropped
from tests.browser import Browser, find_chromium

NAMES = ['"><img src=x onerror=alert(1)>.png', "{{7*7}},'a\".png", "\u202egnp.exe", "plain.png"]
PICTURE = "data:image/gif;base64,R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw=="


def page(dropped: tuple[str, ...] = ()) -> str:
    selection = pd.DataFrame({"filename": NAMES, "rank": range(len(NAMES))})
    return review_page(selection, {"plain.png": PICTURE}, 3, dropped)


def test_names_are_text() -> None:
    text = page()
    assert "<img src=x" not in text
    assert "{{7*7}}" in text
    assert len(re.findall(r"<script", text)) == 1
    assert "Review of iteration 3" in text


def test_equal_selections_give_equal_pages() -> None:
    assert page() == page()
    assert page().count(" checked>") == 0
    assert page(("plain.png",)).count(" checked>") == 1


def test_what_is_clicked_is_saved_and_read_back(tmp_path: Path) -> None:
    chromium = find_chromium()
    if chromium is None:
        pytest.skip("there is no Chromium")
    file = tmp_path / "review.html"
    file.write_text(page(("plain.png", "before.png")), encoding="utf-8")
    with Browser(chromium, tmp_path / "profile") as browser:
        browser.open(file)
        assert browser.evaluate("document.getElementById('count').textContent") == "1 of 4 dropped"
        browser.evaluate("document.querySelectorAll('label')[0].click()")
        browser.evaluate("document.querySelectorAll('label')[1].click()")
        assert browser.evaluate("document.getElementById('count').textContent") == "3 of 4 dropped"
        saved = str(browser.evaluate("decisions()"))
        assert browser.complaints == []
        assert all(asked.startswith((file.as_uri(), "data:")) for asked in browser.requests)
    rows = list(csv.DictReader(io.StringIO(saved)))
    assert [row["filename"] for row in rows] == ["before.png", *NAMES]
    assert [row["decision"] for row in rows] == ["drop", "drop", "drop", "keep", "drop"]
    (tmp_path / "review.csv").write_text(saved, encoding="utf-8")
    assert read_dropped(str(tmp_path / "review.csv")) == sorted(["before.png", NAMES[0], NAMES[1], NAMES[3]])
