"""Full-size pictures that stay with the datapool: which there are, and what they are called.

`pictures.csv` lists all of them, each with the MD5 by which the DVC cache knows it. The files themselves are in the
datapool of the iteration that kept them, `pictures/FOLDER/`, and in no later one: a datapool grows by what is new.
`curation.history.kept_lists` keeps those of former iterations in DVC's hands.
"""

from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from curation.core.atomic import link_or_copy
from curation.core.hashing import sha256_of_bytes
from curation.tables.datapool import PICTURES
from curation.tables.files import read_csv_if_any, write_csv

PICTURES_CSV = "pictures.csv"
"""Only a datapool has it that keeps pictures, or did."""
PICTURES_FOLDER = "pictures"


def read_pictures(folder: Path) -> pd.DataFrame:
    """Read which pictures are kept, in order of selection within each iteration; no rows where none are."""
    return read_csv_if_any(folder / PICTURES_CSV, PICTURES)


def write_pictures(folder: Path, table: pd.DataFrame) -> None:
    """Write which pictures are kept; no file where none are."""
    if len(table):
        write_csv(table, PICTURES, folder / PICTURES_CSV)
    else:
        (folder / PICTURES_CSV).unlink(missing_ok=True)


def picture_path(folder: Path, picture_folder: str, file: str) -> Path:
    """Return where a datapool has a picture that its own iteration kept."""
    return folder / PICTURES_FOLDER / picture_folder / file


def folder_name(iteration: int, files: Iterable[str]) -> str:
    """Return a name made of the iteration and what it kept, so that two branches never give the same to two things."""
    return f"{iteration:05d}-{sha256_of_bytes(chr(10).join(sorted(files)).encode())[:8]}"


def carry_on(base: Path, target: Path) -> None:
    """Take over the list of a base."""
    if (base / PICTURES_CSV).exists():
        link_or_copy(base / PICTURES_CSV, target / PICTURES_CSV)


def take_out_pictures(folder: Path, kept: Iterable[str]) -> None:
    """Take the pictures out of a datapool that belong to none of its samples any more.

    Args:
        folder: the datapool.
        kept: filenames of its samples.
    """
    table = read_pictures(folder)
    stays = table["filename"].isin(set(kept))
    if stays.all():
        return
    for row in table[~stays].itertuples(index=False):
        picture_path(folder, str(row.folder), str(row.file)).unlink(missing_ok=True)
    write_pictures(folder, table[stays].reset_index(drop=True))


def united_pictures(first: pd.DataFrame, second: pd.DataFrame, samples: pd.DataFrame) -> pd.DataFrame:
    """Return the lists of two datapools as one: the first counts where both have a picture of a sample.

    Args:
        first: columns of `PICTURES`.
        second: likewise.
        samples: of the union.
    """
    rows = pd.concat([first, second], ignore_index=True).drop_duplicates("filename")
    return rows[rows["filename"].isin(samples["filename"])].reset_index(drop=True)
