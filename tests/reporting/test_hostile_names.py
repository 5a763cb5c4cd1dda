"""Five hundred filenames that want to be more than text, in both pages; a server listens for what they fetch.

Every fifth of them stands in a PDF too, since laying out all of them takes half a minute: each opening and each attack.
"""

import io
import itertools
import re
import threading
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pandas as pd
import pypdf
import pytest

from curation.reporting.compute.explorer import explorer_samples
from curation.reporting.compute.figures import compute_figures
from curation.reporting.compute.maps import MapPoints
from curation.reporting.compute.names import visible
from curation.reporting.contents.report import Report
from curation.reporting.draw.chart import Chart
from curation.reporting.draw.plots import draw_charts
from curation.reporting.inputs import ReportInputs
from curation.reporting.pages.explorer_page import render_explorer
from curation.reporting.pages.render import render_html, render_pdf
from tests.browser import Browser, find_chromium
from tests.report_example import SETTINGS, Raw, example

# What its tests share is made once, not once a process.
pytestmark = [pytest.mark.thorough, pytest.mark.xdist_group("hostile names")]

COUNT, STEP = 500, 5
CANARY = "canary-7f3a-must-not-be-read"

OPENINGS = (
    "",
    '"',
    "'",
    '">',
    "'>",
    "</bdi>",
    "</title>",
    "</style>",
    "</script>",
    "-->",
    "]]>",
    "{{",
    "{%",
    "${",
    "\u202e",
    "\\",
)
ATTACKS = (
    "<img src=URL>",
    "<img src=x onerror=fetch(`URL`)>",
    "<svg onload=fetch('URL')>",
    "<svg><image href=URL /></svg>",
    "<script>fetch('URL')</script>",
    "<script src=URL></script>",
    "<link rel=stylesheet href=URL>",
    "<link rel=attachment href=FILE>",
    "<iframe src=URL></iframe>",
    "<iframe src=FILE></iframe>",
    "<object data=FILE></object>",
    "<embed src=URL>",
    "<base href=URL>",
    "<meta http-equiv=refresh content=0;url=URL>",
    "<style>@import url(URL);</style>",
    "<style>@font-face{font-family:x;src:url(URL)}*{font-family:x}</style>",
    "<p style=background:url(URL)>",
    "background:url(URL)",
    "{{7*7}}{{ cycler.__init__.__globals__.os.popen('curl URL') }}",
    "{% include 'FILE' %}",
    "${fetch('URL')}",
    "<a href=javascript:fetch('URL')>x</a>",
    "<!--#include file=FILE -->",
    "<?xml-stylesheet href=URL?>",
    "<!DOCTYPE x [<!ENTITY e SYSTEM 'FILE'>]>&e;",
    "&lt;img src=URL&gt;",
    "<video poster=URL>",
    "<input autofocus onfocus=fetch('URL')>",
    "<form action=URL><button>",
    "<math><mi xlink:href=URL>",
    "\u2066<img src=URL>\u2069",
    "=HYPERLINK(`URL`)",
)  # fmt: skip


@dataclass(frozen=True)
class Documents:
    names: list[str]
    pdf: bytes
    pages: tuple[Path, Path]
    asked: list[str]


@pytest.fixture(scope="module")
def documents(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Documents]:
    folder = tmp_path_factory.mktemp("hostile")
    (folder / "canary.txt").write_text(CANARY)
    asked: list[str] = []

    class Trap(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Trap) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            attacks = itertools.islice(itertools.product(OPENINGS, ATTACKS), COUNT)
            names = [
                f"{number:03d}{opening}{attack}.jpg".replace("URL", f"http://127.0.0.1:{server.server_port}/{number}")
                .replace("FILE", (folder / "canary.txt").as_uri())
                for number, (opening, attack) in enumerate(attacks)
            ]  # fmt: skip
            yield Documents(names, *written(names, folder), asked)
        finally:
            server.shutdown()
            thread.join()


def written(names: list[str], folder: Path) -> tuple[bytes, tuple[Path, Path]]:
    pages = (folder / "report.html", folder / "explorer.html")
    report, charts, points, inputs = made_of(names)
    pages[0].write_text(render_html(report, charts, {}, points), encoding="utf-8")
    page = render_explorer(report, explorer_samples(inputs, points), pd.Series(dtype=str), lambda _: {})
    pages[1].write_text(page, encoding="utf-8")
    report, charts, _, _ = made_of(names[::STEP])
    return render_pdf(report, charts, {}), pages


def made_of(names: list[str]) -> tuple[Report, dict[str, Chart], MapPoints, ReportInputs]:
    settings = replace(SETTINGS, n_thumbnails=COUNT, title=names[4], currency="<b>€</b>", umap_neighbours=())
    inputs = example([Raw(name) for name in names], n_samples=COUNT, settings=settings)
    report, points = compute_figures(inputs)
    return report, draw_charts(report, points), points, inputs


def squeezed(text: str) -> str:
    return re.sub(r"[\s\u00ad\u200b]", "", text)


def test_the_pdf_shows_every_name_as_text_and_fetches_nothing(documents: Documents) -> None:
    reader = pypdf.PdfReader(io.BytesIO(documents.pdf))
    text = squeezed("".join(page.extract_text() for page in reader.pages))
    assert len(documents.names) == COUNT
    assert [name for name in documents.names[::STEP] if squeezed(visible(name)) not in text] == []
    assert dict(reader.attachments) == {}
    assert CANARY not in text
    assert CANARY.encode() not in documents.pdf
    assert len(documents.pdf) < 5_000_000
    assert documents.asked == []


def test_browsers_show_every_name_as_text_and_fetch_nothing(documents: Documents, tmp_path: Path) -> None:
    executable = find_chromium()
    if executable is None:
        pytest.skip("no Chromium is installed: apt-get install chromium")
    report, explorer = documents.pages
    with Browser(executable, tmp_path / "profile") as browser:
        browser.open(report)
        shown = browser.evaluate("[...document.querySelectorAll('.thumb bdi')].map(name => name.textContent)")
        assert sorted(shown) == sorted(map(visible, documents.names))
        browser.open(explorer)
        browser.evaluate(
            "document.getElementById('search').value = '.jpg';"
            "document.getElementById('search').dispatchEvent(new Event('input'));"
            "while (!document.getElementById('more').hidden) document.getElementById('more').click();"
        )
        shown = browser.evaluate("[...document.querySelectorAll('#tiles bdi')].map(name => name.textContent)")
        assert sorted(shown) == sorted(map(visible, documents.names))
        assert browser.complaints == []
        fetched = {request for request in browser.requests if not request.startswith("data:")}
        assert fetched == {report.as_uri(), explorer.as_uri()}
    assert documents.asked == []


def test_the_server_hears_what_is_fetched(documents: Documents) -> None:
    port = re.search(r"127\.0\.0\.1:(\d+)", documents.names[0])
    assert port is not None
    urllib.request.urlopen(f"http://127.0.0.1:{port[1]}/heard").close()
    assert documents.asked.pop() == "/heard"
