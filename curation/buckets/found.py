"""The objects that the listings in the folder of raw data name, beside the files that lie there."""

from collections.abc import Collection, Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from curation.buckets.listing import LISTING, SUFFIX, is_listing, read_listing
from curation.buckets.objects import source_ids
from curation.core.errors import RawDataError
from curation.core.kinds import IGNORED
from curation.raw.listing import extension_of, reason_of_name
from curation.tables.files import empty_frame
from curation.tables.membership import is_among
from curation.tables.samples import RAW_FILES


def listings_in(folder: Path) -> list[Path]:
    """Return the listings in the folder of raw data, sorted by name."""
    return [path for path in sorted(folder.glob(f"*{SUFFIX}")) if is_listing(path.name)]


def listed_objects(folder: Path) -> pd.DataFrame:
    """Return the objects that all listings in the folder of raw data name.

    Returns:
        Columns of `LISTING`, sorted by path.

    Raises:
        RawDataError: a listing is none, or two of them name an object of the same path.
    """
    listings = listings_in(folder)
    tables = [read_listing(path) for path in listings]
    if not tables:
        return empty_frame(LISTING)
    objects = pd.concat(tables, ignore_index=True)
    twice = objects["path"].duplicated()
    if twice.any():
        path = objects.loc[twice, "path"].min()
        names = [file.name for file, table in zip(listings, tables, strict=True) if (table["path"] == path).any()]
        raise RawDataError(
            f"{int(twice.sum())} objects stand in more than one listing under one path: {path}, for one, in "
            f"{' and '.join(names)} ({folder}). Give one of these listings a folder of its own "
            "(`python -m curate list-bucket … --into FOLDER`), or delete it"
        )
    return objects.sort_values("path", kind="stable", ignore_index=True)


def as_raw_files(objects: pd.DataFrame, media_of_extension: Mapping[str, str]) -> pd.DataFrame:
    """Return objects as rows of the table of raw files; their content and frames are not known.

    Args:
        objects: columns of `LISTING`.
        media_of_extension: `image` or `video` for each accepted file name ending (lower case, without the dot).

    Returns:
        Columns of `RAW_FILES`, in the same order.
    """
    paths: list[str] = objects["path"].tolist()
    given = zip(paths, objects["reason"].tolist(), strict=True)
    reasons = [reason or reason_of_name(path, media_of_extension) for path, reason in given]
    kinds = zip(paths, reasons, strict=True)
    media = [IGNORED if reason else media_of_extension[extension_of(path)] for path, reason in kinds]
    whole = objects.assign(media=media, reason=reasons, content_hash="", frames=np.int64(0))
    rows: pd.DataFrame = whole[RAW_FILES.names]
    return rows


def with_present_addresses(table: pd.DataFrame, folder: Path) -> pd.DataFrame:
    """Return raw files with the addresses that unchanged objects have by now: a bucket may be listed by another name.

    Args:
        table: columns of `RAW_FILES`, of the last listing, which stays as it was accepted where nothing is new.
        folder: of raw data.

    Raises:
        RawDataError: as `listed_objects`.
    """
    are_objects = np.asarray(table["address"] != "")
    if not are_objects.any():
        return table
    objects = listed_objects(folder)
    ids = zip(objects["path"].tolist(), source_ids(objects).tolist(), strict=True)
    now = dict(zip(ids, objects["address"].tolist(), strict=True))
    rows = zip(table["path"].tolist(), source_ids(table).tolist(), table["address"].tolist(), strict=True)
    return table.assign(address=[now.get((path, one), address) for path, one, address in rows])


def besides(objects: pd.DataFrame, local_paths: Collection[str]) -> pd.DataFrame:
    """Return the objects in whose place no local file lies.

    Args:
        objects: with the column `path`.
        local_paths: of all files in the folder of raw data.
    """
    rows: pd.DataFrame = objects[~is_among(objects["path"], set(local_paths))]
    return rows
