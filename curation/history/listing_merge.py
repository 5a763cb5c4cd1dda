"""Uniting the listings of one bucket that two branches refreshed, while git merges them."""

import pandas as pd

from curation.buckets.listing import SUFFIX, read_listing, read_origin, write_listing
from curation.core.errors import BaseError
from curation.history.cached_file import add_file
from curation.history.dvc_cache import Cache
from curation.tables.membership import is_among


def united_listing(name: str, ours: str, theirs: str, cache: Cache) -> str:
    """Put a listing of what either side's names into DVC's cache: the next refresh takes away what is gone.

    Args:
        name: of the listing, for messages.
        ours: hash of this side's, whose objects stay where both name others at one path.
        theirs: of the other side's.
        cache: holds both, or fetches them.

    Returns:
        The hash of the united one.

    Raises:
        BaseError: they are of different places, or cannot be fetched.
    """
    files = [cache.file(ours), cache.file(theirs)]
    origins = [read_origin(file) for file in files]
    if origins[0] != origins[1]:
        places = " and ".join(", ".join(origin.addresses) for origin in origins)
        raise BaseError(
            f"{name} lists other places on either side ({places}): `git merge --abort`, then on one side delete it, "
            "list that side's places under another name (`python -m curate list-bucket`), `dvc repro`, `git commit`, "
            "and merge again"
        )
    mine, other = (read_listing(file) for file in files)
    more = other[~is_among(other["path"], mine["path"])]
    temporary = cache.temporary_folder() / f"united{SUFFIX}"
    write_listing(pd.concat([mine, more]), temporary, origins[0])
    content = temporary.read_bytes()
    temporary.unlink()
    return add_file(cache, content)
