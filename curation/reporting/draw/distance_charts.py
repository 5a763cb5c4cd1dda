"""Charts of distances: between samples, of each pick, and by the number of samples."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from curation.reporting.contents.embeddings import Distances, Histogram, HistogramFamily
from curation.reporting.contents.report import Report
from curation.reporting.contents.selection import Selection
from curation.reporting.draw.chart import (
    AFTER,
    BEFORE,
    FULL_WIDTH,
    HALF_WIDTH,
    LEFT,
    MUTED,
    NEW,
    OLD,
    Chart,
    chart_of,
    nice_top,
    percent,
    put_title,
    say,
)


def distance_charts(report: Report) -> list[Chart]:
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
    name: str, families: Distances, series: Sequence[tuple[str, str, Literal["before", "after"]]]
) -> Chart:
    """Draw pairwise and nearest-neighbour distances side by side; every chart of a report has the same axes."""
    figure = Figure(figsize=(FULL_WIDTH, 2.15), layout="constrained")
    panels = [("Pairwise distance", families.pairwise), ("Distance to the nearest other sample", families.nearest)]
    for axes, (title, family) in zip(figure.subplots(1, 2), panels, strict=True):
        edges = np.array(family.bin_edges)
        for attribute, label, role in series:
            histogram: Histogram = getattr(family, attribute)
            if histogram.shares:
                _draw_histogram(axes, edges, histogram, label, role)
        axes.set_title(title)
        axes.set_xlim(edges[0], edges[-1])
        axes.set_ylim(0, 1.08 * _highest(family))
        axes.yaxis.set_major_formatter(FuncFormatter(percent))
        axes.yaxis.set_major_locator(MaxNLocator(4))
        axes.set_xlabel("Euclidean distance between unit-length embeddings")
        if axes.get_legend_handles_labels()[0]:
            axes.legend(loc="best", handlelength=1.0, handleheight=0.8, borderpad=0.2)
        else:
            say(axes, "Fewer than two samples")
    return chart_of(name, "Histograms of the distances between samples", figure)


def _draw_histogram(
    axes: Axes, edges: np.ndarray, histogram: Histogram, label: str, role: Literal["before", "after"]
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


def _highest(family: HistogramFamily) -> float:
    """Return the largest share of any histogram of a family."""
    histograms = (family.candidates, family.selected, family.datapool_before, family.datapool_after)
    return max((max(histogram.shares, default=0.0) for histogram in histograms), default=0.0) or 1.0


def pick_chart(selection: Selection) -> Chart:
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
        say(axes, "One sample, and none before it")
    if selection.min_distance is not None:
        axes.axhline(selection.min_distance, color=MUTED, linewidth=0.9, linestyle=(0, (3, 2)))
        axes.annotate(
            "min_distance", (1, selection.min_distance), xycoords=("axes fraction", "data"), ha="right",
            xytext=(0, 2), textcoords="offset points", color=MUTED, fontsize=7,
        )  # fmt: skip
    put_title(figure, "Distance of each pick to all selected before it")
    axes.set_xlabel("Samples selected")
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    axes.yaxis.set_major_locator(MaxNLocator(4))
    return chart_of("pick_distance", "Distance of each pick to the samples selected before it", figure)


def budget_chart(selection: Selection) -> Chart:
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
        say(axes, "No sample selected")
    if chosen and chosen.knee and at_knee and at_knee[0] is not None:
        axes.plot([chosen.knee], [at_knee[0]], marker="o", markersize=5, color="white", markeredgecolor=NEW)
        axes.annotate(
            f"knee: {chosen.knee:,}", (chosen.knee, at_knee[0]), xytext=(0, -11), textcoords="offset points",
            ha="center", fontsize=7, color=MUTED,
        )  # fmt: skip
    put_title(figure, "Coverage radius by number of samples")
    axes.set_xlabel("Samples selected")
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    axes.yaxis.set_major_locator(MaxNLocator(4))
    return chart_of("budget_curve", "Coverage radius by number of samples, beside coreset and random selection", figure)
