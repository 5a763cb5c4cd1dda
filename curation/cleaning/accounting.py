"""The fate of every raw file and sample: pure functions on tables. Nothing is left out, nothing counts twice."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, cast

import numpy as np
import pandas as pd

from curation.cleaning.decode_file import DecodedFile
from curation.cleaning.judging import shortlex_keys
from curation.raw.moves import paired
from curation.tables.files import empty_frame
from curation.tables.membership import are_together, is_among
from curation.tables.samples import (
    COMING_AGAIN,
    CORRUPT,
    COUNTS,
    DROPPED,
    DROPPED_STATUSES,
    DUPLICATE,
    FILES,
    IGNORED,
    KEPT,
    LOW_QUALITY,
    NEAR_DUPLICATE,
    OBJECT_COLUMNS,
    OVER_LIMIT,
    PROCESSED,
    SKIPPED,
    TAKEN_IN,
    UNREACHABLE,
    UNSUPPORTED,
)

_IS_WHAT = {
    CORRUPT: "corrupt",
    OVER_LIMIT: "over a limit",
    UNSUPPORTED: "unsupported",
    UNREACHABLE: "unreachable",
    LOW_QUALITY: "of low quality",
    NEAR_DUPLICATE: "a near duplicate",
}
"""The reason that is given for a dropped file to which another is equal."""

_NOTHING: Mapping[str, Any] = {
    "duplicate_of": "",
    "samples": 0,
    **dict.fromkeys(COUNTS, 0),
    "value_kind": "",
    "value_low": np.nan,
    "value_high": np.nan,
}
"""What is known of a file that is not decoded."""

_OF_SOURCE = ("size", *OBJECT_COLUMNS)
"""Columns that tables of raw files and accounts of them share."""

_PAIR = ("path", "content_hash")

NEW = ""
"""Status of a raw file that is to be decoded, until it is known what becomes of it."""


def named(items: Iterable[str], limit: int = 10) -> str:
    """Return the first few items in one line, and how many more there are."""
    everything = list(items)
    more = f" and {len(everything) - limit} more" if len(everything) > limit else ""
    return ", ".join(everything[:limit]) + more


def planned(raw: pd.DataFrame, ledger: pd.DataFrame) -> pd.DataFrame:
    """Decide from names and content hashes what is to be decoded.

    Args:
        raw: columns of `RAW_FILES`, sorted by path.
        ledger: of the base.

    Returns:
        A row for each raw file with the columns of `FILES`. Status `NEW` stands for: to be decoded. For a copy of a
        file that is still to be decoded, `duplicate_of` names that file, and status and counts follow later. A file
        that the base has processed at another place, where it no longer is, has moved: it is processed. An object
        whose content is unknown is no copy, as far as that goes.
    """
    is_known = are_together(raw, ledger, _PAIR) & (raw["media"] != IGNORED)
    others = raw[~is_known]  # few, as a rule: what follows looks at each row
    alike = ledger[is_among(ledger["content_hash"], others["content_hash"])]
    known_contents = {
        (str(row.content_hash), str(row.media)): row
        for row in alike.sort_values(["iteration", "path"], ascending=False, kind="stable").itertuples()
    }
    moved = _moved(raw, ledger, known_contents)
    first_of_run: dict[tuple[str, str], str] = {}
    rows: list[dict[str, Any]] = []
    for file in others.sort_values("path", key=shortlex_keys, kind="stable").itertuples():
        path, content = str(file.path), (str(file.content_hash), str(file.media))
        row: dict[str, Any] = {
            "path": path,
            "content_hash": content[0],
            "media": content[1],
            "declared_frames": file.frames,
            **{name: getattr(file, name) for name in _OF_SOURCE},
        }
        row |= {"status": NEW, "reason": "", **_NOTHING}
        if file.media == IGNORED:
            row |= {"status": IGNORED, "reason": file.reason}
        elif path in moved:
            reason = f"processed in an earlier iteration, as {moved[path]}"
            row |= {"status": PROCESSED, "reason": reason, "duplicate_of": moved[path]}
        elif content in known_contents:
            original = known_contents[content]
            counts = {name: int(getattr(original, name)) for name in (CORRUPT, SKIPPED)}
            row |= _copy_of(str(original.path), str(original.status), "", int(str(original.frames)), counts)
        elif content[0]:
            first = first_of_run.setdefault(content, path)
            row["duplicate_of"] = "" if first == path else first
        rows.append(row)
    processed = raw[is_known].rename(columns={"frames": "declared_frames"})
    processed = processed.assign(status=PROCESSED, reason="processed in an earlier iteration", **_NOTHING)
    parts = [part[FILES.names] for part in (processed, _typed(rows)) if len(part)]
    table: pd.DataFrame = pd.concat(parts) if parts else empty_frame(FILES)
    return table.sort_values("path", kind="stable", ignore_index=True)


def accounted(
    plan: pd.DataFrame, decoded: Sequence[DecodedFile], samples: pd.DataFrame, base: pd.DataFrame
) -> pd.DataFrame:
    """Give every raw file its status and counts.

    Args:
        plan: of `planned`.
        decoded: the new files.
        samples: their samples, of `judged`.
        base: processed samples of the base, `filename` and `raw_path`.

    Returns:
        Columns of `FILES`, one row for each raw file.
    """
    counts = status_counts(samples)
    lost = samples[samples["raw_path"].isin([path for path, of in counts.items() if not of.get(KEPT)])]
    lost_of = dict(iter(lost.groupby("raw_path", sort=False)))
    names = pd.concat([table[["filename", "raw_path"]] for table in (base, samples)])
    standing = names[is_among(names["filename"], lost["duplicate_of"])]
    raw_path_of = dict(zip(standing["filename"], standing["raw_path"], strict=True))
    results = {file.path: _result(file, counts.get(file.path), lost_of.get(file.path), raw_path_of) for file in decoded}
    is_new = plan["status"] == NEW
    rows: list[dict[str, Any]] = []
    for row in cast("list[dict[str, Any]]", plan[is_new].to_dict("records")):
        if not row["duplicate_of"]:
            row |= results[row["path"]]
        else:
            original = results[row["duplicate_of"]]
            number = original.get("samples", 0)
            row |= _copy_of(row["duplicate_of"], original["status"], original["reason"], number, original)
        rows.append(row)
    parts = [part for part in (plan[~is_new], _typed(rows).set_index(plan.index[is_new])) if len(part)]
    return pd.concat(parts).sort_index() if parts else plan


def status_counts(samples: pd.DataFrame) -> dict[str, dict[str, int]]:
    """Return how many samples of each raw file have each status, those that some have."""
    counts: dict[str, dict[str, int]] = {}
    rows = samples.groupby(["raw_path", "status"], sort=False).size().reset_index(name="count")
    for path, status, count in rows.itertuples(index=False, name=None):
        counts.setdefault(str(path), {})[str(status)] = int(count)
    return counts


def dropped_table(files: pd.DataFrame, samples: pd.DataFrame) -> pd.DataFrame:
    """List all that was dropped, with the reason: whole files, then samples of the other files; sorted by filename.

    Args:
        files: columns of `FILES`.
        samples: new samples, of `judged`.
    """
    whole = files[files["status"].isin(DROPPED_STATUSES) & ~files["path"].isin(set(samples["raw_path"]))]
    whole = whole.assign(filename=whole["path"], raw_path=whole["path"], frame=-1, figure=np.nan)
    parts = [part[DROPPED.names] for part in (whole, samples[samples["status"] != KEPT]) if len(part)]
    if not parts:
        return empty_frame(DROPPED)
    dropped: pd.DataFrame = pd.concat(parts, ignore_index=True)
    return dropped.sort_values(["filename", "status"], kind="stable", ignore_index=True)


def require_complete(raw: pd.DataFrame, files: pd.DataFrame, kept: int) -> None:
    """Check that every raw file has exactly one status, and that all counts add up.

    Raises:
        RuntimeError: they do not, which is a defect of this program.
    """
    statuses = {*TAKEN_IN, *COMING_AGAIN, IGNORED, PROCESSED}
    counts = files[list(COUNTS)]
    if (
        files["path"].tolist() != raw["path"].tolist()
        or not files["status"].isin(statuses).all()
        or (files["samples"] != counts.sum(axis=1)).any()
        or (counts < 0).any(axis=None)
        or int(files["kept"].sum()) != kept
        or ((files["status"] == KEPT) != (files["kept"] > 0)).any()
    ):
        raise RuntimeError("the accounts of raw files and samples do not add up: this is a defect of stage clean")


def _moved(raw: pd.DataFrame, ledger: pd.DataFrame, known: Collection[tuple[str, str]]) -> dict[str, str]:
    """Return the path that each moved file was processed under, by its present path."""

    def contents(rows: pd.DataFrame) -> dict[str, tuple[str, str]]:
        return {str(row.path): (str(row.content_hash), str(row.media)) for row in rows.itertuples()}

    gone = contents(ledger[~is_among(ledger["path"], raw["path"])])
    found = contents(raw[(raw["media"] != IGNORED) & ~is_among(raw["path"], ledger["path"])])
    return paired(gone, {path: content for path, content in found.items() if content in known})


def _copy_of(original: str, status: str, reason: str, samples: int, counts: Mapping[str, int]) -> dict[str, Any]:
    """Return status and counts of a file with the bytes of another: dropped as that is, else a duplicate of it.

    Args:
        original: path of the other file.
        status: its status.
        reason: why it is refused.
        samples: in it.
        counts: of its samples: `corrupt` and `skipped` ones.
    """
    status = status if status in _IS_WHAT else DUPLICATE
    words = f", which is {_IS_WHAT[status]}" + (f": {reason}" if reason else "") if status in _IS_WHAT else ""
    row = {"status": status, "reason": f"equal bytes as {original}{words}", "duplicate_of": original}
    if status == UNREACHABLE:
        return row
    skipped = counts.get(SKIPPED, 0)
    corrupt = samples - skipped if status == CORRUPT else counts.get(CORRUPT, 0)
    return row | {"samples": samples, status: samples - corrupt - skipped, CORRUPT: corrupt, SKIPPED: skipped}


def _result(
    file: DecodedFile, of_status: Mapping[str, int] | None, lost: pd.DataFrame | None, raw_path_of: Mapping[str, str]
) -> dict[str, Any]:
    """Return status and counts of a file that was decoded, from the statuses that its samples have.

    `lost` are its samples where none of them is kept; `raw_path_of` has the raw files of those that stand for them.
    """
    if file.is_unreachable:
        return {"status": UNREACHABLE, "reason": file.reason}
    if file.is_corrupt:
        status = UNSUPPORTED if file.is_unsupported else OVER_LIMIT if file.limit else CORRUPT
        refused = len(file.samples) + file.missing
        counts = {"samples": refused + file.skipped, status: refused, SKIPPED: file.skipped}
        return {"status": status, "reason": file.reason, **counts}
    if of_status is None:
        raise RuntimeError(f"{file.path} is sound but has no samples: this is a defect of stage clean")
    counts = {**dict.fromkeys(COUNTS, 0), **of_status}
    counts[CORRUPT] += file.missing
    counts[SKIPPED] += file.skipped
    counts["samples"] = len(file.samples) + file.missing + file.skipped
    if counts[KEPT]:
        return {"status": KEPT, "reason": file.reason, **counts}
    # Nothing stays of it: the file has the status that most of its samples have.
    status = max(DROPPED_STATUSES, key=counts.__getitem__)
    assert lost is not None
    dropped = lost[lost["status"] == status]
    of = {raw_path_of[name] for name in dropped["duplicate_of"] if name}
    reasons = {str(reason) for reason in dropped["reason"]}
    reason = reasons.pop() if len(reasons) == 1 else f"several reasons, such as: {min(reasons)}"
    if len(file.samples) > 1:
        reason = f"none of its {len(file.samples)} frames stays, {counts[status]} for: {reason}"
    if file.reason:
        reason = f"{reason}; {file.reason}"
    origin = of.pop() if len(of) == 1 else ""
    return {"status": status, "reason": reason, "duplicate_of": origin, **counts}


def _typed(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """Return rows as a table with the columns and types of `FILES`."""
    table = pd.DataFrame(rows, columns=FILES.names)
    numbers = ["declared_frames", "samples", *COUNTS, "size"]
    return (
        table.astype(dict.fromkeys(numbers, np.int64) | dict.fromkeys(["value_low", "value_high"], np.float64))
        if rows
        else empty_frame(FILES)
    )
