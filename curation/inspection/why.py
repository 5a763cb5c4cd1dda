"""The reason why a sample is in the datapool, or is not, from the record of the iteration that decided it."""

import re
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from pathlib import PurePosixPath
from typing import Any

import numpy as np
import pandas as pd

from curation.core.errors import BaseError
from curation.history import git
from curation.inspection.recorded import commits_of_iterations, recorded_iterations
from curation.inspection.revision import Revision
from curation.params.schema import Params
from curation.tables.datapool import COMBINED
from curation.tables.samples import COUNTS, KEPT

Answer = dict[str, Any]
"""All that is known, by name; `status` says which of `STATUSES` it is. Only numbers, texts, None, and lists and
dictionaries of them."""

STATUSES = ("selected", "not selected", "dropped", "left out", "raw file", "removed")

_FRAME = re.compile(r"(?P<stem>.+)-(?P<frame>\d+)-(?P<extension>[^-./]+)\.png")
"""The name of a frame: see `curation.raw.naming.sample_name`."""


def why(start: Revision, name: str) -> Answer:
    """Say what became of a sample or a raw file.

    Args:
        start: the revision to ask; what earlier iterations decided is read from their own records.
        name: a sample's filename, or a raw file's path below data/raw.

    Raises:
        BaseError: no iteration has heard of it.
    """
    samples = start.samples
    if name in set(samples["filename"]):
        row = samples[samples["filename"] == name].iloc[0]
        return _selected(start, row)
    removed = start.removed
    if name in set(removed["filename"]) | set(removed.loc[removed["content_hash"] != "", "raw_path"]):
        return _removed(start, name)
    known: set[str] = set(samples["filename"])
    for recorded in recorded_iterations(start):
        found = _decided_here(recorded, start, name)
        if found is not None:
            return found
        known |= {*recorded.candidates["filename"], *recorded.dropped["filename"], *recorded.files["path"]}
    start_name = "the workspace" if start.commit is None else start.name
    missing = git.missing_history()
    raise BaseError(
        f"{name!r} is neither a sample nor a raw file that {start_name} or an earlier iteration knows"
        f"{_like(name, known)}{f'; {missing}' if missing else ''}"
    )


def _selected(start: Revision, row: "pd.Series[Any]") -> Answer:
    iteration = int(row["iteration"])
    recorded = commits_of_iterations(start)[iteration]
    log = start.iterations[start.iterations["iteration"] == iteration].iloc[0]
    return {
        "filename": row["filename"],
        "status": "selected",
        "iteration": iteration,
        "commit": recorded.commit,
        "rank": int(row["rank"]),
        "distance": _number(row["distance"]),
        "nearest": row["nearest"] or None,
        "raw_file": row["raw_path"],
        "weak_label": row["label_name"] or None,
        "selected_with_it": int(log["selected"]),
        "candidates": int(log["candidates"]),
        "contributions": contributions(recorded, row["filename"]),
        "parameters": chosen_parameters(recorded.params),
        "checkpoint": log["checkpoint_hash"],
    }


def contributions(recorded: Revision, name: str) -> list[Answer]:
    """Say how good each strategy found a sample, when it was picked."""
    rows = recorded.contributions
    found = rows.loc[rows["filename"] == name, ["strategy", "type", "input", "value"]].to_dict("records")
    return [{str(key): value for key, value in one.items()} | {"value": _number(one["value"])} for one in found]


def _removed(start: Revision, name: str) -> Answer:
    """Say that a sample was taken out for good, and which revision did it first."""
    since = start
    for recorded in recorded_iterations(start):
        names = recorded.removed[["filename", "raw_path"]]
        if not (names == name).to_numpy().any():
            break
        since = recorded
    rows = start.removed[(start.removed["filename"] == name) | (start.removed["raw_path"] == name)]
    return {
        "filename": name,
        "status": "removed",
        "iteration": _last_iteration(since),
        "commit": since.commit,
        "reason": rows.iloc[0]["reason"] or None,
        "samples": len(rows),
        "raw_file": rows.iloc[0]["raw_path"],
    }


def _decided_here(recorded: Revision, start: Revision, name: str) -> Answer | None:
    """Look for a name in what one iteration recorded."""
    where = {"iteration": _last_iteration(recorded), "commit": recorded.commit}
    candidates, dropped, files = recorded.candidates, recorded.dropped, recorded.files
    rows = candidates[(candidates["filename"] == name) & ~candidates["selected"]]
    if len(rows):
        return {
            "filename": name,
            "status": "not selected",
            **where,
            **_covering(rows.iloc[0]),
            "parameters": chosen_parameters(recorded.params),
        }
    rows = dropped[dropped["filename"] == name]
    if len(rows):
        row = rows.iloc[0]
        return {
            "filename": name,
            "status": "dropped",
            **where,
            "dropped_as": row["status"],
            "reason": row["reason"] or None,
            "duplicate_of": row["duplicate_of"] or None,
            "raw_file": row["raw_path"],
        }
    rows = files[(files["path"] == name) & (files["status"] != "processed")]
    if len(rows):
        return {"filename": name, "status": "raw file", **where, **_raw_file(rows.iloc[0], start)}
    frame = _frame_left_out(name, files)
    return None if frame is None else {"filename": name, "status": "left out", **where, **frame}


def _covering(row: "pd.Series[Any]") -> Answer:
    """Say which selected sample stands for a candidate."""
    return {
        "covered_by": row["covered_by"] or None,
        "distance": _number(row["distance"]),
        "nearest_in_base": row["nearest_in_base"] or None,
        "distance_to_base": _number(row["distance_to_base"]),
    }


def _raw_file(row: "pd.Series[Any]", start: Revision) -> Answer:
    """Say what became of a raw file as a whole."""
    return {
        "became": row["status"],
        "reason": row["reason"] or None,
        "duplicate_of": row["duplicate_of"] or None,
        "samples": int(row["samples"]),
        "counts": {count: int(row[count]) for count in COUNTS if int(row[count])},
        "selected": int((start.samples["raw_path"] == row["path"]).sum()),
    }


def _frame_left_out(name: str, files: pd.DataFrame) -> Answer | None:
    """Recognise a frame of a known video that is no sample."""
    match = _FRAME.fullmatch(name)
    if match is None:
        return None
    path = f"{match['stem']}.{match['extension']}"
    rows = files[(files["path"] == path) & (files["status"] != "processed")]
    if not len(rows):
        return None
    row = rows.iloc[0]
    return {
        "raw_file": path,
        "frame": int(match["frame"]),
        "samples": int(row["samples"]),
        "counts": {count: int(row[count]) for count in COUNTS if int(row[count])},
        "reason": row["reason"] or None,
    }


def chosen_parameters(params: dict[str, Any]) -> dict[str, Any]:
    """Return the parameters of the selection, and all others that differ from the template's."""
    defaults = _flat(Params().model_dump(mode="json"))
    return {
        key: value
        for key, value in _flat(params).items()
        if not key.startswith("report.") and (key.startswith("select.") or defaults.get(key) != value)
    }


def _flat(params: dict[str, Any]) -> dict[str, Any]:
    return {f"{section}.{key}": value for section, values in params.items() for key, value in values.items()}


def sentences(answer: Answer) -> list[str]:
    """Put an answer into words."""
    raw_path = answer["filename"] if answer["status"] == "raw file" else answer.get("raw_file")
    moved = [f"{raw_path} has moved: it is data/raw/{answer['moved_to']} now."] if answer.get("moved_to") else []
    return _sentences(answer) + moved


def _sentences(answer: Answer) -> list[str]:
    iteration = f"iteration {answer['iteration']}"
    iteration += f" (commit {answer['commit'][:12]})" if answer["commit"] else " (not committed yet)"
    name = answer["filename"]
    if answer["status"] == "selected":
        return _why_selected(answer, name, iteration)
    if answer["status"] == "not selected":
        lines = [f"{name} was a candidate of {iteration}, and was not selected."]
        if answer["covered_by"]:
            lines.append(f"{answer['covered_by']} stands for it, at a distance of {answer['distance']:.4f}.")
        if answer["nearest_in_base"]:
            lines.append(
                f"In the datapool before, {answer['nearest_in_base']} was nearest, at {answer['distance_to_base']:.4f}."
            )
        return lines + _parameters(answer)
    reason = f": {answer['reason']}" if answer.get("reason") else ""
    twin = f"; {answer['duplicate_of']} stays in its place" if answer.get("duplicate_of") else ""
    if answer["status"] == "removed":
        return [f"{name} was taken out of the datapool for good in {iteration}{reason}."]
    if answer["status"] == "dropped":
        return [f"{name} was dropped by clean in {iteration} as {_words(answer['dropped_as'])}{reason}{twin}."]
    counts = ", ".join(f"{_words(kind)}: {number}" for kind, number in answer["counts"].items()) or "none"
    if answer["status"] == "left out":
        return [
            f"{name} is no sample: {answer['raw_file']} was read in {iteration}{reason}.",
            f"Its {answer['samples']} frames: {counts}.",
            "Skipped frames were left out by ingest.fps or ingest.max_frames_per_video.",
        ]
    if answer["became"] != KEPT:
        return [f"{name} is a raw file that {iteration} found; it is {_words(answer['became'])}{reason}{twin}."]
    return [
        f"{name} is a raw file that {iteration} processed{reason}.",
        f"Its {answer['samples']} samples: {counts}; {answer['selected']} of them are in the datapool.",
    ]


def _why_selected(answer: Answer, name: str, iteration: str) -> list[str]:
    """Put into words why a sample is in the datapool."""
    checkpoint = f"Checkpoint (SHA-256): {answer['checkpoint']}"
    if answer["raw_file"].startswith(COMBINED):
        return [
            f"{name} was selected elsewhere, and {answer['raw_file']} in {iteration}: its embedding is here, but "
            "neither its picture nor how it was selected.",
            checkpoint,
        ]
    if answer["nearest"]:
        before = f"The nearest sample selected before it was {answer['nearest']}, at {answer['distance']:.4f}."
    else:
        before = "It was the first sample of the datapool."
    return [
        f"{name} was selected in {iteration}, as number {answer['rank'] + 1} of {answer['selected_with_it']}, "
        f"out of {answer['candidates']} candidates.",
        before,
        f"It comes from {answer['raw_file']}.",
        *_strategies(answer.get("contributions", [])),
        *_parameters(answer),
        checkpoint,
    ]


def _strategies(contributions: Sequence[Answer]) -> list[str]:
    """Put into words how good each strategy found a sample."""
    found = ", ".join(f"{one['strategy']} {one['type']} ({one['input']}) {one['value']:.4f}" for one in contributions)
    return [f"Strategies, with their values when it was picked (0 to 1, before strength): {found}."] if found else []


def _parameters(answer: Answer) -> list[str]:
    return ["Parameters: " + ", ".join(f"{key}={value}" for key, value in answer["parameters"].items())]


def _words(status: str) -> str:
    return status.replace("_", " ")


def _last_iteration(recorded: Revision) -> int:
    numbers: Sequence[int] = list(recorded.iterations["iteration"])
    return int(max(numbers, default=0))


def _number(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def _like(name: str, known: Iterable[str]) -> str:
    """Name up to three that were perhaps meant."""
    names = sorted(known)
    ending = [other for other in names if PurePosixPath(other).name == PurePosixPath(name).name][:3]
    close = ending or get_close_matches(name, names, 3)
    return f". Did you mean {' or '.join(map(repr, close))}?" if close else ""
