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
from curation.image.decode import load_image
from curation.image.proxies import to_rgb
from curation.image.reading import guarded
from curation.image.undecodable import UndecodableImageError
from curation.inspection.recorded import known_tables
from curation.inspection.revision import Revision
from curation.params.clean import CleanParams
from curation.tables.datapool import PICTURES
from curation.tables.files import empty_frame, read_parquet

SIDE = 96
"""Pixels of a thumbnail's longer side, where nothing else is asked: about two kilobytes."""

_QUALITY = 70
_AT_ONCE = 1_000
"""Proxies that are held in memory."""

_MOST_PIXELS = CleanParams().max_pixels
"""Of a full-size picture that was kept."""

_PLACE = ["filename", "shard", "member"]


def proxy_places(start: Revision, samples: Path, proxies: Path) -> pd.DataFrame:
    """Return where the cache keeps the proxies of samples; nothing is fetched.

    Args:
        start: whose history is looked through: a proxy is kept by the iteration that found its sample.
        samples: the output that says in which shard a proxy is (`curation.tables.samples.SAMPLES`).
        proxies: the output that is the folder of shards.

    Returns:
        filename (each once), file (path of the shard in the cache) and member. Where there is no proxy any more, but a
        full-size picture that stayed with the datapool, file is that one's path, and member is empty.
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
    tables.append(_kept_places(start))
    return pd.concat(tables, ignore_index=True).drop_duplicates("filename")


def _kept_places(start: Revision) -> pd.DataFrame:
    """Return where the cache has full-size pictures that stayed with the datapool: `filename`, `file`, `member`."""
    kept = start.pictures if start.has_datapool else empty_frame(PICTURES)
    kept = kept[kept["md5"].map(start.cache.has).astype(bool)]
    return kept[["filename"]].assign(file=[str(start.cache.path(value)) for value in kept["md5"]], member="")


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
    return _encoded(small, side)


def thumbnail_of_file(path: Path, side: int) -> bytes | None:
    """Return a small JPEG of a full-size picture; None where it cannot be decoded. As `thumbnail`."""
    try:
        picture = guarded(lambda: to_rgb(load_image(path, max_pixels=_MOST_PIXELS)))
    except UndecodableImageError:
        return None
    return _encoded(picture, side)


def _encoded(small: Image.Image, side: int) -> bytes:
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

    def _small(self, picture: bytes | Path) -> bytes | None:
        return thumbnail_of_file(picture, self._side) if isinstance(picture, Path) else thumbnail(picture, self._side)

    def _proxies(self, rows: NDArray[np.int64]) -> Iterator[tuple[int, bytes | Path]]:
        """Yield the place of a sample among those asked for, and its proxy, or the path of a larger picture.

        Each shard is opened once.
        """
        numbers = np.flatnonzero(rows >= 0)
        wanted = self._places.iloc[rows[numbers]].assign(number=numbers)
        is_kept = wanted["member"] == ""
        yield from ((int(number), Path(file)) for number, file in wanted.loc[is_kept, ["number", "file"]].to_numpy())
        for file, group in wanted[~is_kept].groupby("file", sort=True):
            try:
                with zipfile.ZipFile(str(file)) as archive:
                    for number, member in zip(group["number"], group["member"], strict=True):
                        yield int(number), archive.read(str(member))
            except (OSError, KeyError, zipfile.BadZipFile):
                continue
