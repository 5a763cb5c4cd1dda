"""Keeping full-size pictures of selected samples with the datapool, while the raw files are at hand."""

import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from curation.core.atomic import link_or_copy
from curation.core.errors import BaseError
from curation.core.hashing import md5_of_file
from curation.core.regular import size_of
from curation.datapool.pictures import PICTURES_FOLDER, folder_name, picture_path, read_pictures, write_pictures
from curation.export.batches import JPEG_SUFFIXES, Settings
from curation.export.images import export_images
from curation.raw.listing import extension_of
from curation.raw.pages import is_page
from curation.raw.pinned import NO_OBJECTS, Objects
from curation.raw.tracks import file_on_disk
from curation.tables.datapool import COMBINED, PICTURES
from curation.workers.outcomes import Limits

_BYTES_PER_PIXEL = {"png": 1.4, "jpg": 0.4}
"""Of usual camera pictures; frames of compressed videos and drawings take less."""

_NEW, _FILE = "new", re.compile(r"[0-9a-f]+\.[a-z0-9]+")


class Work(NamedTuple):
    """What is to be kept.

    Attributes:
        rows: samples without a picture: `filename`, `raw_path` (where the raw file lies now), `frame`, `pixel_hash`,
            `content_hash`, and of the picture `form` and `file`.
        former: the datapool that the same run wrote before, if any: what it kept already is not made again.
        at_hand: filenames of those that it has.
    """

    rows: pd.DataFrame
    former: Path
    at_hand: Mapping[str, Path]

    @property
    def to_make(self) -> pd.DataFrame:
        """The samples whose picture is made from the raw file."""
        rows: pd.DataFrame = self.rows[~self.rows["filename"].isin(list(self.at_hand))]
        return rows


def planned(samples: pd.DataFrame, places: Sequence[str], former: Path, settings: Settings) -> Work:
    """Say which pictures are to be kept.

    Args:
        samples: of the datapool that have none yet (`curation.tables.datapool.SAMPLES`).
        places: where the raw file of each lies now.
        former: the datapool that the same run wrote before; need not be there.
        settings: `original` or `jpg`, and which files are videos.

    Raises:
        BaseError: the table of samples is damaged.
    """
    columns = ["filename", "raw_path", "frame", "pixel_hash", "content_hash"]
    is_here = np.array([not path.startswith(COMBINED) for path in samples["raw_path"]], dtype=bool)
    here = samples.assign(place=list(places))[is_here]
    rows = here[columns].reset_index(drop=True)
    forms = [_form(name, path, settings) for name, path in zip(rows["filename"], rows["raw_path"], strict=True)]
    suffixes = [
        extension_of(path) if form == "original" else form for path, form in zip(rows["raw_path"], forms, strict=True)
    ]
    rows["form"] = forms
    rows["file"] = [f"{pixels}.{suffix}" for pixels, suffix in zip(rows["pixel_hash"], suffixes, strict=True)]
    if not all(map(_FILE.fullmatch, rows["file"])):
        raise BaseError("the datapool's table of samples is damaged: `dvc checkout`, then `dvc repro`")
    rows["raw_path"] = list(here["place"])
    wanted = {(name, form, file) for name, form, file in zip(rows["filename"], rows["form"], rows["file"], strict=True)}
    at_hand: dict[str, Path] = {}
    for row in read_pictures(former).itertuples(index=False):
        path = picture_path(former, str(row.folder), str(row.file))
        if (row.filename, row.form, row.file) in wanted and path.is_file() and md5_of_file(path) == row.md5:
            at_hand[str(row.filename)] = path
    return Work(rows, former, at_hand)


def _form(filename: str, raw_path: str, settings: Settings) -> str:
    """Return the form in which a sample's picture is kept: `original`, `png` or `jpg`."""
    extension = extension_of(raw_path)
    if extension in settings.video_extensions or is_page(filename, raw_path):
        return "png" if settings.picture_format == "original" else "jpg"
    is_jpeg = f".{extension}" in JPEG_SUFFIXES
    return "original" if settings.picture_format == "original" or is_jpeg else "jpg"


def estimated_bytes(work: Work, raw_folder: Path, sizes: pd.DataFrame, objects: Objects = NO_OBJECTS) -> int:
    """Return about how many bytes the pictures will take that are to be made; those without a raw file take none.

    Args:
        work: what is to be kept.
        raw_folder: where the raw files are.
        sizes: `filename`, `width` and `height` of samples.
        objects: the raw files that are in a bucket.
    """
    rows = work.to_make.merge(
        sizes[["filename", "width", "height"]].drop_duplicates("filename"), on="filename", how="left"
    ).fillna(0)
    bytes_of = {path: one.size for path, one in objects.by_path.items()}
    bytes_of |= {path: size_of(raw_folder / path) for path in set(rows["raw_path"]) - bytes_of.keys()}
    is_here = {path: path in objects.by_path or file_on_disk(raw_folder / path).is_file() for path in bytes_of}
    pixels = (rows["width"] * rows["height"]).tolist()
    return round(
        sum(
            bytes_of[path] if form == "original" else count * _BYTES_PER_PIXEL[form] * is_here[path]
            for path, form, count in zip(rows["raw_path"], rows["form"], pixels, strict=True)
        )
    )


def keep_pictures(
    datapool: Path,
    work: Work,
    iteration: int,
    raw_folder: Path,
    settings: Settings,
    *,
    workers: int,
    limits: Limits,
    advance: Callable[[int], object] = lambda _: None,
    objects: Objects = NO_OBJECTS,
) -> dict[str, str]:
    """Write pictures into a datapool, and add them to its list. One at a time is in memory, in each worker.

    A picture that cannot be made costs that picture.

    Args:
        datapool: the folder.
        work: what is to be kept.
        iteration: number of this iteration.
        raw_folder: where the raw files are.
        settings: see `planned`.
        workers: processes at most.
        limits: of each raw file.
        advance: is called with the number of samples done, again and again.
        objects: the raw files that are in a bucket.

    Returns:
        Why, for each filename whose picture could not be kept.
    """
    new = datapool / PICTURES_FOLDER / _NEW
    new.mkdir(parents=True)
    for name, file in zip(work.rows["filename"], work.rows["file"], strict=True):
        if name in work.at_hand and not (new / file).exists():
            link_or_copy(work.at_hand[name], new / file)
    failed = export_images(
        work.to_make,
        raw_folder,
        new,
        settings._replace(copies_jpeg=True),
        workers=workers,
        limits=limits,
        advance=advance,
        targets=list(work.to_make["file"]),
        objects=objects,
    )
    rows = work.rows[work.rows["file"].map(lambda file: (new / file).is_file()).astype(bool)]
    if rows.empty:
        shutil.rmtree(datapool / PICTURES_FOLDER)
        return failed
    _add(rows, datapool, new, iteration)
    return failed


def _add(rows: pd.DataFrame, datapool: Path, new: Path, iteration: int) -> None:
    """Give the folder of new pictures its name, and add them to the datapool's list."""
    folder = folder_name(iteration, rows["file"])
    new.rename(new.with_name(folder))
    paths = [picture_path(datapool, folder, file) for file in rows["file"]]
    added = rows.assign(
        folder=folder, md5=[md5_of_file(path) for path in paths], bytes=[path.stat().st_size for path in paths]
    )
    write_pictures(datapool, pd.concat([read_pictures(datapool), added[PICTURES.names]], ignore_index=True))
