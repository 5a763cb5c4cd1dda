"""What became of listed raw files since: which are gone, and which lie elsewhere with equal content."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

import numpy as np
import numpy.typing as npt
import pandas as pd

from curation.core.kinds import IGNORED
from curation.tables.membership import is_among


@dataclass(frozen=True)
class Changes:
    """The difference between two listings of raw files.

    Attributes:
        listed: how many files the former one has.
        moved: former path of each file that lies elsewhere now, by its new path.
        gone: paths that were listed, whose content is nowhere else.
        new: paths that were not listed, or with other content, in their order; copies of a file that is still there
            among them.
        back: paths that were not listed, of files that were processed before that.
    """

    listed: int
    moved: Mapping[str, str]
    gone: tuple[str, ...]
    new: tuple[str, ...]
    back: tuple[str, ...] = ()


def changes(former: pd.DataFrame, present: pd.DataFrame) -> Changes:
    """Compare two listings.

    A file has moved where its path is new, its content and kind are those of a file that is gone, and no other file has
    taken that one's place. A file that is ignored is not read: name and size stand for its content. Of an object in a
    bucket the content is not known either: it is unchanged where path, size, etag and version are, and else new.

    Args:
        former: columns of `curation.tables.samples.RAW_FILES`.
        present: likewise.
    """
    new = present[~_unchanged(former, present)]
    missing = former[~is_among(former["path"], present["path"])]
    places = new[~is_among(new["path"], former["path"])]
    moved = paired(_read(missing[missing["content_hash"] != ""]), _read(places[places["content_hash"] != ""]))
    left = missing[~is_among(missing["path"], set(moved.values()))]
    moved |= paired(_unread(left), _unread(places[places["media"] == IGNORED]))
    gone = set(missing["path"]) - set(moved.values())
    return Changes(len(former), moved, tuple(sorted(gone)), tuple(path for path in new["path"] if path not in moved))


def _unchanged(former: pd.DataFrame, present: pd.DataFrame) -> npt.NDArray[np.bool_]:
    """Return of each present row whether the former listing has it, be it that an object has another address now."""
    before = former.set_index("path").reindex(present["path"])
    equal = is_among(present["path"], former["path"])
    for column in before.columns.drop("address"):
        equal &= np.asarray(before[column].to_numpy(object) == present[column].to_numpy(object), dtype=bool)
    return equal


def came_back(found: Changes, former: pd.DataFrame, present: pd.DataFrame, processed: Collection[str]) -> bool:
    """Tell whether all that is new was processed once, had gone, and is here again: nothing has to be done then.

    Args:
        found: the difference between both listings.
        former: columns of `curation.tables.samples.RAW_FILES`.
        present: likewise.
        processed: the contents of all raw files that the datapool has taken in. Contents that the former listing has
            are copies of files that are still there, which is another case.
    """
    contents = present.loc[present["path"].isin(found.new), "content_hash"]
    return bool(found.new) and set(contents) <= set(processed) - set(former["content_hash"]) - {""}


def paired(gone: Mapping[str, object], found: Mapping[str, object]) -> dict[str, str]:
    """Find which file each new one was: each that is gone stands for one at most, first of all for one of its name.

    Args:
        gone: by path: what tells contents apart.
        found: likewise, of new files.

    Returns:
        Former path by new path, of those that have one.
    """
    waiting: dict[object, list[str]] = {}
    for path in sorted(gone):
        waiting.setdefault(gone[path], []).append(path)
    moved: dict[str, str] = {}
    for same_name in (True, False):
        for path in sorted(found):
            candidates = [] if path in moved else waiting.get(found[path], [])
            former = next((one for one in candidates if not same_name or _name(one) == _name(path)), None)
            if former is not None:
                moved[path] = former
                candidates.remove(former)
    return moved


def _read(rows: pd.DataFrame) -> dict[str, object]:
    return _keyed(rows, zip(rows["media"], rows["content_hash"], strict=True))


def _unread(rows: pd.DataFrame) -> dict[str, object]:
    names: Sequence[str] = [_name(path) for path in rows["path"]]
    return _keyed(rows, zip(names, rows["size"], strict=True))


def _keyed(rows: pd.DataFrame, keys: Iterable[object]) -> dict[str, object]:
    return dict(zip(rows["path"], keys, strict=True))


def _name(path: str) -> str:
    return PurePosixPath(path).name
