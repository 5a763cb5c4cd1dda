"""Small pictures of samples for the table, from the proxies that iterations left in the DVC cache."""

import io
import zipfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from curation.core.cores import available_cores
from curation.history.dvc_lock import output_hash
from curation.inspection.revision import Revision, known_tables
from curation.tables.files import read_parquet

SIDE = 96
"""Pixels of a thumbnail's longer side, where nothing else is asked: about two kilobytes."""

_QUALITY = 70
_AT_ONCE = 1_000
"""Proxies that are held in memory."""

_PLACE = ["filename", "shard", "member"]


def proxy_places(start: Revision, samples: Path, proxies: Path) -> pd.DataFrame:
    """Return where the cache keeps the proxies of samples; nothing is fetched.

    Args:
        start: whose history is looked through: a proxy is kept by the iteration that found its sample.
        samples: the output that says in which shard a proxy is (`curation.tables.samples.SAMPLES`).
        proxies: the output that is the folder of shards.

    Returns:
        filename (each once), file (path of the shard in the cache) and member.
    """
    tables = [pd.DataFrame(columns=["filename", "file", "member"], dtype=str)]
    for recorded, path in known_tables(start, samples):
        folder = output_hash(recorded.stages, proxies)
        if folder is None or not recorded.cache.has(folder):
            continue
        hashes = recorded.cache.listing(folder)
        files = {name: str(recorded.cache.path(value)) for name, value in hashes.items() if recorded.cache.has(value)}
        table = read_parquet(path, _PLACE)
        table["file"] = table["shard"].map(files)
        tables.append(table.loc[table["file"].notna(), ["filename", "file", "member"]])
    return pd.concat(tables, ignore_index=True).drop_duplicates("filename")


def thumbnail(proxy: bytes, side: int) -> bytes | None:
    """Return a small JPEG of a proxy; None where it cannot be decoded.

    Args:
        proxy: a JPEG file.
        side: pixels of the longer side at most.
    """
    try:
        with Image.open(io.BytesIO(proxy), formats=["JPEG"]) as image:
            image.draft("RGB", (side, side))
            small = image.convert("RGB")
    except (OSError, UnidentifiedImageError, SyntaxError):
        return None
    small.thumbnail((side, side), Image.Resampling.BICUBIC, reducing_gap=2.0)
    small.info.clear()
    buffer = io.BytesIO()
    small.save(buffer, format="JPEG", quality=_QUALITY)
    return buffer.getvalue()


class Thumbnails:
    """Makes thumbnails, some thousands at a time, on all cores."""

    def __init__(self, places: pd.DataFrame, side: int) -> None:
        self._places = places.set_index("filename")
        self._side = side

    def of(self, filenames: Sequence[str]) -> list[bytes | None]:
        """Return the thumbnail of each sample, None where there is no proxy of it."""
        rows = self._places.index.get_indexer(pd.Index(filenames))
        found: list[bytes | None] = [None] * len(filenames)
        with ThreadPoolExecutor(available_cores()) as pool:
            proxies = self._proxies(rows)
            while part := list(islice(proxies, _AT_ONCE)):
                numbers, contents = zip(*part, strict=True)
                for number, small in zip(numbers, pool.map(self._small, contents), strict=True):
                    found[number] = small
        return found

    def _small(self, proxy: bytes) -> bytes | None:
        return thumbnail(proxy, self._side)

    def _proxies(self, rows: NDArray[np.int64]) -> Iterator[tuple[int, bytes]]:
        """Yield the place of a sample among those asked for, and its proxy; each shard is opened once."""
        numbers = np.flatnonzero(rows >= 0)
        wanted = self._places.iloc[rows[numbers]].assign(number=numbers)
        for file, group in wanted.groupby("file", sort=True):
            try:
                with zipfile.ZipFile(str(file)) as archive:
                    for number, member in zip(group["number"], group["member"], strict=True):
                        yield int(number), archive.read(str(member))
            except (OSError, KeyError, zipfile.BadZipFile):
                continue
