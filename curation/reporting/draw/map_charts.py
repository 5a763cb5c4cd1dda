"""Maps of the embeddings."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from curation.reporting.compute.maps import NEW as NEW_GROUP
from curation.reporting.compute.maps import NOT_SELECTED, MapPoints, umap_columns
from curation.reporting.compute.maps import OLD as OLD_GROUP
from curation.reporting.contents.report import Report
from curation.reporting.draw.chart import LEFT, NEW, OLD, Chart, png_of, svg_of

PCA, UMAP, NO_OVERLAY = "scatter_pca", "scatter_umap_k_", "_no_overlay"
"""Names of maps; those without overlay leave out the datapool's samples."""

_MAP_WORDS = "Map of the embeddings: old samples grey, new ones blue, others faint"

_SMALL_MAP = 2.2  # inches


def map_charts(report: Report, points: MapPoints) -> list[Chart]:
    """Draw every map with the datapool and without it; the UMAPs small for the documents, where they stand in a row."""
    charts = []
    for name, title, columns in maps_of(report):
        for without_old in (False, True):
            key = f"{name}{NO_OVERLAY}" if without_old else name
            png = png_of(_map_figure(report, points.table, columns, without_old=without_old))
            if name == PCA:
                svg = "" if without_old else svg_of(_map_figure(report, points.table, columns), key, _MAP_WORDS)
            elif without_old and not report.map.old:
                svg = ""
            else:
                small = _map_figure(report, points.table, columns, without_old=without_old, side=_SMALL_MAP)
                svg = svg_of(small, key, f"{title}. {_MAP_WORDS}")
            charts.append(Chart(key, _MAP_WORDS, svg, png))
    return charts


def maps_of(report: Report) -> list[tuple[str, str, tuple[str, str]]]:
    """Return name, title and columns of each map."""
    sizes = report.map.umap_neighbours
    return [
        (PCA, "Principal components", ("x", "y")),
        *((f"{UMAP}{size}", f"UMAP, {size} neighbours", umap_columns(size)) for size in sizes),
    ]


def _map_figure(
    report: Report,
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
