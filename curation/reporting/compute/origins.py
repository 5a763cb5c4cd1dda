"""Figures of where samples come from: videos, folders, weak labels."""

import numpy as np
import pandas as pd

from curation.reporting.compute.series import thinned
from curation.reporting.compute.sets import Sets
from curation.reporting.compute.sources import source_names
from curation.reporting.contents.sources import Label, LabelledClass, LabelledTask, PredictedClass, Source, Sources
from curation.reporting.inputs import ReportInputs
from curation.tables.membership import is_among
from curation.tables.samples import COMING_AGAIN, KEPT, SKIPPED, TAKEN_IN, VIDEO

LISTED_SOURCES = 1_000

NO_PREDICTION = "(no prediction)"


POSITIONS = 400


def sources_of(inputs: ReportInputs, sets: Sets) -> Sources:
    """Count samples in and samples selected for each video, each folder of images, and each weak label."""
    table, videos = _source_table(inputs, sets)
    listed = table.head(LISTED_SOURCES)
    rest = table.iloc[LISTED_SOURCES:]
    positions = _positions(sets.candidates[sets.is_selected], inputs)
    positions_before = _positions(sets.old, inputs)
    rows = tuple(
        Source(
            name=str(name),
            kind="video" if name in videos else "images",
            positions=positions.get(str(name), ()),
            positions_before=positions_before.get(str(name), ()),
            **{column: int(row[column]) for column in _SOURCE_COUNTS},
        )
        for name, row in listed.iterrows()
    )
    return Sources(
        rows=rows,
        omitted=len(rest),
        omitted_candidates=int(rest["candidates"].sum()),
        omitted_selected=int(rest["selected"].sum()),
        labels=tuple(labels_of(sets, inputs.datapool_samples)),
        predictions=tuple(predictions_of(inputs.predictions, sets, inputs.datapool_samples)),
        labelled=tuple(
            LabelledTask(
                task=task,
                samples=found.samples,
                classes=tuple(LabelledClass(name=name, samples=count) for name, count in found.classes.items()),
            )
            for task, found in inputs.labelled.items()
        ),
    )


def _source_table(inputs: ReportInputs, sets: Sets) -> tuple[pd.DataFrame, set[str]]:
    """Count by source.

    Returns:
        A row for each source with the columns `_SOURCE_COUNTS`, those with most selected samples first, and which
        sources are videos.
    """
    files = inputs.files[inputs.files["status"].isin([*TAKEN_IN, *COMING_AGAIN])]
    by_file = pd.DataFrame(
        {
            "source": source_names(files["path"], files["media"] == VIDEO),
            "video": files["media"] == VIDEO,
            "files": 1,
            "seen": files["samples"],
            "corrupt": files["corrupt"],
            "duplicate": files["duplicate"],
            "dropped": files["samples"] - files[KEPT] - files[SKIPPED],
        }
    )
    counts = by_file.groupby("source").sum()
    candidates = sets.candidates
    is_frame = candidates["time_s"].notna()
    origin = source_names(candidates["raw_path"], is_frame)
    old_origin = source_names(sets.old["raw_path"], sets.old["time_s"].notna())
    names = sorted(set(counts.index) | set(origin))
    table = pd.DataFrame(
        {
            **{column: counts[column].reindex(names, fill_value=0).astype(int) for column in counts.columns},
            "candidates": origin.value_counts().reindex(names, fill_value=0),
            "selected": origin[sets.is_selected].value_counts().reindex(names, fill_value=0),
            "selected_before": old_origin.value_counts().reindex(names, fill_value=0),
        },
        index=pd.Index(names, dtype=object),
    )
    videos = set(by_file.loc[by_file["video"], "source"]) | set(origin[is_frame])
    # A folder that holds candidates of an earlier iteration only had its files counted then.
    earlier = candidates["raw_path"].groupby(origin.to_numpy()).nunique()
    table["files"] = np.maximum(table["files"], earlier.reindex(names, fill_value=0).to_numpy())
    return table.sort_values(["selected", "candidates"], ascending=False, kind="stable"), videos


_SOURCE_COUNTS = ("files", "seen", "corrupt", "duplicate", "dropped", "candidates", "selected", "selected_before")


def _positions(frames: pd.DataFrame, inputs: ReportInputs) -> dict[str, tuple[float, ...]]:
    """Return for each video where its frames lie, from 0 at the start to 1 at the end."""
    frames = frames[frames["time_s"].notna()]
    if frames.empty:
        return {}
    videos = frames["raw_path"].drop_duplicates()
    declared = inputs.files[is_among(inputs.files["path"], videos)].set_index("path")["declared_frames"]
    processed = inputs.processed.loc[is_among(inputs.processed["raw_path"], videos), ["raw_path", "frame"]]
    known = processed.groupby("raw_path")["frame"].max() + 1
    result = {}
    for path, group in frames.groupby("raw_path", sort=True):
        length = max(int(declared.get(path, 0)), int(known.get(path, 1)), int(group["frame"].max()) + 1)
        places = np.sort(group["frame"].to_numpy()) / max(length - 1, 1)
        result[str(path)] = tuple(round(float(places[row]), 4) for row in thinned(len(places), POSITIONS))
    return result


def predictions_of(predictions: "pd.Series[str] | None", sets: Sets, datapool: pd.DataFrame) -> list[PredictedClass]:
    """Count candidates, selected and datapool samples for each predicted class, most candidates first."""
    if predictions is None:
        return []
    names = (sets.candidates["filename"], sets.candidates["filename"][sets.is_selected], datapool["filename"])
    classes = [predictions.reindex(pd.Index(part)).fillna(NO_PREDICTION).value_counts() for part in names]
    known = sorted(
        {name for counts in classes for name in counts.index}, key=lambda name: (-classes[0].get(name, 0), name)
    )
    return [
        PredictedClass(
            name=name,
            candidates=int(classes[0].get(name, 0)),
            selected=int(classes[1].get(name, 0)),
            datapool=int(classes[2].get(name, 0)),
        )
        for name in known
    ]


def labels_of(sets: Sets, datapool: pd.DataFrame) -> list[Label]:
    """Count candidates, selected and datapool samples for each weak label; none where there is but one label."""
    parts = [sets.candidates[["label", "label_name"]], datapool[["label", "label_name"]]]
    known = pd.concat(parts).drop_duplicates().sort_values(["label", "label_name"], ignore_index=True)
    if len(known) < 2:
        return []
    keys = list(zip(known["label"], known["label_name"], strict=True))
    counts = [
        frame.groupby(["label", "label_name"]).size().to_dict()
        for frame in (sets.candidates, sets.candidates[sets.is_selected], datapool)
    ]
    return [
        Label(
            label=int(label),
            name=name,
            candidates=int(counts[0].get((label, name), 0)),
            selected=int(counts[1].get((label, name), 0)),
            datapool=int(counts[2].get((label, name), 0)),
        )
        for label, name in keys
    ]
