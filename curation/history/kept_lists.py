"""`pictures/FOLDER.dvc`: by these DVC holds the full-size pictures that former iterations kept.

An iteration's own pictures are in its datapool. The next datapool lists them and does not hold them, so that an
iteration needs no picture of another. A `.dvc` file for each folder then names them to `dvc push`, `dvc pull` and
`dvc gc`; it is made from the list alone, whether the files are here or not.
"""

from pathlib import Path

import pandas as pd

from curation.core.atomic import remove, write_text
from curation.datapool.pictures import PICTURES_CSV, read_pictures
from curation.history.dvc_cache import Cache, open_cache

_LINES = "outs:\n- md5: {md5}\n  size: {size}\n  nfiles: {count}\n  hash: md5\n  path: {path}\n"


def write_lists(base: Path, folder: Path) -> list[str]:
    """Make `.dvc` files say what former iterations kept. Only what differs is written.

    Args:
        base: the datapool that an iteration builds on.
        folder: where they are; what it has besides these files, and is in none of them, is removed.

    Returns:
        Names of the folders of pictures that are new, or hold others than before.
    """
    if not (base / PICTURES_CSV).exists() and not any(folder.glob("*.dvc")):
        return []
    wanted = {str(name): rows for name, rows in read_pictures(base).groupby("folder", sort=True)}
    for former in sorted(folder.glob("*.dvc")):
        if former.stem not in wanted:
            former.unlink()
            remove(folder / former.stem)
    changed = []
    with open_cache() as cache:
        for name, rows in wanted.items():
            text = _text(name, rows, cache)
            path = folder / f"{name}.dvc"
            if path.is_file() and path.read_text(encoding="utf-8") == text:
                continue
            write_text(path, text)
            _remove_others(folder / name, set(rows["file"]))
            changed.append(name)
    return changed


def _text(name: str, rows: pd.DataFrame, cache: Cache) -> str:
    listing = cache.add_listing(dict(zip(rows["file"], rows["md5"], strict=True)))
    return _LINES.format(md5=listing, size=int(rows["bytes"].sum()), count=len(rows), path=name)


def _remove_others(folder: Path, names: set[str]) -> None:
    """Remove from a folder that was checked out what is not to be in it any more."""
    for path in folder.glob("*"):
        if path.name not in names:
            remove(path)
