"""Charts: drawn once, kept as vector graphics for the documents and as PNG for everything else."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from curation.reporting.compute.maps import MapPoints
from curation.reporting.compute.names import visible
from curation.reporting.contents.embeddings import Training
from curation.reporting.contents.report import Datapool, ExamplePair, Report
from curation.reporting.contents.sources import LabelCounts
from curation.reporting.draw.chart import (
    HALF_WIDTH,
    INK,
    LEFT,
    NEW,
    OLD,
    Chart,
    chart_of,
    chart_style,
    percent,
    png_of,
    put_title,
)
from curation.reporting.draw.distance_charts import budget_chart, distance_charts, pick_chart
from curation.reporting.draw.map_charts import map_charts
from curation.reporting.draw.pictures import in_a_row
from curation.reporting.draw.typefaces import FONT_FILES, in_own_fonts

_LABELS, _LABEL_LENGTH = 30, 32


def draw_charts(report: Report, points: MapPoints) -> dict[str, Chart]:
    """Draw all charts that the report has figures for, by name."""
    with chart_style():
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


def loss_chart(training: Training) -> Chart:
    """Draw the training loss by step."""
    figure = Figure(figsize=(HALF_WIDTH, 2.1), layout="constrained")
    axes = figure.add_subplot()
    points = [(point.step, point.loss) for point in training.loss_curve if point.loss is not None]
    if points:
        steps, losses = zip(*points, strict=True)
        axes.plot(steps, losses, color=INK, linewidth=1.2, marker="o" if len(points) < 3 else None, markersize=3)
    put_title(figure, "Training loss")
    axes.set_xlabel("Step")
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    axes.yaxis.set_major_locator(MaxNLocator(4))
    return chart_of("loss", "Training loss by step", figure)


def label_charts(labels: Sequence[LabelCounts], chart_name: str, kind: str) -> list[Chart]:
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
        axes.xaxis.set_major_formatter(FuncFormatter(percent))
        axes.xaxis.set_major_locator(MaxNLocator(4))
        axes.set_xlabel(f"Share of the {totals[title]:,} {title.lower()}")
        rest = f", the {len(shown)} most frequent of {len(labels)}" if len(shown) < len(labels) else ""
        put_title(figure, f"{title} by {kind}{rest}")
        charts.append(Chart(name, f"{title} by {kind}", "", png_of(figure)))
    return charts


def _label_text(name: str) -> str:
    """Return a weak label as it stands on an axis: one line, not too long, in characters that the fonts have."""
    text = in_own_fonts(visible(name)) or "(top level)"
    return text if len(text) <= _LABEL_LENGTH else f"{text[: _LABEL_LENGTH - 1]}…"


def decision_pictures(pairs: Sequence[ExamplePair], pictures: Mapping[str, str]) -> list[bytes]:
    """Return a PNG file for each retained sample beside the nearest removed one, whose pictures are at hand.

    Args:
        pairs: in the order of the report.
        pictures: `data:` URIs by filename.
    """
    return [
        in_a_row(
            [pictures.get(pair.retained, ""), pictures.get(pair.removed, "")],
            ["retained", f"removed, distance {pair.distance:.3f}"],
            [NEW, LEFT],
            FONT_FILES[400],
        )
        for pair in pairs
    ]


def growth_chart(datapool: Datapool) -> Chart:
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
    put_title(figure, "Datapool by iteration, samples")
    axes.set_xlabel("Iteration")
    axes.yaxis.set_major_locator(MaxNLocator(4, integer=True))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    return chart_of("datapool_growth", "Samples in the datapool by iteration", figure)
