"""Small datapools for tests: tables of a few rows, and an iteration's merge on them."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from curation.datapool import store
from curation.datapool.growth import merge_datapool
from curation.embeddings.shards import write_shards
from curation.tables.objects import OBJECT_METADATA
from curation.tables.samples import COUNTS, FILES
from curation.tables.selection import CANDIDATES, SELECTION
from tests.media_files import QUALITY


def processed(names: list[str]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "filename": names,
            "raw_path": names,
            "content_hash": [f"content {name}" for name in names],
            "frame": 0,
            "time_s": np.nan,
            "width": 4,
            "height": 3,
            "pixel_hash": [f"pixels {name}" for name in names],
            **QUALITY,
            "label": 0,
            "label_name": "",
        }
    )


def selection_of(names: list[str]) -> pd.DataFrame:
    rows = {"filename": names, "rank": range(len(names)), "distance": [np.nan, *[0.5] * len(names)][: len(names)]}
    return pd.DataFrame(rows | {"nearest": ["", *names][: len(names)]}, columns=SELECTION.names)


def files_of(names: list[str], status: str = "kept") -> pd.DataFrame:
    frame = pd.DataFrame({"path": names, "content_hash": [f"content {name}" for name in names], "status": status})
    frame = frame.assign(media="image", reason="", duplicate_of="", declared_frames=1, samples=1)
    frame = frame.assign(**{name: int(status == name) for name in COUNTS})
    frame = frame.assign(value_kind="", value_low=np.nan, value_high=np.nan, size=0, etag="", version="", address="")
    rows: pd.DataFrame = frame[FILES.names]
    return rows


def candidates_of(names: list[str], selected: list[str]) -> pd.DataFrame:
    frame = pd.DataFrame({"filename": sorted(names)})
    frame["selected"] = frame["filename"].isin(selected)
    frame["distance"] = np.where(frame["selected"], 0.0, 0.25)
    rows: pd.DataFrame = frame.assign(distance_to_base=np.nan, nearest_in_base="", covered_by="")[CANDIDATES.names]
    return rows


def objects_of(names: list[str], task: str = "cars") -> pd.DataFrame:
    """Return an object in each sample, which may be named several times, as `clean` finds it."""
    rows = pd.DataFrame({"filename": names, "task": task, "category": "car", "score": 0.5, "shard": "", "member": ""})
    rows = rows.assign(number=rows.groupby("filename").cumcount(), left=1, top=2, width=30, height=40, frame=0)
    return rows.assign(
        content_hash=[f"content {name}" for name in names], pixel_hash=[f"pixels {name}" for name in names]
    )


def grow(
    folder: Path,
    base: Path,
    names: list[str],
    selected: list[str],
    checkpoint: bytes = b"weights",
    objects: Sequence[str] = (),
) -> Path:
    """Run one iteration's merge in `folder` and return the datapool; `objects` are the samples that show one each."""
    folder.mkdir()
    (folder / "checkpoint").write_bytes(checkpoint)
    rng = np.random.default_rng(len(names))
    embeddings = rng.normal(size=(len(names), 3)).astype(np.float32)
    write_shards(folder / "embeddings", processed(names), embeddings, "hash")
    tables = {
        "files": files_of(names),
        "selection": selection_of(selected),
        "candidates": candidates_of(names, selected),
    }
    (folder / "datapool").mkdir()
    vectors = rng.normal(size=(len(objects), 3)).astype(np.float32)
    write_shards(folder / "objects", objects_of([*objects]), vectors, "hash", columns=OBJECT_METADATA)
    new = (folder / "checkpoint", folder / "embeddings")
    merge_datapool(folder / "datapool", base, *new, tables, new_objects=folder / "objects")
    return folder / "datapool"


def empty_datapool(folder: Path) -> Path:
    """Write the datapool before the first iteration and return its folder."""
    folder.mkdir()
    store.write_empty_datapool(folder)
    return folder
