"""Figures of what was dropped, and why."""

import re
from typing import get_args

import numpy as np
import pandas as pd

from curation.reporting.contents.cleaning import (
    Cleaning,
    DroppedExample,
    DroppedList,
    DroppedStatus,
    FileCounts,
    NoteCount,
    ReasonCount,
    SampleCounts,
)
from curation.reporting.inputs import ReportInputs
from curation.tables.samples import COMING_AGAIN, COUNTS, IGNORED, KEPT, PROCESSED, TAKEN_IN, UNREACHABLE, VIDEO

LISTED_REASONS = 20
_UNREAD = (UNREACHABLE, IGNORED)
_NUMBER = re.compile(r"(?<![\w.])\d+(?:[.,]\d+)*(?![\w.]*\w)")
"""A number that stands alone, and is no part of a name."""


def cleaning_of(inputs: ReportInputs) -> Cleaning:
    """Count raw files and samples by what became of them."""
    files, dropped = inputs.files, inputs.dropped
    status = files["status"].value_counts()
    decoded = files[files["status"].isin([*TAKEN_IN, *COMING_AGAIN])]
    kept = files[files["status"] == KEPT]
    videos = int((kept["media"] == VIDEO).sum())
    return Cleaning(
        files=FileCounts(
            total=len(files),
            **{name: int(status.get(name, 0)) for name in (*TAKEN_IN, *COMING_AGAIN, IGNORED, PROCESSED)},
            videos=videos,
            images=len(kept) - videos,
        ),
        samples=SampleCounts(
            **{
                name: int(decoded[column].sum())
                for name, column in [("seen", "samples"), *((name, name) for name in COUNTS)]
            }
        ),
        reasons=tuple(reasons_of(dropped, files)),
        notes=tuple(notes_on(kept)),
        dropped=tuple(dropped_lists(dropped, files)),
    )


def reasons_of(dropped: pd.DataFrame, files: pd.DataFrame) -> list[ReasonCount]:
    """Count the reasons for which samples were dropped and files not read, most frequent first."""
    unread = files.loc[files["status"].isin(_UNREAD), ["status", "reason"]]
    both = pd.concat([dropped[["status", "reason"]], unread])
    counts = alike(both).groupby(["status", "reason"], sort=True).size().reset_index(name="count")
    counts = counts.sort_values("count", ascending=False, kind="stable").head(LISTED_REASONS)
    return [
        ReasonCount(status=status, reason=reason, count=int(count))
        for status, reason, count in zip(counts["status"], counts["reason"], counts["count"], strict=True)
    ]


def notes_on(kept: pd.DataFrame) -> list[NoteCount]:
    """Count what there is to say of files that stayed, most frequent first.

    Args:
        kept: columns `path`, `status` and `reason`.
    """
    told = kept.loc[kept["reason"] != "", ["path", "status", "reason"]]
    groups = [(str(note), sorted(group)) for note, group in alike(told).groupby("reason")["path"]]
    groups.sort(key=lambda group: (-len(group[1]), group[0]))
    return [NoteCount(note=note, count=len(paths), example=paths[0]) for note, paths in groups[:LISTED_REASONS]]


def alike(reasons: pd.DataFrame) -> pd.DataFrame:
    """Write reasons that differ in their numbers alone, such as counts of bytes, as one with N for these.

    Args:
        reasons: columns `status` and `reason`.
    """
    pattern = reasons["reason"].str.replace(_NUMBER, "N", regex=True)
    kinds = reasons.assign(pattern=pattern).groupby(["status", "pattern"])["reason"].transform("nunique")
    return reasons.assign(reason=reasons["reason"].where(kinds == 1, pattern))


def dropped_lists(dropped: pd.DataFrame, files: pd.DataFrame) -> list[DroppedList]:
    """List the first names of each kind of reason, those of files that were not read too."""
    unread = files[files["status"].isin(_UNREAD)].assign(raw_path=files["path"], filename=files["path"], figure=np.nan)
    columns = ["filename", "raw_path", "status", "reason", "duplicate_of", "figure"]
    everything = pd.concat([part[columns] for part in (dropped, unread) if len(part)] or [dropped[columns]])
    statuses: tuple[DroppedStatus, ...] = get_args(DroppedStatus)
    counts = everything["status"].value_counts()
    return [
        DroppedList(
            status=status, total=int(counts[status]), examples=dropped_examples(everything, status, LISTED_EXAMPLES)
        )
        for status in statuses
        if status in counts
    ]


def dropped_examples(dropped: pd.DataFrame, status: str, limit: int) -> tuple[DroppedExample, ...]:
    """Return the first dropped samples of a status, one for each raw file before a second of any."""
    rows = dropped[dropped["status"] == status].sort_values("filename", kind="stable", ignore_index=True)
    turn = rows.groupby("raw_path").cumcount()
    rows = rows.loc[turn.sort_values(kind="stable").index].head(limit)
    return tuple(
        DroppedExample(filename=filename, reason=reason, duplicate_of=of, figure=figure)
        for filename, reason, of, figure in zip(
            rows["filename"], rows["reason"], rows["duplicate_of"], rows["figure"], strict=True
        )
    )


LISTED_EXAMPLES = 12
