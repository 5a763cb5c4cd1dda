"""Full-size pictures that stayed with the datapool, from the DVC cache, or the remote where the cache lacks them."""

from collections.abc import Collection
from contextlib import suppress

import pandas as pd

from curation.core.errors import BaseError
from curation.export.batches import Kept
from curation.history.dvc_cache import Cache


def kept_pictures(table: pd.DataFrame, names: Collection[str], cache: Cache) -> dict[str, Kept]:
    """Return the picture of each sample that has one, by filename; those that are to be had nowhere are left out.

    Args:
        table: columns of `curation.tables.datapool.PICTURES`.
        names: filenames of samples.
        cache: is given what it lacks.

    Raises:
        BaseError: a picture is damaged in the cache.
    """
    rows = table[table["filename"].isin(set(names))]
    missing = [value for value in rows["md5"] if not cache.has(value)]
    if missing:
        with suppress(BaseError):
            cache.fetch(missing)
    return {
        str(name): Kept(cache.file(value), str(form))
        for name, value, form in zip(rows["filename"], rows["md5"], rows["form"], strict=True)
        if cache.has(value)
    }
