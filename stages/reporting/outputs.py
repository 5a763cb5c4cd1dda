"""Everything below `reports/`, written from the figures, charts and documents."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from stages.files.atomic import atomic_folder, write_bytes, write_json, write_text
from stages.media.schema import CORRUPT, DROPPED_STATUSES, IGNORED, VIDEO
from stages.reporting import schema
from stages.reporting.maps import MapPoints

if TYPE_CHECKING:
    from stages.reporting.plots import Chart

PDF, HTML, EXPLORER, JSON, JSON_SCHEMA, METRICS = (
    "report.pdf",
    "report.html",
    "explorer.html",
    "report.json",
    "report.schema.json",
    "metrics.json",
)
PLOTS, FILENAMES, CORRUPTNESS = "plots", "filenames", "corruptness_check_information.json"


def write_documents(folder: Path, pdf: bytes, html: str, explorer: str) -> None:
    """Write the PDF and the pages."""
    write_bytes(folder / PDF, pdf)
    write_text(folder / HTML, html)
    write_text(folder / EXPLORER, explorer)


def write_figures(folder: Path, report: schema.Report) -> None:
    """Write all figures as JSON with its schema, and those worth comparing between experiments as flat metrics."""
    write_json(folder / JSON, report.model_dump(mode="json"))
    write_json(folder / JSON_SCHEMA, json_schema())
    write_json(folder / METRICS, metrics(report))


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema of `report.json`."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **schema.Report.model_json_schema(mode="serialization"),
    }


def metrics(report: schema.Report) -> dict[str, int | float | None]:
    """Return the figures by which experiments are compared; distances have four decimals."""
    selection, samples = report.selection, report.cleaning.samples
    distance = selection.distance_to_datapool
    return {
        "iteration": report.iteration,
        "samples": samples.seen,
        "corrupt": samples.corrupt,
        "duplicate": samples.duplicate,
        "near_duplicate": samples.near_duplicate,
        "low_quality": samples.low_quality,
        "candidates": selection.candidates,
        "selected": selection.selected,
        "datapool_size": report.datapool.size_after,
        "coverage_radius": _rounded(selection.coverage_radius_after),
        "mean_candidate_distance": _rounded(selection.candidate_distance_after),
        "mean_distance_to_datapool": _rounded(distance.mean if distance else None),
        "min_pairwise_distance": _rounded(selection.smallest_distance),
    }


def write_plots(folder: Path, report: schema.Report, charts: "Mapping[str, Chart]", points: MapPoints) -> None:
    """Write the charts as PNG and their data as CSV, for `dvc plots`."""
    with atomic_folder(folder / PLOTS) as plots:
        for chart in charts.values():
            (plots / f"{chart.name}.png").write_bytes(chart.png)
        tables = {
            "pairwise_distances": histogram_table(report.distances.pairwise),
            "nearest_distances": histogram_table(report.distances.nearest),
            "datapool_growth": pd.DataFrame(
                [
                    {"iteration": row.iteration, "datapool_size": row.size_after, "selected": row.selected}
                    for row in report.datapool.iterations
                ],
                columns=["iteration", "datapool_size", "selected"],
            ),
            "pick_distance": pd.DataFrame(
                [(pick.rank + 1, pick.distance) for pick in report.selection.pick_distances],
                columns=["selected", "distance"],
            ),
            "map": points.table[["x", "y", "group", "filename"]],
        }
        for name, table in tables.items():
            table.to_csv(plots / f"{name}.csv", index=False, lineterminator="\n")


def histogram_table(family: schema.HistogramFamily) -> pd.DataFrame:
    """Return one row a bin: its centre, and the share of each set's distances that fall into it."""
    edges = np.array(family.bin_edges)
    columns: dict[str, object] = {"distance": np.round((edges[:-1] + edges[1:]) / 2, 6)}
    for name in ("candidates", "selected", "datapool_before", "datapool_after"):
        histogram: schema.Histogram = getattr(family, name)
        columns[name] = histogram.shares or np.zeros(len(edges) - 1)
    return pd.DataFrame(columns)


def write_filenames(
    folder: Path, files: pd.DataFrame, dropped: pd.DataFrame, candidates: pd.DataFrame, selection: pd.DataFrame
) -> None:
    """Write lists of names, one a line and sorted; sampled ones in order of selection.

    Args:
        folder: of the report.
        files: columns of `stages.media.schema.FILES`.
        dropped: columns of `stages.media.schema.DROPPED`.
        candidates: columns of `stages.selection.schema.CANDIDATES`.
        selection: columns of `stages.selection.schema.SELECTION`.
    """
    removed = candidates.loc[~candidates["selected"].astype(bool), "filename"]
    lists: dict[str, Iterable[str]] = {
        **{status: sorted(dropped.loc[dropped["status"] == status, "filename"]) for status in DROPPED_STATUSES},
        "ignored": sorted(files.loc[files["status"] == IGNORED, "path"]),
        "removed": sorted(removed),
        "sampled": selection["filename"],
    }
    with atomic_folder(folder / FILENAMES) as target:
        for name, filenames in lists.items():
            text = "".join(f"{filename}\n" for filename in filenames)
            (target / f"{name}_filenames.txt").write_text(text, encoding="utf-8", newline="\n")


def write_corruptness(folder: Path, dropped: pd.DataFrame, files: pd.DataFrame) -> None:
    """Write why each corrupt sample, and each video that is corrupt as a whole, was dropped."""
    corrupt = dropped[dropped["status"] == CORRUPT]
    videos = set(files.loc[files["media"] == VIDEO, "path"])
    whole_video = corrupt["filename"].isin(videos)
    reasons = {
        "corrupt_samples": dict(zip(corrupt["filename"][~whole_video], corrupt["reason"][~whole_video], strict=True)),
        "corrupt_videos": dict(zip(corrupt["filename"][whole_video], corrupt["reason"][whole_video], strict=True)),
    }
    write_json(folder / CORRUPTNESS, reasons)


def canonical_json(content: object) -> str:
    """Return JSON that is equal for equal content."""
    return json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
