"""Raw files as they lie in a folder, and the same files as objects of a bucket: a folder that stands for one."""

from collections.abc import Collection
from pathlib import Path
from typing import Any

import pandas as pd

from curation.core.hashing import sha256_of_file
from curation.core.kinds import IMAGE, VIDEO
from curation.tables.samples import RAW_FILES
from curation.video.declared import declared_frames

NO_SOURCE = ["size", "etag", "version", "address"]
"""The columns in which objects differ from local files in the accounts."""


def raw_table(folder: Path, bucket: Path | None = None, *, version: str = "") -> pd.DataFrame:
    """Return the table of raw files of a folder, and of another one whose files are objects.

    Args:
        folder: of raw data; need not be there.
        bucket: None for none.
        version: of all objects.
    """
    local = [_local(path, path.relative_to(folder)) for path in _files(folder)]
    taken = {row["path"] for row in local}
    objects = [_object(path, path.relative_to(bucket), version) for path in _files(bucket)] if bucket else []
    rows = [*local, *(row for row in objects if row["path"] not in taken)]
    table = pd.DataFrame(rows, columns=RAW_FILES.names).sort_values("path", kind="stable", ignore_index=True)
    return table.astype({"size": "int64", "frames": "int64"})


def _files(folder: Path) -> Collection[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _local(path: Path, name: Path) -> dict[str, Any]:
    media = VIDEO if path.suffix == ".mp4" else IMAGE
    return {
        **_row(path, name, media),
        "content_hash": sha256_of_file(path),
        "frames": declared_frames(path) if media == VIDEO else 1,
    }


def _object(path: Path, name: Path, version: str) -> dict[str, Any]:
    media = VIDEO if path.suffix == ".mp4" else IMAGE
    row = _row(path, name, media)
    etag = str(path.stat().st_mtime)
    return row | {"etag": etag, "version": version, "address": f"file://{path.resolve()}"}


def _row(path: Path, name: Path, media: str) -> dict[str, Any]:
    row = dict.fromkeys(RAW_FILES.names, "") | {"frames": 0, "size": path.stat().st_size}
    return row | {"path": name.as_posix(), "media": media}
