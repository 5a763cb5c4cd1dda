"""Charts: drawn once, kept as vector graphics for the documents and as PNG for everything else."""

import io
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Literal

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib import font_manager
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator
from numpy.typing import NDArray

from curation.reporting import contents as schema
from curation.reporting.compute.maps import NEW as NEW_GROUP
from curation.reporting.compute.maps import NOT_SELECTED, MapPoints, umap_columns
from curation.reporting.compute.maps import OLD as OLD_GROUP
from curation.reporting.compute.names import visible
from curation.reporting.draw.pictures import side_by_side
from curation.reporting.draw.typefaces import FALLBACK_FILES, FONT_FAMILY, FONT_FILES, in_own_fonts

NEW, NEW_TINT = "#0b62d6", "#cfe1fb"
OLD, LEFT = "#8a94a0", "#d3d9e0"
INK, MUTED, LINE = "#16191d", "#5c6570", "#dfe3e8"
"""Blue for what is new, greys for what is old or left: apart in hue for the colour-blind, and in lightness in print."""

PCA, UMAP, NO_OVERLAY = "scatter_pca", "scatter_umap_k_", "_no_overlay"
"""Names of maps; those without overlay leave out the datapool's samples."""

_MAP_WORDS = "Map of the embeddings: old samples grey, new ones blue, others faint"
_SMALL_MAP = 2.2  # inches
_LABELS, _LABEL_LENGTH = 30, 32

BEFORE, AFTER = "distance_distr_before", "distance_distr_after"
"""Charts of one side alone, as files only: the documents show both sides in one."""

FULL_WIDTH, HALF_WIDTH = 6.85, 3.3  # inches, of an A4 page's text
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


def draw_charts(report: schema.Report, points: MapPoints) -> dict[str, Chart]:
    """Draw all charts that the report has figures for, by name."""
    with _style():
        charts = [*map_charts(report, points), growth_chart(report.datapool)]
        charts += distance_charts(report)
        if report.selection.selected:
            charts += [pick_chart(report.selection), budget_chart(report.selection)]
        if report.training.loss_curve:
            charts.append(loss_chart(report.training))
        sources = report.sources
        if sources.predictions:
            charts += label_charts(sources.predictions, "pretagging_histogram", "predicted class")
        if sources.labels:
            name = "weak_label_histogram" if sources.predictions else "pretagging_histogram"
            charts += label_charts(sources.labels, name, "weak label")
    return {chart.name: chart for chart in charts}


@contextmanager
def _style() -> Iterator[None]:
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


def map_charts(report: schema.Report, points: MapPoints) -> list[Chart]:
    """Draw every map with the datapool and without it; the UMAPs small for the documents, where they stand in a row."""
    charts = []
    for name, title, columns in maps_of(report):
        for without_old in (False, True):
            key = f"{name}{NO_OVERLAY}" if without_old else name
            png = _png(_map_figure(report, points.table, columns, without_old=without_old))
            if name == PCA:
                svg = "" if without_old else _svg(_map_figure(report, points.table, columns), key, _MAP_WORDS)
            elif without_old and not report.map.old:
                svg = ""
            else:
                small = _map_figure(report, points.table, columns, without_old=without_old, side=_SMALL_MAP)
                svg = _svg(small, key, f"{title}. {_MAP_WORDS}")
            charts.append(Chart(key, _MAP_WORDS, svg, png))
    return charts


def maps_of(report: schema.Report) -> list[tuple[str, str, tuple[str, str]]]:
    """Return name, title and columns of each map."""
    sizes = report.map.umap_neighbours
    return [
        (PCA, "Principal components", ("x", "y")),
        *((f"{UMAP}{size}", f"UMAP, {size} neighbours", umap_columns(size)) for size in sizes),
    ]


def _map_figure(
    report: schema.Report,
    table: pd.DataFrame,
    columns: tuple[str, str],
    *,
    without_old: bool = False,
    side: float | None = None,
) -> Figure:
    """Draw a map: left samples faint, old ones grey, new ones coloured; with and without old ones in the same limits.

    Args:
        report: all figures.
        table: the points.
        columns: of the table, that hold the coordinates.
        without_old: whether to leave out the datapool's samples.
        side: inches of a small map without legend and title; None for one that stands alone.
    """
    figure = Figure(figsize=(side, side)) if side else Figure(figsize=(3.7, 3.95), layout="constrained")
    axes = figure.add_axes((0.005, 0.005, 0.99, 0.99)) if side else figure.add_subplot()
    axes.grid(visible=False)
    shown = table[table[columns[0]].notna()]
    counts = {NOT_SELECTED: report.map.not_selected, OLD_GROUP: report.map.old, NEW_GROUP: report.map.new}
    size = (26 if len(shown) < 200 else 14 if len(shown) < 3_000 else 7) * (0.5 if side else 1.0)
    looks = {NOT_SELECTED: (LEFT, 0.6 * size, 0.0), OLD_GROUP: (OLD, size, 0.4), NEW_GROUP: (NEW, 1.5 * size, 0.5)}
    for group, (colour, area, edge) in looks.items():
        rows = shown[shown["group"] == group]
        if counts[group] and not (without_old and group == OLD_GROUP):
            axes.scatter(
                rows[columns[0]], rows[columns[1]], s=area, c=colour, edgecolors="white",
                linewidths=edge * (0.6 if side else 1.0), rasterized=True,
                label=f"{group.capitalize()} ({counts[group]:,})",
            )  # fmt: skip
    axes.set(xticks=[], yticks=[])
    _enclose(axes, shown[list(columns)].to_numpy())
    axes.spines[:].set_visible(True)
    if side is None:
        if columns == ("x", "y"):
            first, second = report.map.variance
            axes.set_xlabel(f"First component, {first:.0%} of the variance")
            axes.set_ylabel(f"Second component, {second:.0%}")
        else:
            axes.set_xlabel(next(title for _, title, others in maps_of(report) if others == columns))
        if axes.get_legend_handles_labels()[0]:
            figure.legend(
                loc="outside upper left", ncols=3, handletextpad=0.2, columnspacing=1.0, borderpad=0, markerscale=1.2
            )
    return figure


def _enclose(axes: Axes, points: NDArray[np.float64]) -> None:
    """Set square limits around points, (n, 2), with some room."""
    axes.set_aspect("equal", adjustable="box")
    low, high = (points.min(axis=0), points.max(axis=0)) if len(points) else (np.zeros(2), np.ones(2))
    half = 0.53 * max(float((high - low).max()), 1e-9)
    middle = (low + high) / 2
    axes.set_xlim(middle[0] - half, middle[0] + half)
    axes.set_ylim(middle[1] - half, middle[1] + half)


def distance_charts(report: schema.Report) -> list[Chart]:
    """Draw the histograms: candidates against selection, the datapool before against after, and each side alone."""
    families = report.distances
    sides = [
        ("distance_distr", "candidates", "selected", "Candidates", "Selected"),
        ("distance_distr_datapool", "datapool_before", "datapool_after", "Datapool before", "Datapool after"),
    ]
    charts = [
        _distance_chart(name, families, [(before, before_label, "before"), (after, after_label, "after")])
        for name, before, after, before_label, after_label in sides
        if name == "distance_distr" or report.datapool.size_before
    ]
    charts.append(_distance_chart(BEFORE, families, [("candidates", "Candidates", "before")]))
    charts.append(_distance_chart(AFTER, families, [("selected", "Selected", "after")]))
    return charts


def _distance_chart(
    name: str, families: schema.Distances, series: Sequence[tuple[str, str, Literal["before", "after"]]]
) -> Chart:
    """Draw pairwise and nearest-neighbour distances side by side; every chart of a report has the same axes."""
    figure = Figure(figsize=(FULL_WIDTH, 2.15), layout="constrained")
    panels = [("Pairwise distance", families.pairwise), ("Distance to the nearest other sample", families.nearest)]
    for axes, (title, family) in zip(figure.subplots(1, 2), panels, strict=True):
        edges = np.array(family.bin_edges)
        for attribute, label, role in series:
            histogram: schema.Histogram = getattr(family, attribute)
            if histogram.shares:
                _draw_histogram(axes, edges, histogram, label, role)
        axes.set_title(title)
        axes.set_xlim(edges[0], edges[-1])
        axes.set_ylim(0, 1.08 * _highest(family))
        axes.yaxis.set_major_formatter(FuncFormatter(_percent))
        axes.yaxis.set_major_locator(MaxNLocator(4))
        axes.set_xlabel("Euclidean distance between unit-length embeddings")
        if axes.get_legend_handles_labels()[0]:
            axes.legend(loc="best", handlelength=1.0, handleheight=0.8, borderpad=0.2)
        else:
            _say(axes, "Fewer than two samples")
    return _chart(name, "Histograms of the distances between samples", figure)


def _draw_histogram(
    axes: Axes, edges: np.ndarray, histogram: schema.Histogram, label: str, role: Literal["before", "after"]
) -> None:
    """Draw what was before as a grey area, what is after as a blue outline; the median as a line of the same colour."""
    shares = np.array(histogram.shares)
    if role == "before":
        axes.stairs(shares, edges, fill=True, color=LEFT, label=label)
        axes.stairs(shares, edges, color=OLD, linewidth=0.7)
    else:
        axes.stairs(shares, edges, fill=True, color=NEW, alpha=0.14)
        axes.stairs(shares, edges, color=NEW, linewidth=1.3, label=label)
    if histogram.median is not None:
        colour = OLD if role == "before" else NEW
        axes.axvline(histogram.median, color=colour, linewidth=0.9, linestyle=(0, (3, 2)))


def _highest(family: schema.HistogramFamily) -> float:
    """Return the largest share of any histogram of a family."""
    histograms = (family.candidates, family.selected, family.datapool_before, family.datapool_after)
    return max((max(histogram.shares, default=0.0) for histogram in histograms), default=0.0) or 1.0


def pick_chart(selection: schema.Selection) -> Chart:
    """Draw how far each pick was from everything selected before it: what one more label still brings."""
    figure = Figure(figsize=(HALF_WIDTH, 2.1), layout="constrained")
    axes = figure.add_subplot()
    picks = [(pick.rank + 1, pick.distance) for pick in selection.pick_distances if pick.distance is not None]
    if picks:
        ranks, distances = zip(*picks, strict=True)
        axes.plot(ranks, distances, color=NEW, linewidth=1.5, marker="o" if len(picks) < 3 else None, markersize=4)
        axes.fill_between(ranks, distances, color=NEW, alpha=0.10, linewidth=0)
        axes.set_xlim(1, max(ranks[-1], 2))
        axes.set_ylim(0, nice_top(max(distances)))
    else:
        _say(axes, "One sample, and none before it")
    if selection.min_distance is not None:
        axes.axhline(selection.min_distance, color=MUTED, linewidth=0.9, linestyle=(0, (3, 2)))
        axes.annotate(
            "min_distance", (1, selection.min_distance), xycoords=("axes fraction", "data"), ha="right",
            xytext=(0, 2), textcoords="offset points", color=MUTED, fontsize=7,
        )  # fmt: skip
    _title(figure, "Distance of each pick to all selected before it")
    axes.set_xlabel("Samples selected")
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    axes.yaxis.set_major_locator(MaxNLocator(4))
    return _chart("pick_distance", "Distance of each pick to the samples selected before it", figure)


def budget_chart(selection: schema.Selection) -> Chart:
    """Draw the coverage radius by the number of samples, with its knee, beside greedy k-center and chance."""
    figure = Figure(figsize=(HALF_WIDTH, 2.1), layout="constrained")
    axes = figure.add_subplot()
    points = selection.budget_curve
    looks = [("random_coverage_radius", "Random", LEFT, 1.2), ("coreset_coverage_radius", "Coreset", OLD, 1.2)]
    looks = [look for look in looks if not (selection.method == "coreset" and look[1] == "Coreset")]
    highest = 0.0
    for attribute, label, colour, width in [*looks, ("coverage_radius", "This selection", NEW, 1.6)]:
        line = [(point.budget, getattr(point, attribute)) for point in points]
        line = [(budget, radius) for budget, radius in line if radius is not None]
        if line:
            budgets, radii = zip(*line, strict=True)
            axes.plot(budgets, radii, color=colour, linewidth=width, label=label, marker="o" if len(line) < 3 else None)
            highest = max(highest, *radii)
    chosen = next((rule for rule in selection.comparison if rule.rule == "chosen"), None)
    at_knee = [point.coverage_radius for point in points if chosen and point.budget == chosen.knee]
    if highest:
        axes.set_ylim(0, nice_top(highest))
        axes.set_xlim(0, max(points[-1].budget, 2))
        axes.legend(loc="upper right", handlelength=1.2, borderpad=0.2)
    else:
        _say(axes, "No sample selected")
    if chosen and chosen.knee and at_knee and at_knee[0] is not None:
        axes.plot([chosen.knee], [at_knee[0]], marker="o", markersize=5, color="white", markeredgecolor=NEW)
        axes.annotate(
            f"knee: {chosen.knee:,}", (chosen.knee, at_knee[0]), xytext=(0, -11), textcoords="offset points",
            ha="center", fontsize=7, color=MUTED,
        )  # fmt: skip
    _title(figure, "Coverage radius by number of samples")
    axes.set_xlabel("Samples selected")
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    axes.yaxis.set_major_locator(MaxNLocator(4))
    return _chart("budget_curve", "Coverage radius by number of samples, beside coreset and random selection", figure)


def loss_chart(training: schema.Training) -> Chart:
    """Draw the training loss by step."""
    figure = Figure(figsize=(HALF_WIDTH, 2.1), layout="constrained")
    axes = figure.add_subplot()
    points = [(point.step, point.loss) for point in training.loss_curve if point.loss is not None]
    if points:
        steps, losses = zip(*points, strict=True)
        axes.plot(steps, losses, color=INK, linewidth=1.2, marker="o" if len(points) < 3 else None, markersize=3)
    _title(figure, "Training loss")
    axes.set_xlabel("Step")
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    axes.yaxis.set_major_locator(MaxNLocator(4))
    return _chart("loss", "Training loss by step", figure)


def label_charts(labels: Sequence[schema.LabelCounts], chart_name: str, kind: str) -> list[Chart]:
    """Draw how candidates and selection are distributed over labels, before and after over the same axes.

    Args:
        labels: with their counts.
        chart_name: of the files, which `_before` or `_after` follows.
        kind: what the labels are, in words.
    """
    shown = sorted(labels, key=lambda label: -label.candidates)[:_LABELS]
    sides = {
        f"{chart_name}_before": ("Candidates", [label.candidates for label in shown], LEFT),
        f"{chart_name}_after": ("Selected", [label.selected for label in shown], NEW),
    }
    totals = {
        "Candidates": sum(label.candidates for label in labels),
        "Selected": sum(label.selected for label in labels),
    }
    shares = {name: [count / max(totals[title], 1) for count in counts] for name, (title, counts, _) in sides.items()}
    highest = max((max(values, default=0.0) for values in shares.values()), default=0.0) or 1.0
    charts = []
    for name, (title, counts, colour) in sides.items():
        figure = Figure(figsize=(HALF_WIDTH + 1, 0.9 + 0.22 * len(shown)), layout="constrained")
        axes = figure.add_subplot()
        axes.grid(visible=False)
        places = np.arange(len(shown))[::-1]
        axes.barh(places, shares[name], color=colour, height=0.68)
        for place, share, count in zip(places, shares[name], counts, strict=True):
            axes.annotate(
                f"{count:,}", (share, place), xytext=(3, 0), textcoords="offset points", va="center", fontsize=7,
                color=INK,
            )  # fmt: skip
        axes.set_yticks(places, [_label_text(label.name) for label in shown])
        for text in axes.get_yticklabels():
            text.set_parse_math(False)
        axes.set_xlim(0, 1.15 * highest)
        axes.xaxis.set_major_formatter(FuncFormatter(_percent))
        axes.xaxis.set_major_locator(MaxNLocator(4))
        axes.set_xlabel(f"Share of the {totals[title]:,} {title.lower()}")
        rest = f", the {len(shown)} most frequent of {len(labels)}" if len(shown) < len(labels) else ""
        _title(figure, f"{title} by {kind}{rest}")
        charts.append(Chart(name, f"{title} by {kind}", "", _png(figure)))
    return charts


def _label_text(name: str) -> str:
    """Return a weak label as it stands on an axis: one line, not too long, in characters that the fonts have."""
    text = in_own_fonts(visible(name)) or "(top level)"
    return text if len(text) <= _LABEL_LENGTH else f"{text[: _LABEL_LENGTH - 1]}…"


def decision_pictures(pairs: Sequence[schema.ExamplePair], pictures: Mapping[str, str]) -> list[bytes]:
    """Return a PNG file for each retained sample beside the nearest removed one, whose pictures are at hand.

    Args:
        pairs: in the order of the report.
        pictures: `data:` URIs by filename.
    """
    return [
        side_by_side(
            [pictures.get(pair.retained, ""), pictures.get(pair.removed, "")],
            ["retained", f"removed, distance {pair.distance:.3f}"],
            [NEW, LEFT],
            FONT_FILES[400],
        )
        for pair in pairs
    ]


def growth_chart(datapool: schema.Datapool) -> Chart:
    """Draw the size of the datapool by iteration: what it held in grey, what the last iteration adds in blue."""
    figure = Figure(figsize=(HALF_WIDTH, 2.1), layout="constrained")
    axes = figure.add_subplot()
    rows = datapool.iterations
    if rows:
        places = np.arange(len(rows))
        before = np.array([row.size_before for row in rows])
        added = np.array([row.size_after - row.size_before for row in rows])
        colours = [OLD] * (len(rows) - 1) + [NEW]
        width = 0.62 if len(rows) > 3 else 0.12 + 0.12 * len(rows)
        axes.bar(places, before, width=width, color=LEFT)
        axes.bar(places, added, width=width, bottom=before, color=colours)
        shown = range(len(rows)) if len(rows) <= 12 else range(len(rows) - 1, len(rows))
        for row in shown:
            axes.annotate(
                f"{before[row] + added[row]:,}", (places[row], before[row] + added[row]), ha="center", va="bottom",
                xytext=(0, 2), textcoords="offset points", fontsize=7, color=INK, fontweight=600,
            )  # fmt: skip
        step = max(1, len(rows) // 8)
        axes.set_xticks(places[::step], [str(row.iteration) for row in rows[::step]])
        axes.set_xlim(-0.6, len(rows) - 0.4)
        axes.set_ylim(0, 1.15 * max(float((before + added).max()), 1.0))
    _title(figure, "Datapool by iteration, samples")
    axes.set_xlabel("Iteration")
    axes.yaxis.set_major_locator(MaxNLocator(4, integer=True))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    return _chart("datapool_growth", "Samples in the datapool by iteration", figure)


def _title(figure: Figure, text: str) -> None:
    """Write a title that begins where the chart does, in line with the text around it."""
    figure.suptitle(text, x=0, ha="left", fontsize=_STYLE["axes.titlesize"], fontweight=600, color=INK)


def nice_top(value: float) -> float:
    """Return the end of an axis from 0 to a little above `value`."""
    return 1.08 * value if value > 0 else 1.0


def _percent(value: float, _position: int) -> str:
    return f"{value:.0%}" if value >= 0.01 or value == 0 else f"{value:.1%}"


def _say(axes: Axes, text: str) -> None:
    """Write in the middle of a chart why it is empty."""
    axes.text(0.5, 0.5, text, transform=axes.transAxes, ha="center", va="center", color=MUTED)


def _chart(name: str, description: str, figure: Figure) -> Chart:
    """Render a figure to SVG and PNG."""
    png = _png(figure)
    return Chart(name, description, "" if name in (BEFORE, AFTER) else _svg(figure, name, description), png)


def _png(figure: Figure) -> bytes:
    """Render a figure to a PNG file without date, software or other traces of the run."""
    _settle(figure)
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=_PNG_DPI, facecolor="white", metadata={"Software": None})
    return content.getvalue()


def _svg(figure: Figure, name: str, description: str) -> str:
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
    if figure.get_layout_engine() is not None:
        FigureCanvasAgg(figure)
        figure.draw_without_rendering()
        figure.set_layout_engine("none")


def _inline(svg: str, name: str, description: str) -> str:
    """Turn a stand-alone SVG file into an element that shares a document with others: no prolog, ids of its own."""
    svg = svg[svg.index("<svg") :].strip()
    svg = re.sub(r"\s*<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'(\bid="|url\(#|href="#)', rf"\g<1>{name}-", svg)
    svg = re.sub(r"<style[^>]*>\*\{", rf'<style type="text/css">.{name} *{{', svg)
    return svg.replace("<svg ", f'<svg class="chart {name}" role="img" aria-label="{description}" ', 1)
