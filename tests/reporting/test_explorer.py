"""The explorer: what it says of each sample, its size, and how it behaves in a real browser."""

import base64
import io
import json
import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from PIL import Image

from curation.reporting.compute import explorer
from curation.reporting.compute.explorer import ExplorerSamples, explorer_samples, thumbnail_order
from curation.reporting.compute.figures import compute_figures
from curation.reporting.draw import thumbnails
from curation.reporting.draw.thumbnails import make_thumbnails
from curation.reporting.inputs import ReportInputs
from curation.reporting.pages import explorer_page, render
from curation.reporting.pages.explorer_page import render_explorer
from curation.reporting.report import report
from tests.browser import PATIENCE_S, Browser, find_chromium
from tests.report_example import FIRST, SECOND, Raw, example, invented_pictures, without_selection

pytestmark = pytest.mark.xdist_group("explorer")  # what its tests share is made once, not once a process

HOSTILE = (
    'a"><img src=http://127.0.0.1:9/trap onerror=alert(1)>.jpg',
    "b</script><script>alert(1)</script>.jpg",
    "c{{7*7}}.jpg",
    "d\u202egpj.exe.jpg",
    "e<!-- .jpg",
)


def samples_of(inputs: ReportInputs) -> ExplorerSamples:
    return explorer_samples(inputs, compute_figures(inputs)[1])


def page_of(inputs: ReportInputs, at_hand: tuple[str, ...] | None = None) -> str:
    report, points = compute_figures(inputs)
    samples = explorer_samples(inputs, points)
    names = samples.table["filename"] if at_hand is None else pd.Series(at_hand, dtype=str)
    return render_explorer(report, samples, names, invented_pictures)


def data_of(page: str) -> Any:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    assert found is not None
    return json.loads(found[1])


def unpacked(text: str, kind: str) -> list[Any]:
    return np.frombuffer(base64.b64decode(text), kind).tolist()  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def second() -> ReportInputs:
    return example(SECOND, base=example(), seed=2, n_samples=4)


def test_every_processed_sample_has_its_state_iteration_rank_and_partner(second: ReportInputs) -> None:
    samples = samples_of(second)
    table = samples.table.set_index("filename")
    assert sorted(table.index) == sorted(second.processed["filename"])
    assert samples.total == len(table)
    new, old = table[table["group"] == "new"], table[table["group"] == "old"]
    assert list(new.index) == second.selection["filename"].tolist()
    assert new["rank"].tolist() == [0, 1, 2, 3]
    assert new["iteration"].unique().tolist() == [2]
    assert new["partner"].tolist() == second.selection["nearest"].tolist()
    assert set(old.index) == set(second.base_samples["filename"])
    assert old["iteration"].unique().tolist() == [1]
    left = table[table["group"] == "not selected"]
    candidates = second.candidates.set_index("filename")
    now = left[left["iteration"] == 2]
    assert set(now.index) == set(candidates.index[~candidates["selected"]])
    assert now["partner"].to_dict() == candidates.loc[now.index, "covered_by"].to_dict()
    assert (left["rank"] == -1).all()


def test_what_earlier_iterations_left_over_is_covered_by_the_nearest_selected_sample(second: ReportInputs) -> None:
    table = samples_of(second).table.set_index("filename")
    left = table[(table["group"] == "not selected") & (table["iteration"] == 1)]
    assert len(left) > 5
    embeddings = dict(zip(second.processed["filename"], second.embeddings.astype(float), strict=True))
    selected = second.datapool_samples["filename"].tolist()
    for name, row in left.iterrows():
        distances = {other: np.linalg.norm(embeddings[str(name)] - embeddings[other]) for other in selected}
        assert row["distance"] == pytest.approx(min(distances.values()), abs=1e-6)
        assert distances[row["partner"]] == pytest.approx(row["distance"], abs=1e-6)


def test_the_first_iteration_and_one_without_selection_have_an_explorer(second: ReportInputs) -> None:
    first = samples_of(example()).table
    assert set(first["group"]) == {"new", "not selected"}
    none = samples_of(without_selection(second)).table
    assert set(none["group"]) == {"old", "not selected"}


@pytest.mark.thorough
def test_it_can_be_left_out(second: ReportInputs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(render, "render_pdf", lambda *_, has_explorer: b"")
    inputs = replace(second, settings=replace(second.settings, explorer="none", umap_neighbours=()))
    asked: list[Sequence[str]] = []

    def read(names: Sequence[str]) -> dict[str, Image.Image]:
        asked.append(names)
        return {}

    report(inputs, read, second.processed["filename"], tmp_path)
    assert len(asked) == 1, "pictures for the report, and none for the explorer"
    page = (tmp_path / "explorer.html").read_text(encoding="utf-8")
    assert "report.explorer: none" in page
    assert "python -m curate explore" in page
    assert not any(name in page for name in second.processed["filename"])
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert 'href="explorer.html"' not in text
    assert "The explorer is switched off (report.explorer: none)" in text


def test_large_sets_are_sampled_with_all_new_samples(second: ReportInputs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(explorer, "EXPLORER_LIMIT", 12)
    samples = samples_of(second)
    groups = samples.table["group"].value_counts().to_dict()
    assert groups == {"new": 4, "old": 4, "not selected": 4}
    assert samples.total == len(second.processed) > 12
    page = page_of(second)
    assert "12 of 48 samples" in page
    # A partner that is not on the page has a name all the same.
    data = data_of(page)
    partners = unpacked(data["partner"], "<i4")
    assert max(partners) < len(data["names"]) + len(data["elsewhere"])
    assert set(data["elsewhere"]).isdisjoint(data["names"])


def test_new_samples_have_the_first_pictures_then_those_that_others_refer_to(second: ReportInputs) -> None:
    samples = samples_of(second)
    order = thumbnail_order(samples, samples.table["filename"])
    assert sorted(order) == sorted(samples.table["filename"])
    assert order[:4] == second.selection["filename"].tolist()
    referred = set(samples.table["partner"]) - set(order[:4]) - {""}
    assert set(order[4 : 4 + len(referred)]) == referred
    assert thumbnail_order(samples, pd.Series(order[2:4])) == order[2:4]


@pytest.mark.thorough
def test_thumbnails_lie_in_the_cells_that_they_are_said_to_lie_in() -> None:
    names = [f"{number}" for number in range(70)]
    colours = {name: (int(name), 200, 0) for name in names}

    def read(asked: Sequence[str]) -> dict[str, Image.Image]:
        assert len(asked) <= thumbnails.CELLS
        return {name: Image.new("RGB", (400, 200), colours[name]) for name in asked if name != "7"}

    made = make_thumbnails(names, read, 10**6)
    assert len(made.sheets) == 2
    assert set(made.cells) == set(names) - {"7"}
    for name, (cell, width, height) in made.cells.items():
        sheet, place = divmod(cell, thumbnails.CELLS)
        row, column = divmod(place, thumbnails.COLUMNS)
        with Image.open(_file(made.sheets[sheet])) as image:
            found = image.convert("RGB").getpixel((column * made.side + width // 2, row * made.side + height // 2))
        assert isinstance(found, tuple)
        assert np.abs(np.array(found) - colours[name]).max() < 8
        assert (width, height) == (made.side, made.side // 2)


def _file(text: str) -> io.BytesIO:
    return io.BytesIO(base64.b64decode(text))


def test_the_page_keeps_below_its_limit_by_leaving_out_pictures(
    second: ReportInputs, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = page_of(second)
    without = len(page_of(second, ()).encode())
    assert -1 not in unpacked(data_of(whole)["cell"], "<i4")
    monkeypatch.setattr(explorer_page, "_MARGIN", 1_000)
    monkeypatch.setattr(explorer_page, "MAX_BYTES", without + 3_000)
    limited = page_of(second)
    assert len(limited.encode()) <= explorer_page.MAX_BYTES < len(whole.encode())
    assert set(unpacked(data_of(limited)["cell"], "<i4")) == {-1}
    assert "0 of them have a picture" in limited


def test_equal_inputs_give_the_same_page(second: ReportInputs) -> None:
    assert page_of(second) == page_of(example(SECOND, base=example(), seed=2, n_samples=4))


@dataclass(frozen=True)
class Opened:
    browser: Browser
    file: Path


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Opened]:
    """An explorer with hostile names in a browser, started once."""
    executable = find_chromium()
    if executable is None:
        pytest.skip("no Chromium is installed: apt-get install chromium")
    folder = tmp_path_factory.mktemp("explorer")
    raws = [*(Raw(name) for name in HOSTILE), *FIRST]
    inputs = example(SECOND, base=example(raws, n_samples=9), seed=2, n_samples=4)
    file = folder / "explorer.html"
    file.write_text(page_of(inputs, tuple(set(inputs.processed["filename"]) - {HOSTILE[0]})), encoding="utf-8")
    with Browser(executable, folder / "profile") as browser:
        browser.open(file)
        yield Opened(browser, file)


COUNT = "Number.parseInt(document.getElementById('count').textContent)"
BLUE = (11, 98, 214)


def seen(browser: Browser) -> NDArray[np.uint8]:
    """Return what the browser shows: (height, width, 3)."""
    with Image.open(io.BytesIO(browser.screenshot())) as image:
        return np.asarray(image.convert("RGB"))


def box_of(browser: Browser, selector: str) -> tuple[int, int, int, int]:
    """Return left, top, right and bottom of an element."""
    sides = browser.evaluate(
        f"(box => [box.left, box.top, box.right, box.bottom])"
        f"(document.querySelector({json.dumps(selector)}).getBoundingClientRect())"
    )
    left, top, right, bottom = map(round, sides)
    return left, top, right, bottom


def blue_points(browser: Browser) -> list[tuple[int, int]]:
    """Return where on the page the map is blue."""
    left, top, right, bottom = box_of(browser, "#points")
    rows, columns = np.nonzero((seen(browser)[top:bottom, left:right] == BLUE).all(axis=2))
    return [(left + int(column), top + int(row)) for row, column in zip(rows, columns, strict=True)]


def shows_a_picture(browser: Browser, selector: str) -> bool:
    left, top, right, bottom = box_of(browser, selector)
    return len(np.unique(seen(browser)[top:bottom, left:right].reshape(-1, 3), axis=0)) > 100


def wait_until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < end


def fresh(opened: Opened) -> Browser:
    opened.browser.open(opened.file)
    opened.browser.wait_for(f"{COUNT} > 0")
    return opened.browser


def test_it_loads_without_complaint_and_asks_nothing_of_a_network(opened: Opened) -> None:
    browser = fresh(opened)
    assert browser.evaluate(COUNT) == browser.evaluate(
        "JSON.parse(document.getElementById('data').textContent).names.length"
    )
    assert browser.complaints == []
    assert {request for request in browser.requests if not request.startswith("data:")} == {opened.file.as_uri()}
    # Its own policy would have it complain about anything else.
    browser.evaluate("fetch('http://127.0.0.1:9/trap').catch(() => 0)")
    assert any("Content Security Policy" in complaint for complaint in browser.complaints)
    browser.complaints.clear()


def test_pointing_at_a_sample_shows_its_picture_and_name(opened: Opened) -> None:
    browser = fresh(opened)
    assert browser.evaluate("document.getElementById('card').hidden")
    browser.mouse("Moved", *blue_points(browser)[0])
    browser.wait_for("!document.getElementById('card').hidden")
    wait_until(lambda: shows_a_picture(browser, "#card canvas"))
    assert "new, rank" in browser.evaluate("document.getElementById('card').textContent")


def test_a_filter_changes_the_number_of_points(opened: Opened) -> None:
    browser = fresh(opened)
    everything = browser.evaluate(COUNT)
    iteration = (
        "[...document.querySelectorAll('.filter label')].find(label => label.textContent.startsWith('Iteration 1'))"
    )
    in_first = browser.evaluate(f"Number.parseInt({iteration}.querySelector('.number').textContent)")
    browser.evaluate(f"{iteration}.querySelector('input').click()")
    assert browser.evaluate(COUNT) == everything - in_first > 0
    browser.evaluate(f"{iteration}.querySelector('input').click()")
    assert browser.evaluate(COUNT) == everything
    assert blue_points(browser)
    browser.evaluate(
        "[...document.querySelectorAll('.filter label')].find(l => l.textContent.startsWith('New')).click()"
    )
    wait_until(lambda: not blue_points(browser))


def test_search_and_lasso_show_a_gallery_and_a_click_the_sample_that_covers(opened: Opened) -> None:
    browser = fresh(opened)
    browser.evaluate(
        "document.getElementById('search').value = 'DRIVE-3';"
        "document.getElementById('search').dispatchEvent(new Event('input'))"
    )
    assert browser.evaluate("document.querySelectorAll('#tiles .tile-button').length") == 16
    assert browser.evaluate(COUNT) == 16
    browser.evaluate("[...document.querySelectorAll('#tiles .tile-button')].at(-1).click()")
    detail = browser.evaluate("document.getElementById('detail').innerText")
    assert "Not selected" in detail
    assert "Covered by" in detail
    assert "Distance to its cover" in detail
    browser.evaluate("document.getElementById('clear').click()")
    browser.evaluate("document.querySelector('input[value=lasso]').click()")
    left, top, right, bottom = box_of(browser, "#overlay")
    corners = [(left + 2, top + 2), (right - 2, top + 2), (right - 2, bottom - 2), (left + 2, bottom - 2)]
    browser.drag(*corners)
    browser.wait_for("!document.getElementById('picked').hidden")
    everything = browser.evaluate(COUNT)
    assert (
        browser.evaluate("document.getElementById('picked-title').textContent") == f"{everything} samples in the lasso"
    )
    browser.evaluate("document.getElementById('tiles').scrollIntoView()")
    wait_until(lambda: shows_a_picture(browser, "#tiles canvas"))


def test_hostile_names_are_text(opened: Opened) -> None:
    browser = fresh(opened)
    browser.evaluate(
        "document.getElementById('search').value = '.jpg';"
        "document.getElementById('search').dispatchEvent(new Event('input'))"
    )
    text = browser.evaluate("document.getElementById('tiles').textContent")
    for name in (*HOSTILE[:3], "d[U+202E]gpj.exe.jpg", HOSTILE[4]):
        assert name in text
    assert browser.evaluate("document.querySelectorAll('img, script[src]').length") == 0
    assert "No picture in this page" in browser.evaluate("document.body.innerText")
    assert browser.complaints == []


def test_colours_tell_what_is_asked_for(opened: Opened) -> None:
    browser = fresh(opened)
    choose = (
        "(title => { const list = document.getElementById('colour-choice');"
        "list.value = [...list.options].find(option => option.textContent === title).value;"
        "list.dispatchEvent(new Event('change')); return document.getElementById('legend').textContent; })"
    )
    titles = browser.evaluate("[...document.getElementById('colour-choice').options].map(option => option.textContent)")
    assert titles[:5] == ["State", "Iteration", "Weak label", "Source", "Distance"]
    assert "Sharpness" in titles
    assert browser.evaluate(f"{choose}('Iteration')") == "Iteration 1Iteration 2"
    assert "city/drive-1.mp4" in browser.evaluate(f"{choose}('Source')")
    assert "variance of the Laplacian" in browser.evaluate(f"{choose}('Sharpness')")
    assert browser.complaints == []
