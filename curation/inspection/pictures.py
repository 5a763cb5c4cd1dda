"""Small pictures of samples, from the proxies that the iterations kept in the DVC cache."""

import zipfile
from collections.abc import Collection, Iterator
from pathlib import Path

import pandas as pd

from curation.history.dvc_lock import output_hash
from curation.inspection.recorded import recorded_iterations
from curation.inspection.revision import Revision
from curation.pipeline import paths


def proxies_of(start: Revision, names: Collection[str]) -> dict[str, bytes]:
    """Return the JPEG file of each sample whose proxy the cache holds, by filename; nothing is fetched.

    Args:
        start: whose history is looked through: a proxy is kept by the iteration that found its sample.
        names: filenames of samples.
    """
    wanted, found = set(names), dict[str, bytes]()
    for recorded in recorded_iterations(start):
        if not wanted:
            break
        table, folder = (output_hash(recorded.stages, path) for path in (paths.SAMPLES, paths.PROXIES))
        cache = recorded.cache
        if table is None or folder is None or not cache.has(table) or not cache.has(folder):
            continue
        places = recorded.parquet(paths.SAMPLES)[["filename", "shard", "member"]]
        shards = cache.listing(folder)
        for shard, rows in places[places["filename"].isin(wanted)].groupby("shard", sort=True):
            shard_hash = shards.get(str(shard))
            if shard_hash is None or not cache.has(shard_hash):
                continue
            found |= members(cache.path(shard_hash), rows)
        wanted -= found.keys()
    return found


def members(shard: Path, rows: pd.DataFrame) -> Iterator[tuple[str, bytes]]:
    """Yield filename and JPEG of samples that share a shard.

    Args:
        shard: a zip archive of proxies.
        rows: `filename`, and `member`, the name in the archive.
    """
    with zipfile.ZipFile(shard) as archive:
        for name, member in zip(rows["filename"], rows["member"], strict=True):
            yield str(name), archive.read(str(member))
