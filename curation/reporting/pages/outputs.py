"""Everything below `reports/`, written from the figures, charts and documents."""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from curation.core.atomic import atomic_folder, write_bytes, write_json, write_text
from curation.datapool.store import write_embeddings_csv
from curation.reporting.compute.maps import MapPoints
from curation.reporting.compute.sets import Sets
from curation.reporting.contents.embeddings import Histogram, HistogramFamily
from curation.reporting.contents.report import Report
from curation.reporting.inputs import ReportInputs
from curation.tables.samples import CORRUPT, DROPPED_STATUSES, IGNORED, UNREACHABLE, VIDEO

if TYPE_CHECKING:
    from curation.reporting.draw.chart import Chart

PDF, HTML, EXPLORER, JSON, JSON_SCHEMA, METRICS = (
    "report.pdf",
    "report.html",
    "explorer.html",
    "report.json",
    "report.schema.json",
    "metrics.json",
)
PLOTS, FILENAMES, CORRUPTNESS = "plots", "filenames", "corruptness_check_information.json"
EMBEDDINGS, NEW_FILENAMES = "embeddings", "sampled_filenames_excluding_datapool.txt"

_ABOUT_EMBEDDINGS = """\
Embeddings as CSV files, in the format that the package lightly reads: filenames, embedding_0 and so on, labels.

embeddings.csv                            candidates of the iteration and the datapool before it
selected_embeddings.csv                   the samples selected in the iteration
selected_embeddings_including_datapool.csv   the datapool after it

They are written where report.dump_embeddings is true in params.yaml.
"""


def write_documents(folder: Path, pdf: bytes, html: str, explorer: str) -> None:
    """Write the PDF and the pages."""
    write_bytes(folder / PDF, pdf)
    write_text(folder / HTML, html)
    write_text(folder / EXPLORER, explorer)


def write_figures(folder: Path, report: Report) -> None:
    """Write all figures as JSON with its schema, and those worth comparing between experiments as flat metrics."""
    write_json(folder / JSON, report.model_dump(mode="json"))
    write_json(folder / JSON_SCHEMA, json_schema())
    write_json(folder / METRICS, metrics(report))


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema of `report.json`."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **Report.model_json_schema(mode="serialization"),
    }


def metrics(report: Report) -> dict[str, int | float | None]:
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


def write_plots(
    folder: Path,
    report: Report,
    charts: "Mapping[str, Chart]",
    points: MapPoints,
    decisions: Sequence[bytes] = (),
) -> None:
    """Write the charts as PNG and their data as CSV, for `dvc plots`; and pairs of retained and removed samples.

    Args:
        folder: of the report.
        report: all figures.
        charts: by name.
        points: of the maps.
        decisions: PNG files, each of a retained sample beside the nearest removed one.
    """
    with atomic_folder(folder / PLOTS) as plots:
        for chart in charts.values():
            (plots / f"{chart.name}.png").write_bytes(chart.png)
        for number, decision in enumerate(decisions):
            (plots / f"filter_decision_{number}.png").write_bytes(decision)
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
            "map": points.table[[*(column for column in points.table if column != "filename"), "filename"]],
        }
        for name, table in tables.items():
            table.to_csv(plots / f"{name}.csv", index=False, lineterminator="\n")


def histogram_table(family: HistogramFamily) -> pd.DataFrame:
    """Return one row a bin: its centre, and the share of each set's distances that fall into it."""
    edges = np.array(family.bin_edges)
    columns: dict[str, object] = {"distance": np.round((edges[:-1] + edges[1:]) / 2, 6)}
    for name in ("candidates", "selected", "datapool_before", "datapool_after"):
        histogram: Histogram = getattr(family, name)
        columns[name] = histogram.shares or np.zeros(len(edges) - 1)
    return pd.DataFrame(columns)


def write_filenames(folder: Path, inputs: ReportInputs) -> None:
    """Write lists of names, one a line and sorted; sampled ones in order of selection."""
    files, dropped, candidates, selection = inputs.files, inputs.dropped, inputs.candidates, inputs.selection
    removed = candidates.loc[~candidates["selected"].astype(bool), "filename"]
    lists: dict[str, Iterable[str]] = {
        **{status: sorted(dropped.loc[dropped["status"] == status, "filename"]) for status in DROPPED_STATUSES},
        **{status: sorted(files.loc[files["status"] == status, "path"]) for status in (IGNORED, UNREACHABLE)},
        "masked": sorted(inputs.masked),
        "removed": sorted(removed),
        "sampled": selection["filename"],
    }
    with atomic_folder(folder / FILENAMES) as target:
        for name, filenames in lists.items():
            text = "".join(f"{filename}\n" for filename in filenames)
            (target / f"{name}_filenames.txt").write_text(text, encoding="utf-8", newline="\n")
    # The same list under the name by which it is known from other tools.
    write_text(folder / NEW_FILENAMES, "".join(f"{filename}\n" for filename in selection["filename"]))


def write_embeddings(folder: Path, sets: Sets | None) -> None:
    """Write the embeddings of candidates, datapool and selection, if there are sets; always say what is there."""
    with atomic_folder(folder / EMBEDDINGS) as target:
        (target / "README.txt").write_text(_ABOUT_EMBEDDINGS, encoding="utf-8", newline="\n")
        if sets is not None:
            old, new = sets.old, sets.candidates[sets.is_selected]
            parts = {
                "embeddings": (
                    [sets.candidates, old],
                    np.concatenate([sets.candidate_embeddings, sets.old_embeddings]),
                ),
                "selected_embeddings": ([new], sets.selected_embeddings),
                "selected_embeddings_including_datapool": ([old, new], sets.new_embeddings),
            }
            for name, (tables, embeddings) in parts.items():
                names = pd.concat([table["filename"] for table in tables])
                labels = pd.concat([table["label"] for table in tables])
                write_embeddings_csv(target / f"{name}.csv", names, embeddings, labels)


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
