"""Samples that were taken out of the datapool for good: for privacy, say, or a licence.

A list in git names them. The stage `base` takes them out of the datapool that an iteration builds on, with their
embeddings, and the datapool keeps the list as tombstones: what is on it never comes in again, under whatever name.
"""

from pathlib import Path

import pandas as pd
import pyarrow as pa

from curation.cleaning.removed import is_removed
from curation.core.atomic import write_json
from curation.core.errors import ParamsError
from curation.datapool import store
from curation.datapool.pictures import take_out_pictures
from curation.embeddings.shards import (
    read_metadata,
    read_shards,
    shard_checkpoint,
    shard_files,
    shard_precision,
    write_shards,
)
from curation.tables.datapool import REMOVED
from curation.tables.embeddings import METADATA
from curation.tables.files import empty_frame, write_csv
from curation.tables.given import read_table
from curation.tables.given_lists import as_known
from curation.tables.objects import OBJECT_METADATA

KEY = "base.removed_file"


def read_removal_list(path: str) -> pd.DataFrame:
    """Read the list that `base.removed_file` names.

    Returns:
        Columns of `REMOVED`, each filename once.

    Raises:
        ParamsError: there is no such file, or it is not such a list.
    """
    try:
        table = read_table(Path(path), REMOVED.names).rows
    except FileNotFoundError:
        raise ParamsError(f"{KEY}: there is no file {path!r}; `git checkout {path}`, or give its path") from None
    except (OSError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise ParamsError(f"{KEY}: {path} cannot be read as CSV ({reason}); `git checkout {path}`") from None
    if missing := [name for name in REMOVED.names if name not in table.columns]:
        raise ParamsError(f"{KEY}: {path} has no column {missing[0]!r}; it needs {','.join(REMOVED.names)}")
    table = table[REMOVED.names]
    if (table["filename"] == "").any():
        raise ParamsError(f"{KEY}: {path} has a line without a filename; delete it")
    named: pd.DataFrame = table.drop_duplicates("filename", ignore_index=True)
    return named


def by_samples(listed: pd.DataFrame, folder: Path) -> tuple[pd.DataFrame, set[str]]:
    """Give the samples on a list the names that they are known by.

    Args:
        listed: columns of `REMOVED`.
        folder: a datapool.

    Returns:
        The list, each filename once; and the names on it that stand for nothing that the datapool has, or had until it
        was taken out.
    """
    if listed.empty:
        return listed, set()
    embedded = read_metadata(folder / store.EMBEDDINGS_FOLDER)
    known = pd.concat([store.read_samples(folder), embedded, store.read_removed(folder)])
    names = set(known["filename"])
    named = listed.assign(filename=listed["filename"].map(as_known(listed["filename"], names)))
    by_content = pd.Series(data=False, index=named.index)
    for column in ("pixel_hash", "content_hash"):
        by_content |= (named[column] != "") & named[column].isin(known[column])
    lost = set(named["filename"][~by_content]) - names
    return named.drop_duplicates("filename", ignore_index=True), lost


def take_out(folder: Path, listed: pd.DataFrame) -> list[str]:
    """Take samples out of a datapool, and leave their tombstones in it.

    Files are replaced, never changed, since they may be links into the cache.

    Args:
        folder: the datapool.
        listed: columns of `REMOVED`; what the datapool has tombstones of already is added to it.

    Returns:
        Filenames of the selected samples that were taken out, in order of selection.
    """
    former = store.read_removed(folder)
    removed = pd.concat([former, listed], ignore_index=True).drop_duplicates("filename", ignore_index=True)
    if removed.empty:
        return []
    samples = store.read_samples(folder)
    gone = is_removed(samples, removed)
    embeddings_changed = [_without_removed(shard, removed) for shard in shard_files(folder / store.EMBEDDINGS_FOLDER)]
    for shard in shard_files(folder / store.OBJECTS_FOLDER):
        _without_removed(shard, removed, OBJECT_METADATA)
    if gone.any() or any(embeddings_changed):
        kept = samples[~gone].reset_index(drop=True)
        store.write_samples(folder, kept)
        take_out_pictures(folder, kept["filename"])
        lacking = store.read_without_embedding(folder) & set(kept["filename"])
        (folder / store.WITHOUT_EMBEDDING).unlink(missing_ok=True)
        if (folder / store.LATEST_CSV).exists():
            metadata, embeddings = read_shards(folder / store.EMBEDDINGS_FOLDER, wanted=["filename"])
            store.write_embedded(folder, kept, metadata, embeddings, lacking)
        else:
            store.write_without_embedding(folder, lacking)
    if len(removed) > len(former):
        write_csv(removed, REMOVED, folder / store.REMOVED_CSV)
        write_json(folder / store.TAKEN_OUT_JSON, list(samples["filename"][gone]))
    return list(samples["filename"][gone])


def _without_removed(shard: Path, removed: pd.DataFrame, columns: pa.Schema = METADATA) -> bool:
    """Write a shard anew without the removed samples, or their objects, and return whether it held any."""
    rows, embeddings = read_shards(shard, columns)
    gone = is_removed(rows, removed).to_numpy(dtype=bool)
    if not gone.any():
        return False
    checkpoint, precision = shard_checkpoint(shard), shard_precision(shard)
    if not gone.all():
        kept = rows[~gone].reset_index(drop=True)
        write_shards(shard.parent, kept, embeddings[~gone], checkpoint, precision, columns)
    shard.unlink()
    return True


def tombstones(samples: pd.DataFrame, whole_files: set[str], reason: str) -> pd.DataFrame:
    """Return what the list holds about some samples.

    Args:
        samples: `filename`, `raw_path`, `content_hash` and `pixel_hash`.
        whole_files: raw files of which nothing may come in again, not even another frame.
        reason: for people.
    """
    if samples.empty:
        return empty_frame(REMOVED)
    whole = samples["raw_path"].isin(whole_files)
    rows = samples.assign(content_hash=samples["content_hash"].where(whole, ""), reason=reason)
    table: pd.DataFrame = pa.Table.from_pandas(rows[REMOVED.names], schema=REMOVED, preserve_index=False).to_pandas()
    return table
