"""Recognising what was taken out of the datapool for good."""

from collections.abc import Collection

import pandas as pd


def is_removed(samples: pd.DataFrame, removed: pd.DataFrame) -> "pd.Series[bool]":
    """Tell which samples are on the list: by name, by pixels, or because their whole raw file is.

    Args:
        samples: `filename`, `pixel_hash` and `content_hash`.
        removed: columns of `curation.tables.datapool.REMOVED`.
    """
    found = samples["filename"].isin(removed["filename"])
    for column in ("pixel_hash", "content_hash"):
        known = removed.loc[removed[column] != "", column]
        found |= samples[column].isin(known)
    return found | _is_of_track(samples["filename"], set(removed.loc[removed["content_hash"] != "", "raw_path"]))


def _is_of_track(filenames: "pd.Series[str]", raw_paths: Collection[str]) -> "pd.Series[bool]":
    """Tell which samples are frames of a further track of one of these raw files."""
    folders = filenames.where(filenames.str.contains("/track-", regex=False), "")
    return folders.map(lambda name: str(name).rpartition("/")[0]).isin(raw_paths)
