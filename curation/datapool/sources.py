"""The objects in buckets whose content a datapool knows: `sources/`, one part an iteration.

Beside the ledger, so that all other files of a datapool are the same wherever its raw files lie. Only a datapool that
has met objects has the folder.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path

import pandas as pd

from curation.core.atomic import link_or_copy
from curation.core.hashing import sha256_of_bytes
from curation.tables.datapool import SOURCES
from curation.tables.files import empty_frame, read_parquet, write_parquet
from curation.tables.samples import COMING_AGAIN, IGNORED

SOURCES_FOLDER = "sources"


def read_sources(folder: Path) -> pd.DataFrame:
    """Read all parts: columns of `SOURCES`, those of later iterations last."""
    return join_sources(sorted((folder / SOURCES_FOLDER).glob("*.parquet")))


def join_sources(parts: Iterable[Path]) -> pd.DataFrame:
    """Read parts, wherever they lie, as one table in their order."""
    tables = [read_parquet(part)[SOURCES.names] for part in parts]
    return pd.concat(tables, ignore_index=True) if tables else empty_frame(SOURCES)


def sources_parts(names: Iterable[str]) -> list[str]:
    """Return those of a datapool's files that are such parts, sorted.

    Args:
        names: paths in the datapool, with `/`.
    """
    return sorted(name for name in names if name.startswith(f"{SOURCES_FOLDER}/"))


def new_sources(base: pd.DataFrame, files: pd.DataFrame) -> pd.DataFrame:
    """Return one row for each object whose content this iteration has found out.

    Those that come again are left out: they will be read again anyway.

    Args:
        base: columns of `SOURCES`.
        files: what became of each raw file.
    """
    found = files[(files["address"] != "") & (files["content_hash"] != "")]
    found = found[~found["status"].isin([*COMING_AGAIN, IGNORED])]
    return rows_besides(base, found[SOURCES.names])


def rows_besides(known: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    """Return rows that are not among the known ones; columns of `SOURCES` each."""
    if known.empty or rows.empty:
        return rows.reset_index(drop=True)
    seen = set(known[SOURCES.names].itertuples(index=False, name=None))
    is_new = [row not in seen for row in rows[SOURCES.names].itertuples(index=False, name=None)]
    return rows[is_new].reset_index(drop=True)


def carry_sources(source: Path, target: Path, numbers: Mapping[int, int]) -> None:
    """Take over the parts of a datapool that is united with others; those that are there already stay.

    Args:
        source: its folder.
        target: of the union.
        numbers: the number that each of its iterations has in the union.
    """
    for part in sorted((source / SOURCES_FOLDER).glob("*.parquet")):
        number, _, identity = part.name.partition("-")
        place = target / SOURCES_FOLDER / f"{numbers.get(int(number), int(number)):05d}-{identity}"
        if not place.exists():
            link_or_copy(part, place)


def write_sources_part(folder: Path, part: pd.DataFrame, iteration: int) -> None:
    """Add one iteration's part, under a name made of the iteration and the content; none where it has no rows."""
    if part.empty:
        return
    text = "\n".join("\t".join(map(str, row)) for row in part[SOURCES.names].itertuples(index=False, name=None))
    name = f"{iteration:05d}-{sha256_of_bytes(text.encode())[:8]}.parquet"
    write_parquet(part, SOURCES, folder / SOURCES_FOLDER / name)
