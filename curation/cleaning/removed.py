"""Recognising what was taken out of the datapool for good."""

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
    return found
