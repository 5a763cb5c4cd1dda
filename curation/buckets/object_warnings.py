"""What to tell about objects in buckets when raw files are listed."""

import pandas as pd

from curation.core.kinds import IMAGE, VIDEO
from curation.core.words import counted
from curation.tables.membership import is_among


def object_warnings(objects: pd.DataFrame, table: pd.DataFrame, *, all_tracks: bool, all_pages: bool) -> list[str]:
    """Return what to tell about objects in buckets.

    Args:
        objects: that the listings name.
        table: columns of `RAW_FILES`, of what is there.
        all_tracks: whether each further video track of a local file has a row of its own.
        all_pages: whether local files of several images count as such.
    """
    lines = []
    if shadowed := int(is_among(objects["path"], table.loc[table["address"] == "", "path"]).sum()):
        lines.append(f"{counted(shadowed, 'object')} in buckets left out, since local files lie at the same paths")
    counts = table.loc[table["address"] != "", "media"].value_counts()
    for key, kind, what, is_set in (
        ("ingest.video_tracks", VIDEO, "one track", all_tracks),
        ("ingest.pages", IMAGE, "the first picture", all_pages),
    ):
        if is_set and kind in counts:
            some = counted(int(counts[kind]), kind)
            lines.append(f"{key}: all holds for local files alone; of {some} in buckets {what} each is read")
    return lines
