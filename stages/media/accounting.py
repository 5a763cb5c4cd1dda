"""What becomes of every raw file and sample: pure functions on tables. Nothing is left out, nothing counts twice."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import astuple, fields
from typing import Any, cast

import numpy as np
import pandas as pd

from stages.errors import RawDataError
from stages.files.tables import empty_frame
from stages.media.decoding import DecodedFile
from stages.media.naming import label_name, sample_name, shortlex
from stages.media.quality import Quality
from stages.media.schema import CORRUPT, DROPPED, DUPLICATE, FILES, IGNORED, KEPT, PROCESSED, SAMPLES

NEW = ""
"""Status of a raw file that is to be decoded, until it is known what becomes of it."""

_FIGURES = [field.name for field in fields(Quality) if field.type is float]
_NO_QUALITY = (*[math.nan] * len(_FIGURES), "")


def named(items: Iterable[str], limit: int = 10) -> str:
    """Return the first few items in one line, and how many more there are."""
    everything = list(items)
    more = f" and {len(everything) - limit} more" if len(everything) > limit else ""
    return ", ".join(everything[:limit]) + more


def require_unchanged(raw: pd.DataFrame, ledger: pd.DataFrame) -> None:
    """Make sure that no raw file which the base knows has another content now.

    Args:
        raw: columns of `RAW_FILES`.
        ledger: of the base.

    Raises:
        RawDataError: naming each such file with both hashes.
    """
    known = _contents_of_paths(ledger)
    rows = zip(raw["path"], raw["content_hash"], strict=True)
    changed = [
        f"  {path}: {' or '.join(sorted(known[path]))} before, {content} now"
        for path, content in rows
        if content and path in known and content not in known[path]
    ]
    if changed:
        raise RawDataError(
            f"{len(changed)} raw files have changed under their names, so the datapool's record of them is no longer "
            "true (SHA-256 of the contents):\n"
            + "\n".join(changed)
            + "\nGive the new content a new name, and restore the former file with `dvc checkout data/raw.dvc` or "
            "leave it out; or begin a new datapool with base.datapool: none"
        )


def planned(raw: pd.DataFrame, ledger: pd.DataFrame) -> pd.DataFrame:
    """Decide from names and content hashes what is to be decoded.

    Args:
        raw: columns of `RAW_FILES`, sorted by path.
        ledger: of the base.

    Returns:
        A row for each raw file with the columns of `FILES`. Status `NEW` stands for: to be decoded. For a copy of a
        file that is still to be decoded, `duplicate_of` names that file, and status and counts follow later.
    """
    known_paths = _contents_of_paths(ledger)
    known_contents = {
        (str(row.content_hash), str(row.media)): row
        for row in ledger.sort_values(["iteration", "path"], ascending=False, kind="stable").itertuples()
    }
    first_of_run: dict[tuple[str, str], str] = {}
    rows: list[dict[str, Any]] = []
    for file in raw.sort_values("path", key=_shortlex_keys, kind="stable").itertuples():
        path, content = str(file.path), (str(file.content_hash), str(file.media))
        row: dict[str, Any] = {
            "path": path,
            "content_hash": content[0],
            "media": content[1],
            "declared_frames": file.frames,
        }
        row |= {"status": NEW, "reason": "", "duplicate_of": "", "samples": 0, "kept": 0, "corrupt": 0, "duplicate": 0}
        if file.media == IGNORED:
            row |= {"status": IGNORED, "reason": file.reason}
        elif content[0] in known_paths.get(path, ()):
            row |= {"status": PROCESSED, "reason": "processed in an earlier iteration"}
        elif content in known_contents:
            original = known_contents[content]
            row |= _copy_of(
                str(original.path), str(original.status), "", int(str(original.frames)), int(str(original.corrupt))
            )
        else:
            row["duplicate_of"] = first_of_run.setdefault(content, path)
            if row["duplicate_of"] == path:
                row["duplicate_of"] = ""
        rows.append(row)
    return _typed(rows).sort_values("path", kind="stable", ignore_index=True)


def sample_table(decoded: Sequence[DecodedFile], content_hashes: dict[str, str]) -> pd.DataFrame:
    """Put all that was decoded into one table.

    Args:
        decoded: files, in any order.
        content_hashes: by raw path.

    Returns:
        A row for each sample of the files that are not refused, sorted by filename: the columns of `SAMPLES` but
        `label` and `is_new`, and `fault`. `shard` is the temporary name; `member` is empty where there is no proxy. A
        damaged frame has no figures (NaN) and an empty `pixel_hash` and `perceptual_hash`.
    """
    rows = [
        (
            sample_name(file.path, file.media, sample.frame, len(file.samples)),
            file.path,
            content_hashes[file.path],
            sample.frame,
            sample.time_s,
            sample.width,
            sample.height,
            sample.pixel_hash,
            *(astuple(sample.quality) if sample.quality else _NO_QUALITY),
            label_name(file.path),
            file.shard,
            sample.member,
            sample.fault,
        )
        for file in decoded
        if not file.is_corrupt
        for sample in file.samples
    ]
    columns = [name for name in SAMPLES.names if name not in ("label", "is_new")]
    table = pd.DataFrame(rows, columns=[*columns, "fault"])
    table = table.astype(dict.fromkeys(_FIGURES, np.float32))  # as they are stored, so that limits hold alike
    return table.sort_values("filename", kind="stable", ignore_index=True)


def require_unique_names(samples: pd.DataFrame, base: pd.DataFrame) -> None:
    """Make sure that each sample's name stands for one sample.

    Args:
        samples: new ones, `filename` and `raw_path`.
        base: those of the base.

    Raises:
        RawDataError: naming two raw files that give the same name.
    """
    names = pd.concat([base[["filename", "raw_path"]], samples[["filename", "raw_path"]]], ignore_index=True)
    clashing = names[names["filename"].duplicated(keep=False)]
    if clashing.empty:
        return
    pairs = clashing.groupby("filename", sort=True)["raw_path"].agg(lambda paths: " and ".join(sorted(paths)))
    shown = named([f"{name} from {files}" for name, files in pairs.items()], 5)
    raise RawDataError(f"raw files whose samples would have the same name: {shown}. Rename one file of each pair")


def originals(samples: pd.DataFrame, base: pd.DataFrame) -> "pd.Series[str]":
    """Find exact duplicates: what the base has processed stays before all, then the first in shortlex order.

    Args:
        samples: new ones, `filename` and `pixel_hash` (empty for damaged frames, which are no duplicates).
        base: processed ones, likewise.

    Returns:
        For each new sample the filename that stays in its place; empty if it stays itself. Index as in `samples`.
    """
    sound = samples.loc[samples["pixel_hash"] != "", ["filename", "pixel_hash"]]
    sound = sound.sort_values("filename", key=_shortlex_keys, kind="stable")
    in_base = base[["filename", "pixel_hash"]].sort_values("filename", key=_shortlex_keys, kind="stable")
    everything = pd.concat([in_base, sound], ignore_index=True)
    first = everything.drop_duplicates("pixel_hash").set_index("pixel_hash")["filename"]
    staying = samples["pixel_hash"].map(first).fillna("").astype(str)
    return staying.where(staying != samples["filename"], "")


def _shortlex_keys(names: "pd.Series[str]") -> "pd.Series[Any]":
    return pd.Series([shortlex(str(name)) for name in names], index=names.index, dtype=object)


def accounted(
    plan: pd.DataFrame, decoded: Sequence[DecodedFile], samples: pd.DataFrame, base: pd.DataFrame
) -> pd.DataFrame:
    """Give every raw file its status and counts.

    Args:
        plan: of `planned`.
        decoded: the new files.
        samples: their samples, with `duplicate_of` and `fault`.
        base: processed samples of the base, `filename` and `raw_path`.

    Returns:
        Columns of `FILES`, one row for each raw file.
    """
    names = pd.concat([base[["filename", "raw_path"]], samples[["filename", "raw_path"]]])
    raw_path_of = dict(zip(names["filename"], names["raw_path"], strict=True))
    samples_of = dict(iter(samples.groupby("raw_path", sort=False)))
    results = {file.path: _result(file, samples_of.get(file.path), raw_path_of) for file in decoded}
    rows: list[dict[str, Any]] = []
    for row in cast("list[dict[str, Any]]", plan.to_dict("records")):
        if row["status"] == NEW and not row["duplicate_of"]:
            row |= results[row["path"]]
        elif row["status"] == NEW:
            original = results[row["duplicate_of"]]
            row |= _copy_of(
                row["duplicate_of"], original["status"], original["reason"], original["samples"], original["corrupt"]
            )
        rows.append(row)
    return _typed(rows)


def dropped_table(files: pd.DataFrame, samples: pd.DataFrame) -> pd.DataFrame:
    """List all that was dropped, with the reason: whole files, then samples of the other files; sorted by filename.

    Args:
        files: columns of `FILES`.
        samples: new samples, with `duplicate_of` and `fault`.
    """
    whole = files[(files["status"] == CORRUPT) | ((files["status"] == DUPLICATE) & _is_copy(files, samples))]
    whole = whole.assign(filename=whole["path"], raw_path=whole["path"])
    damaged = samples[samples["fault"] != ""].assign(status=CORRUPT, duplicate_of="")
    damaged = damaged.assign(reason=damaged["fault"])
    repeated = samples[samples["duplicate_of"] != ""].assign(status=DUPLICATE, reason="equal pixels")
    parts = [part[DROPPED.names] for part in (whole, damaged, repeated) if len(part)]
    if not parts:
        return empty_frame(DROPPED)
    dropped: pd.DataFrame = pd.concat(parts, ignore_index=True)
    return dropped.sort_values(["filename", "status"], kind="stable", ignore_index=True)


def require_complete(raw: pd.DataFrame, files: pd.DataFrame, kept: int) -> None:
    """Check that every raw file has exactly one status, and that all counts add up.

    Raises:
        RuntimeError: they do not, which is a defect of this program.
    """
    statuses = {KEPT, CORRUPT, DUPLICATE, IGNORED, PROCESSED}
    total = files["kept"] + files["corrupt"] + files["duplicate"]
    if (
        files["path"].tolist() != raw["path"].tolist()
        or not files["status"].isin(statuses).all()
        or (files["samples"] != total).any()
        or (files[["samples", "kept", "corrupt", "duplicate"]] < 0).any(axis=None)
        or int(files["kept"].sum()) != kept
        or ((files["status"] == KEPT) != (files["kept"] > 0)).any()
    ):
        raise RuntimeError("the accounts of raw files and samples do not add up: this is a defect of stage clean")


def _contents_of_paths(ledger: pd.DataFrame) -> dict[str, set[str]]:
    known: dict[str, set[str]] = {}
    for path, content in zip(ledger["path"], ledger["content_hash"], strict=True):
        known.setdefault(str(path), set()).add(str(content))
    return known


def _copy_of(original: str, status: str, reason: str, samples: int, corrupt: int) -> dict[str, Any]:
    """Return status and counts of a file with the bytes of another: corrupt if that is, else a duplicate of it."""
    if status == CORRUPT:
        words = f"equal bytes as {original}, which is corrupt" + (f": {reason}" if reason else "")
        return {"status": CORRUPT, "reason": words, "duplicate_of": original, "samples": samples, "corrupt": samples}
    return {
        "status": DUPLICATE,
        "reason": f"equal bytes as {original}",
        "duplicate_of": original,
        "samples": samples,
        "corrupt": corrupt,
        "duplicate": samples - corrupt,
    }


def _result(file: DecodedFile, samples: pd.DataFrame | None, raw_path_of: dict[str, str]) -> dict[str, Any]:
    """Return status and counts of a file that was decoded."""
    if file.is_corrupt:
        total = len(file.samples) + file.missing
        return {"status": CORRUPT, "reason": file.reason, "samples": total, "corrupt": total}
    if samples is None:
        raise RuntimeError(f"{file.path} is sound but has no samples: this is a defect of stage clean")
    duplicate = int((samples["duplicate_of"] != "").sum())
    corrupt = int((samples["fault"] != "").sum()) + file.missing
    kept = len(file.samples) + file.missing - duplicate - corrupt
    counts = {"samples": kept + corrupt + duplicate, "kept": kept, "corrupt": corrupt, "duplicate": duplicate}
    if kept:
        return {"status": KEPT, "reason": file.reason, **counts}
    of = {raw_path_of[name] for name in samples["duplicate_of"] if name}
    reason = "equal pixels" if len(file.samples) == 1 else "all its frames equal frames that are kept elsewhere"
    return {"status": DUPLICATE, "reason": reason, "duplicate_of": of.pop() if len(of) == 1 else "", **counts}


def _is_copy(files: pd.DataFrame, samples: pd.DataFrame) -> "pd.Series[bool]":
    """Whether a file was never decoded because its bytes are known."""
    return ~files["path"].isin(set(samples["raw_path"]))


def _typed(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """Return rows as a table with the columns and types of `FILES`."""
    table = pd.DataFrame(rows, columns=FILES.names)
    numbers = ["declared_frames", "samples", "kept", "corrupt", "duplicate"]
    return table.astype(dict.fromkeys(numbers, np.int64)) if rows else empty_frame(FILES)
