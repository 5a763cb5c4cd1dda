"""One chart of the report: how it looks, and as which files it is kept."""

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import matplotlib as mpl
from matplotlib import font_manager
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from curation.reporting.draw.typefaces import FALLBACK_FILES, FONT_FAMILY, FONT_FILES

NEW, NEW_TINT = "#0b62d6", "#cfe1fb"

OLD, LEFT = "#8a94a0", "#d3d9e0"

INK, MUTED, LINE = "#16191d", "#5c6570", "#dfe3e8"
"""Blue for what is new, greys for what is old or left: apart in hue for the colour-blind, and in lightness in print."""

FULL_WIDTH, HALF_WIDTH = 6.85, 3.3  # inches, of an A4 page's text

BEFORE, AFTER = "distance_distr_before", "distance_distr_after"
"""Charts of one side alone, as files only: the documents show both sides in one."""

_PNG_DPI = 160

_STYLE: Any = {  # matplotlib types its settings by a list of all their names
    "axes.axisbelow": True,
    "axes.edgecolor": LINE,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.labelcolor": MUTED,
    "axes.labelsize": 7.5,
    "axes.linewidth": 0.7,
    "axes.spines.left": False,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlecolor": INK,
    "axes.titlelocation": "left",
    "axes.titlepad": 8.0,
    "axes.titlesize": 9.0,
    "axes.titleweight": 600,
    "figure.dpi": 72.0,
    "font.family": [FONT_FAMILY, *FALLBACK_FILES],
    "font.size": 7.5,
    "grid.color": LINE,
    "grid.linewidth": 0.5,
    "legend.fontsize": 7.5,
    "legend.frameon": False,
    "legend.labelcolor": MUTED,
    "svg.fonttype": "none",
    "svg.hashsalt": "report",
    "text.color": INK,
    "xtick.color": MUTED,
    "xtick.labelsize": 7.0,
    "xtick.major.size": 0.0,
    "ytick.color": MUTED,
    "ytick.labelsize": 7.0,
    "ytick.major.size": 0.0,
}


@dataclass(frozen=True)
class Chart:
    """One chart.

    Attributes:
        name: of its PNG file, without ending.
        description: what it shows, for those who cannot see it.
        svg: an `<svg>` element for inlining; empty for charts that the documents do not show.
        png: the bytes of a PNG file.
    """

    name: str
    description: str
    svg: str
    png: bytes


@contextmanager
def chart_style() -> Iterator[None]:
    """Draw with the report's own settings and fonts, whatever the user's matplotlibrc and system hold."""
    fonts = font_manager.fontManager.ttflist
    if not any(font.name == FONT_FAMILY for font in fonts):
        further = [(family, weight, file) for family, file in FALLBACK_FILES.items() for weight in FONT_FILES]
        for family, weight, file in [*((FONT_FAMILY, *font) for font in FONT_FILES.items()), *further]:
            font = font_manager.ttfFontProperty(font_manager.get_font(file))
            fonts.append(replace(font, name=family, weight=weight))
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(_STYLE)
        yield


def put_title(figure: Figure, text: str) -> None:
    """Write a title that begins where the chart does, in line with the text around it."""
    figure.suptitle(text, x=0, ha="left", fontsize=_STYLE["axes.titlesize"], fontweight=600, color=INK)


def nice_top(value: float) -> float:
    """Return the end of an axis from 0 to a little above `value`."""
    return 1.08 * value if value > 0 else 1.0


def percent(value: float, _position: int) -> str:
    """Return a share in percent, as an axis shows it."""
    return f"{value:.0%}" if value >= 0.01 or value == 0 else f"{value:.1%}"


def say(axes: Axes, text: str) -> None:
    """Write in the middle of a chart why it is empty."""
    axes.text(0.5, 0.5, text, transform=axes.transAxes, ha="center", va="center", color=MUTED)


def chart_of(name: str, description: str, figure: Figure) -> Chart:
    """Render a figure to SVG and PNG."""
    png = png_of(figure)
    return Chart(name, description, "" if name in (BEFORE, AFTER) else svg_of(figure, name, description), png)


def png_of(figure: Figure) -> bytes:
    """Render a figure to a PNG file without date, software or other traces of the run."""
    _settle(figure)
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=_PNG_DPI, facecolor="white", metadata={"Software": None})
    return content.getvalue()


def svg_of(figure: Figure, name: str, description: str) -> str:
    """Render a figure to an `<svg>` element, as free of traces."""
    _settle(figure)
    content = io.StringIO()
    figure.savefig(
        content, format="svg", dpi=220, transparent=True,
        metadata={"Date": None, "Creator": None, "Format": None, "Type": None},
    )  # fmt: skip
    return _inline(content.getvalue(), name, description)


def _settle(figure: Figure) -> None:
    """Find the layout once: no need to find it again for each format."""
    engine = figure.get_layout_engine()
    if engine is not None:
        FigureCanvasAgg(figure)
        engine.execute(figure)
        figure.set_layout_engine(None)


def _inline(svg: str, name: str, description: str) -> str:
    """Turn a stand-alone SVG file into an element that shares a document with others: no prolog, ids of its own."""
    svg = svg[svg.index("<svg") :].strip()
    svg = re.sub(r"\s*<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'(\bid="|url\(#|href="#)', rf"\g<1>{name}-", svg)
    svg = re.sub(r"<style[^>]*>\*\{", rf'<style type="text/css">.{name} *{{', svg)
    return svg.replace("<svg ", f'<svg class="chart {name}" role="img" aria-label="{description}" ', 1)
