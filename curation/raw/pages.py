"""Files of several images, each of which is a sample (`ingest.pages`): which they are, and the names of their pages."""

import re

import pandas as pd

from curation.core.kinds import IMAGE, PAGES

_PAGE = re.compile(r".*-[0-9]+-[^-/]+\.png", re.DOTALL)


def is_page(filename: str, raw_path: str) -> bool:
    """Return whether a sample of an image file is one of its pages, by the name: else it has that of the file.

    Args:
        filename: of the sample.
        raw_path: of its file, which may have moved since.
    """
    return _PAGE.fullmatch(filename) is not None and filename.rpartition("/")[2] != raw_path.rpartition("/")[2]


def as_processed(raw: pd.DataFrame, former: pd.DataFrame) -> pd.DataFrame:
    """Let files be taken for what they were taken for before: images, or pages; their samples have the names for it.

    Args:
        raw: columns of `curation.tables.samples.RAW_FILES`.
        former: an earlier listing, or a ledger: `content_hash`, `media` and `frames`.

    Returns:
        The rows of `raw`, with the media type and the frames of the former ones where they are of equal content. What
        was not read has no content to compare.
    """
    if not ((raw["media"] == PAGES).any() or (former["media"] == PAGES).any()):
        return raw
    known = former[former["media"].isin([IMAGE, PAGES]) & (former["content_hash"] != "")]
    known = known.drop_duplicates("content_hash").set_index("content_hash")
    changes = raw["media"].isin([IMAGE, PAGES]) & raw["content_hash"].isin(known.index)
    changes &= raw["content_hash"].map(known["media"]) != raw["media"]
    if not changes.any():
        return raw
    contents = raw.loc[changes, "content_hash"]
    taken = raw.copy()
    for column in ("media", "frames"):
        taken.loc[changes, column] = contents.map(known[column]).astype(raw[column].dtype)
    return taken
