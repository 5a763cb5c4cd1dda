"""The documents: one Jinja template becomes the PDF and the interactive HTML page.

Filenames are other people's data. Everything is escaped on output, nothing is loaded from anywhere (WeasyPrint may open
`data:` URIs only, and a content security policy forbids the browser the rest), and nothing in a document tells when,
where or by whom it was made.
"""

import base64
import hashlib
import logging
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup, escape

from curation.reporting.compute.maps import MapPoints
from curation.reporting.compute.names import visible
from curation.reporting.contents.report import Report
from curation.reporting.draw.chart import LEFT, NEW, NEW_TINT, OLD, Chart
from curation.reporting.draw.pictures import as_data_uri
from curation.reporting.draw.typefaces import FALLBACK_FILES, FONT_FAMILY, FONT_FILES, fallbacks_for, in_own_fonts
from curation.selection.distance import short_distance

TEMPLATES = Path(__file__).parent / "templates"
TEMPLATE = "report.html.j2"
STYLES = ("base.css", "print.css", "screen.css")
SCRIPT = "report.js"

PDF_SOURCES = 40
"""Rows of the table of sources in the PDF; the HTML page and the JSON file have all that the figures list."""

_PARAMETER_COLUMNS, _HEADING_ROWS = 3, 2
_LONGEST_IN_COLUMN = 200
"""Characters of a value that a narrow column shows; a longer one that was changed is in the table above."""
_FIXED_EPOCH = "315532800"  # 1980-01-01, the first date that every format can hold

_BREAKS = re.compile(r"(?<=[/_\-.])(?<!\d\.(?=\d))(?<! -)(?<! --)")
"""The places in a word where a line may end: not in a number such as 0.5, nor in an option of a command such as -f."""


def render_html(
    report: Report,
    charts: Mapping[str, Chart],
    pictures: Mapping[str, str],
    points: MapPoints,
    *,
    has_explorer: bool = True,
) -> str:
    """Return the interactive page, one self-contained file.

    Args:
        report: all figures.
        charts: by name.
        pictures: `data:` URIs by filename.
        points: of the map.
        has_explorer: whether there is one to look at.
    """
    script = read_template(SCRIPT)
    script_hash = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    style = font_faces() + read_template("base.css") + read_template("screen.css")
    return _render(
        report, charts, pictures, interactive=True, style=trusted(style), script=trusted(script),
        script_hash=script_hash, map_data=map_data(report, points),
        source_rows=report.sources.rows, has_explorer=has_explorer,
    )  # fmt: skip


def render_pdf(
    report: Report, charts: Mapping[str, Chart], pictures: Mapping[str, str], *, has_explorer: bool = True
) -> bytes:
    """Return the PDF: A4, bookmarks, page numbers, fonts embedded, equal bytes for equal figures.

    Args:
        report: all figures.
        charts: by name.
        pictures: `data:` URIs by filename.
        has_explorer: whether there is one to look at.
    """
    from weasyprint import CSS, HTML
    from weasyprint.text.fonts import FontConfiguration
    from weasyprint.urls import URLFetcher

    style = read_template("base.css") + read_template("print.css")
    html = _render(
        report, charts, pictures, interactive=False, style=trusted(style), script=None, script_hash=None, map_data=None,
        source_rows=report.sources.rows[:PDF_SOURCES], has_explorer=has_explorer,
    )  # fmt: skip
    html = in_own_fonts(html)
    with _quiet(), _fixed_date():
        fonts = FontConfiguration()
        fetcher = URLFetcher(allowed_protocols=["data"])
        faces = CSS(string=font_faces(fallbacks_for(html)), font_config=fonts, url_fetcher=fetcher)
        document = HTML(string=html, base_url=None, url_fetcher=fetcher)
        pdf: bytes = document.write_pdf(stylesheets=[faces], font_config=fonts)
    return pdf


def font_faces(fallbacks: Sequence[str] = ()) -> str:
    """Return the CSS that embeds the report's fonts.

    Args:
        fallbacks: families to add for scripts that the report's own font lacks. Browsers have fonts for them.
    """
    faces = [(FONT_FAMILY, weight, file) for weight, file in FONT_FILES.items()]
    faces += [(family, 400, FALLBACK_FILES[family]) for family in fallbacks]
    return "\n".join(
        f'@font-face {{ font-family: "{family}"; font-weight: {weight}; '
        f'src: url("{as_data_uri(file.read_bytes(), "font/" + file.suffix[1:])}"); }}'
        for family, weight, file in faces
    )


def map_data(report: Report, points: MapPoints) -> dict[str, object]:
    """Return the points of the map for the page's script: coordinates, group and name of each."""
    table = points.table
    groups = ["not selected", "old", "new"]
    return {
        "groups": groups,
        "x": [float(x) for x in table["x"]],
        "y": [float(y) for y in table["y"]],
        "group": [groups.index(group) for group in table["group"]],
        "name": [str(name) for name in table["filename"]],
        "colours": [LEFT, OLD, NEW],
        "variance": list(report.map.variance),
    }


def trusted(text: str) -> Markup:
    """Keep text from being escaped: for what this package wrote itself and that holds no word of the data."""
    return Markup(text)  # noqa: S704


def parameter_columns(report: Report, columns: int) -> list[list[tuple[str, list[tuple[str, Any]]]]]:
    """Distribute the sections of `params.yaml`, with their keys and values, over columns of about the same height."""
    sections: dict[str, list[tuple[str, Any]]] = {}
    above_all = {item.key for item in report.configuration.changed if len(value(item.value)) > _LONGEST_IN_COLUMN}
    for key, setting in report.configuration.parameters.items():
        section, _, short = key.partition(".")
        sections.setdefault(section, []).append((short, "see above" if key in above_all else setting))
    heights = {section: len(keys) + _HEADING_ROWS for section, keys in sections.items()}
    result: list[list[tuple[str, list[tuple[str, Any]]]]] = [[] for _ in range(columns)]
    above = 0
    for section, keys in sections.items():
        middle = above + heights[section] / 2
        result[min(columns - 1, int(columns * middle / sum(heights.values())))].append((section, keys))
        above += heights[section]
    return result


def _render(report: Report, charts: Mapping[str, Chart], pictures: Mapping[str, str], **more: object) -> str:
    """Fill the template."""
    return (
        environment()
        .get_template(TEMPLATE)
        .render(
            r=report,
            charts={key: trusted(chart.svg) for key, chart in charts.items()},
            pictures=pictures,
            parameter_columns=parameter_columns(report, _PARAMETER_COLUMNS),
            colours={"new": NEW, "new_tint": NEW_TINT, "old": OLD, "left": LEFT},
            **more,
        )
    )


@cache  # it keeps the templates that it has compiled
def environment() -> jinja2.Environment:
    """Return what fills templates: everything is escaped, and a name that does not exist is an error."""
    result = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    result.filters.update(count=count, real=real, distance=distance, percent=percent, money=money)
    result.filters.update(name=name, short_hash=short_hash, value=value)
    return result


def count(number: int | None) -> str:
    """Write a count with separators: 12,345."""
    return "–" if number is None else f"{number:,}"


def real(number: float | None, digits: int = 3) -> str:
    """Write a real number with fixed decimals; a dash where it does not exist."""
    return "–" if number is None else f"{number:.{digits}f}"


def distance(number: float | None) -> str:
    """Write a distance in few digits; a dash where it does not exist."""
    return "–" if number is None else short_distance(number)


def percent(share: float | None) -> str:
    """Write a share as percent, with a decimal where it is small."""
    if share is None:
        return "–"
    return f"{share:.1%}" if 0 < share < 0.1 else f"{share:.0%}"


def money(amount: float) -> str:
    """Write an amount, with decimals only where they matter."""
    return f"{amount:,.2f}" if amount < 1_000 and amount != int(amount) else f"{amount:,.0f}"


@jinja2.pass_context
def name(context: Mapping[str, Any], text: str) -> Markup:
    """Write a filename so that it cannot disturb its surroundings.

    It keeps to its own direction of writing (`<bdi>`), may break after separators, and shows characters that are not
    seen or turn the direction of writing, and so would let one name look like another, as their code. On paper the
    parts are boxes of their own, since WeasyPrint breaks a name anywhere else. Reasons are written so too: what stands
    between two spaces is a word of its own.
    """
    parts = [escape(part) for part in _BREAKS.split(visible(text)) if part]
    if context["interactive"]:
        return Markup("<bdi>") + Markup("<wbr>").join(parts) + Markup("</bdi>")
    words = (word for part in parts for word in re.split("( +)", part) if word)
    boxes = (word if word.isspace() else Markup("<span>") + word + Markup("</span>") for word in map(Markup, words))
    return Markup("<bdi>") + Markup("").join(boxes) + Markup("</bdi>")


def short_hash(text: str, digits: int = 12) -> str:
    """Write the first digits of a hash."""
    return text[:digits]


def value(setting: Any) -> str:
    """Write a parameter as it stands in YAML."""
    if setting is None:
        return "null"
    if isinstance(setting, bool):
        return str(setting).lower()
    if isinstance(setting, list | tuple):
        separator = ",\n" if any(str(item).startswith("{") for item in setting) else ", "
        return separator.join(map(str, setting)) or "[]"
    return str(setting)


def read_template(file: str) -> str:
    """Read a style sheet or script."""
    return "\n" + (TEMPLATES / file).read_text(encoding="utf-8")


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep WeasyPrint and fontTools from commenting on what they find in style sheets and fonts."""
    loggers = [logging.getLogger(name) for name in ("weasyprint", "weasyprint.progress", "fontTools")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


@contextmanager
def _fixed_date() -> Iterator[None]:
    """Let fontTools write a fixed date into the fonts it reduces."""
    former = os.environ.get("SOURCE_DATE_EPOCH")
    os.environ["SOURCE_DATE_EPOCH"] = _FIXED_EPOCH
    try:
        yield
    finally:
        if former is None:
            del os.environ["SOURCE_DATE_EPOCH"]
        else:
            os.environ["SOURCE_DATE_EPOCH"] = former
