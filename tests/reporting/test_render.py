"""The documents: complete, safe with any filename, equal for equal figures."""

import io
import json
import re
from collections.abc import Mapping
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import pypdf
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from curation.params.schema import Params
from curation.reporting.compute import distances
from curation.reporting.compute.figures import compute_figures
from curation.reporting.compute.names import visible
from curation.reporting.contents import report as schema
from curation.reporting.draw.chart import Chart
from curation.reporting.draw.pictures import data_uri, inline_pictures
from curation.reporting.draw.plots import draw_charts
from curation.reporting.inputs import ReportInputs
from curation.reporting.pages import render
from curation.reporting.parameters import flat_parameters
from curation.selection.rules.registry import RULES, STRATEGIES, sentence_of
from tests.report_example import SECOND, SETTINGS, Raw, example, invented_pictures, without_selection

# What its tests share is made once, not once a process.
pytestmark = [pytest.mark.thorough, pytest.mark.xdist_group("render")]

HOSTILE = (
    'a"><img src=x onerror=alert(1)>.jpg',
    "b'</script><script>alert(1)</script>.jpg",
    "c{{7*7}}{% raw %}.jpg",
    "d url(http://127.0.0.1:9/trap) @import.jpg",
    "e\u202egpj.exe\u2066.jpg",
    "f-Москва-ქართული.jpg",
    "g" * 200 + ".jpg",
    "h &amp; <!-- .jpg",
    "gone.jpg",
)


def documents(inputs: ReportInputs) -> tuple[str, bytes]:
    figures, points = compute_figures(inputs)
    charts = draw_charts(figures, points)
    names = [sample.filename for sample in figures.examples.selected]
    names += [name for pair in figures.examples.pairs for name in (pair.retained, pair.removed)]
    pictures = inline_pictures(names, invented_pictures)
    return render.render_html(figures, charts, pictures, points), render.render_pdf(figures, charts, pictures)


@pytest.fixture(scope="module")
def charts_of_first() -> Mapping[str, Chart]:
    """Charts for tests of the words around them."""
    return draw_charts(*compute_figures(example()))


@pytest.fixture(scope="module")
def hostile() -> tuple[str, bytes]:
    raws = [*(Raw(name) for name in HOSTILE), Raw("z<b>.jpg", corrupt=1), Raw('y"<i>.jpg', duplicate=1)]
    settings = replace(SETTINGS, title='Title <script>alert("t")</script>', currency="<b>€</b>", n_thumbnails=20)
    inputs = example(raws, n_samples=len(HOSTILE) - 2, settings=settings, ignored=("x<u>.zip",))
    contributed = inputs.selection[["filename", "rank"]].assign(
        strategy=1, input=f"METADATA {HOSTILE[1]}", type="WEIGHTS", value=0.625
    )
    return documents(replace(inputs, contributions=contributed))


class Page(HTMLParser):
    """Collects the elements and the text of a page."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def test_filenames_are_text_and_nothing_else(hostile: tuple[str, bytes]) -> None:
    page = Page(hostile[0])
    assert [tag for tag, _ in page.elements].count("script") == 2
    attributes = [(key, value) for _, attrs in page.elements for key, value in attrs.items()]
    assert not [key for key, _ in attributes if key.startswith("on")]
    for key, value in attributes:
        if key in ("src", "href", "xlink:href", "action", "data"):
            assert value is not None
            assert value.startswith(("data:image/", "#")) or value == "explorer.html"
    for name in (*HOSTILE[:4], f"METADATA {HOSTILE[1]}", "What the strategies contributed", "0.625"):
        assert name in page.text
    assert "{{7*7}}" in page.text
    assert "49{%" not in page.text


def test_marks_that_turn_the_direction_of_writing_are_shown_as_codes(hostile: tuple[str, bytes]) -> None:
    visible = re.sub(r"<script.*?</script>", "", hostile[0], flags=re.DOTALL)
    text = "".join(Page(visible).text)
    assert "\u202e" not in text
    assert "e[U+202E]gpj.exe[U+2066].jpg" in text


@pytest.mark.parametrize(("spread", "corrupt", "notes"), [(1.0, 0, 0), (1.0, 0, 1), (0.0, 0, 2), (0.0, 9, 3)])
def test_the_first_page_stands_alone(spread: float, corrupt: int, notes: int) -> None:
    raws = [
        *(Raw(f"folder/{number:02d}.jpg") for number in range(20)),
        *[Raw("v.mp4", 9, corrupt=corrupt)] * bool(corrupt),
    ]
    inputs = example(raws, spread=spread, n_samples=50 if notes else 20)
    assert len(compute_figures(inputs)[0].notes) == notes
    pages = [" ".join(page.extract_text().split()) for page in pypdf.PdfReader(io.BytesIO(documents(inputs)[1])).pages]
    assert all(title in pages[0] for title in ("Maps", "Datapool", "Configuration"))
    assert ("First picks" in pages[0]) is (notes < 3)
    assert pages[1].startswith("1 Input and cleaning")


def test_the_report_says_how_each_rule_chooses(charts_of_first: Mapping[str, Chart]) -> None:
    first, texts = example(), set()
    for method in (*RULES, STRATEGIES):
        inputs = replace(first, select=replace(first.select, method=method, sentence=sentence_of(method)))
        figures, points = compute_figures(inputs)
        page = Page(render.render_html(figures, charts_of_first, {}, points)).text
        start = page.index("How it was selected")
        texts.add(page[start : page.index("select.n_samples", start)])
    assert len(texts) == len(RULES) + 1
    assert sum("farthest from everything" in text for text in texts) == 1
    assert sum("product of its objectives" in text for text in texts) == 1


def test_a_missing_picture_has_a_tile(hostile: tuple[str, bytes]) -> None:
    assert "Picture not" in hostile[0]


def test_the_page_allows_its_own_script_only(hostile: tuple[str, bytes]) -> None:
    html = hostile[0]
    assert "default-src 'none'" in html
    assert re.search(r"script-src 'sha256-[A-Za-z0-9+/=]{44}'", html)
    # Addresses of XML namespaces are names; nothing is fetched from them.
    addresses = set(re.findall(r"https?://[^\s\"'<]+", re.sub(r"<script.*?</script>", "", html, flags=re.DOTALL)))
    assert {address for address in addresses if "w3.org" not in address} <= {"http://127.0.0.1:9/trap)"}


def test_map_data_survives_hostile_names(hostile: tuple[str, bytes]) -> None:
    found = re.search(r'<script type="application/json" id="map-data">(.*?)</script>', hostile[0], re.DOTALL)
    assert found is not None
    assert set(json.loads(found[1])["name"]) == set(HOSTILE)


def test_the_pdf_holds_names_as_text_bookmarks_and_embedded_fonts(hostile: tuple[str, bytes]) -> None:
    reader = pypdf.PdfReader(io.BytesIO(hostile[1]))
    text = "".join(page.extract_text() for page in reader.pages)
    squeezed = re.sub(r"\s", "", text)
    assert "onerror=alert(1)>.jpg" in squeezed
    assert "{{7*7}}" in squeezed
    assert "[U+202E]" in squeezed
    assert "Москва" in squeezed
    assert "g" * 150 in squeezed
    assert f"1 / {len(reader.pages)}" in text
    chapters = reader.outline[1]
    assert isinstance(chapters, list)
    titles = [str(entry["/Title"]) for entry in chapters if not isinstance(entry, list)]
    assert [title.split(" ", 1)[0] for title in titles] == [str(number) for number in range(1, 11)]
    for page in reader.pages:
        assert page.mediabox.width == pytest.approx(595.3, abs=0.1)
        assert page.mediabox.height == pytest.approx(841.9, abs=0.1)
        for annotation in page.get("/Annots") or []:
            assert "/URI" not in str(annotation.get_object())


def test_the_pdf_does_not_tell_when_or_where_it_was_made(hostile: tuple[str, bytes]) -> None:
    metadata = pypdf.PdfReader(io.BytesIO(hostile[1])).metadata
    assert metadata is not None
    assert str(metadata["/Title"]).startswith("Title <script>")
    assert "/CreationDate" not in metadata
    assert "/ModDate" not in metadata


def test_names_in_any_script_are_readable_and_need_no_font_of_the_machine() -> None:
    names = ("東京タワー/桜-서울.jpg", "مدينة-ירושלים.jpg", "दिल्ली-ไทย.jpg")
    _, pdf = documents(example([Raw(name) for name in names], n_samples=3, ignored=()))
    reader = pypdf.PdfReader(io.BytesIO(pdf))
    text = re.sub(r"\s", "", "".join(page.extract_text() for page in reader.pages))
    assert "東京タワー/" in text
    assert "桜-서울.jpg" in text
    assert "ירושלים" in text or "ירושלים"[::-1] in text
    assert "[U+0926][U+093F][U+0932]" in text
    fonts: set[str] = set()
    for page in reader.pages:
        resources: Any = page["/Resources"]
        fonts |= {str(font["/BaseFont"]).partition("+")[2] for font in resources["/Font"].values()}
    assert fonts == {"Report-Sans", "Report-Sans-Semi-Bold", "Report-Fallback", "Report-CJK"}
    assert len(pdf) < 1_000_000


@pytest.mark.parametrize(
    "inputs",
    [
        example((Raw("東京タワー-صورة-दिल्ली-😀.jpg"),), n_samples=1, ignored=()),
        example(spread=0.0, settings=replace(SETTINGS, n_thumbnails=0, n_example_images=0)),
        without_selection(example(SECOND, base=example(), seed=2)),
    ],
    ids=["one sample, no font for its name", "all equal, no pictures", "none selected"],
)
def test_unusual_iterations_have_documents(inputs: ReportInputs) -> None:
    html, pdf = documents(inputs)
    text = Page(html[html.index("<main>") : html.index("</main>")]).text
    assert not re.search(r"\bnan\b", text, re.IGNORECASE)
    assert pypdf.PdfReader(io.BytesIO(pdf)).get_num_pages() >= 3


def test_a_long_value_is_shown_once_a_strategy_a_line() -> None:
    strategies = tuple(json.dumps({"input": {"type": "EMBEDDINGS"}, "number": number}) for number in range(9))
    changed = [schema.ChangedParameter(key="select.strategies", value=strategies, default=())]
    parameters = {"select.strategies": strategies, "select.seed": 1, "ingest.image_extensions": ("x" * 300,)}
    configuration = schema.Configuration.model_construct(changed=tuple(changed), parameters=parameters)
    report = schema.Report.model_construct(configuration=configuration)
    shown = dict(item for column in render.parameter_columns(report, 3) for _, keys in column for item in keys)
    assert shown == {"strategies": "see above", "seed": 1, "image_extensions": ("x" * 300,)}
    assert render.value(strategies).count("\n") == 8


def test_chapters_follow_each_other_on_a_page(charts_of_first: Mapping[str, Chart]) -> None:
    """However long the list of changed parameters is, no page is left half empty for it, nor for the list of all."""
    parameters = flat_parameters(Params())
    defaults = {key: "other" if place < 32 else value for place, (key, value) in enumerate(parameters.items())}
    figures, _ = compute_figures(replace(example(), parameters=parameters, default_parameters=defaults))
    assert len(figures.configuration.changed) == 32
    shares = filled(render.render_pdf(figures, charts_of_first, {}))
    assert len(shares) > 4
    assert min(shares[2:-1]) > 0.86, shares


def filled(pdf: bytes) -> list[float]:
    """Return to which share of its height each page is filled, by the lowest text above the footer."""
    shares = []
    for page in pypdf.PdfReader(io.BytesIO(pdf)).pages:
        lowest: list[float] = []

        def visit(text: str, outer: list[float], inner: list[float], *_: object, into: list[float] = lowest) -> None:
            height = inner[5] * outer[3] + outer[5]
            if text.strip() and height > 60:
                into.append(height)

        page.extract_text(visitor_text=visit)
        shares.append((842 - min(lowest)) / (842 - 60))
    return shares


@given(st.text(), st.booleans())
def test_a_name_is_escaped_and_complete(text: str, interactive: bool) -> None:
    html = render.name({"interactive": interactive}, text)
    inner = html.removeprefix("<bdi>").removesuffix("</bdi>")
    assert "<" not in re.sub("</?(wbr|span)>", "", inner)
    shown = Page(f"<p>{inner}</p>").text
    assert shown == visible(text)


def test_names_break_after_separators_on_paper() -> None:
    """Of parts that fit into a line, none is broken, whatever the line's width."""
    parts = ["clips/", "carnd_", "solidWhiteRight-", "003-", "mp4.", "png"]
    for width in range(115, 200, 21):
        html = f"<div style='width: {width}px'>{render.name({'interactive': False}, ''.join(parts))}</div>"
        lines = _lines_on_paper(html, (render.TEMPLATES / "print.css").read_text())
        assert len(lines) > 1
        assert all(line.endswith(tuple(parts)) for line in lines), (width, lines)


def test_numbers_and_options_in_reasons_stay_whole_on_paper() -> None:
    reason = "2 damaged of 40 frames: 50.0 %, more than clean.corruption_threshold; `dvc repro -f clean`"
    ends = (*reason.split(), "clean.", "corruption_", "threshold;")
    for width in range(125, 300, 50):
        html = f"<div style='width: {width}px'>{render.name({'interactive': False}, reason)}</div>"
        lines = _lines_on_paper(html, (render.TEMPLATES / "print.css").read_text())
        assert all(line.endswith(ends) for line in lines), (width, lines)
    assert "<wbr>" not in render.name({"interactive": True}, "50.0 % --force -f")


def _lines_on_paper(html: str, css: str) -> list[str]:
    """Lay text out as WeasyPrint does, where long words may break anywhere; return its lines."""
    import weasyprint

    style = f"<style>{css} div {{ overflow-wrap: anywhere }}</style>"
    page = weasyprint.HTML(string=style + html).render().pages[0]
    lines: dict[float, str] = {}
    for box in page._page_box.descendants():
        if isinstance(getattr(box, "text", None), str) and box.text.strip():
            lines[round(box.position_y)] = lines.get(round(box.position_y), "") + box.text
    footer = {"1 / 1", ""}
    return [line for line in lines.values() if line.strip() not in footer]


@pytest.mark.parametrize(
    ("amount", "text"), [(0, "0"), (12.5, "12.50"), (355, "355"), (1234.56, "1,235"), (20000000, "20,000,000")]
)
def test_money_has_decimals_where_they_matter(amount: float, text: str) -> None:
    assert render.money(amount) == text


def test_many_pictures_are_made_smaller() -> None:
    few = inline_pictures(["a"], invented_pictures)["a"]
    many = inline_pictures([f"{number}" for number in range(121)] + ["a"], invented_pictures)["a"]
    assert len(many) < len(few)


@pytest.mark.parametrize("mode", ["L", "P", "RGBA", "CMYK"])
def test_pictures_of_any_mode_become_jpeg(mode: str) -> None:
    assert data_uri(Image.new(mode, (1, 900)), 100, 80).startswith("data:image/jpeg;base64,")


def test_the_page_says_where_a_figure_rests_on_a_subset(monkeypatch: pytest.MonkeyPatch) -> None:
    inputs = example(SECOND, base=example(), seed=2, n_samples=4)
    told = (
        "They were chosen from 3 of 4 selected samples",
        "(min: of 3 of them,",
        "whole set, for 3 of the 18 candidates",
    )
    figures, points = compute_figures(inputs)
    charts = draw_charts(figures, points)
    page = render.render_html(figures, charts, {}, points)
    assert not any(words in page for words in told)
    monkeypatch.setattr(distances, "COMPARED_PAIRS", 1)
    monkeypatch.setattr(distances, "LEAST_QUERIES", 3)
    few, points = compute_figures(inputs)
    page = render.render_html(few, charts, {}, points)
    assert all(words in page for words in told)
