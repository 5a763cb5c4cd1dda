"""Finding the window through which pictures of more than 8 bits are seen: one for all of a folder and a kind of values.

A picture's own range leaves its few lowest and highest values out. A folder's window spans the ranges of its pictures,
without the lowest and highest fiftieth of them: so one odd picture among many does not make all others flat. What an
earlier iteration has found stays, so that the same scene looks the same in all of them.
"""

import math
from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import pandas as pd

from curation.cleaning.decode_file import DecodedFile
from curation.image.window import AUTO, ValueWindows, spanning
from curation.raw.naming import label_name


def with_found(windows: ValueWindows, decoded: Iterable[DecodedFile]) -> ValueWindows:
    """Find the windows of folders that have none yet.

    Args:
        windows: those there are.
        decoded: files, in any order.
    """
    if windows.choice != AUTO:
        return windows
    ranges: dict[tuple[str, str], list[tuple[float, float]]] = {}
    for file in decoded:
        if file.values is not None:
            key = (label_name(file.path), file.values.kind)
            ranges.setdefault(key, []).append((file.values.low, file.values.high))
    found = {
        key: spanning(*zip(*pairs, strict=True)) for key, pairs in sorted(ranges.items()) if key not in windows.known
    }
    return replace(windows, known={**windows.known, **found})


def seen_otherwise(decoded: Iterable[DecodedFile], windows: ValueWindows) -> set[str]:
    """Return the paths of files whose proxy is seen through another window than it should be."""
    return {
        file.path
        for file in decoded
        if file.values is not None and file.window != windows.of(label_name(file.path), file.values.kind)
    }


def with_windows(files: pd.DataFrame, decoded: Iterable[DecodedFile], windows: ValueWindows) -> pd.DataFrame:
    """Note the window of each file that was seen through one that was found.

    Args:
        files: columns of `FILES`.
        decoded: files with their windows.
        windows: all of them.
    """
    found = {file.path: file for file in decoded if file.values and windows.choice == AUTO}
    if not found:
        return files.assign(value_kind="", value_low=math.nan, value_high=math.nan)
    noted = [_noted(found.get(path)) for path in files["path"].to_numpy(object)]
    kinds, lows, highs = zip(*noted, strict=True) if noted else ((), (), ())
    return files.assign(value_kind=list(kinds), value_low=np.array(lows, float), value_high=np.array(highs, float))


def _noted(file: DecodedFile | None) -> tuple[str, float, float]:
    if file is None or file.values is None or file.window is None:
        return "", math.nan, math.nan
    return file.values.kind, *file.window
