"""The source of a sample: a video, or a folder of images."""

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

_TOP_LEVEL = "(top level)"


def source_names(paths: "pd.Series[str]", is_video: "pd.Series[bool]") -> "pd.Series[str]":
    """Name the source of each raw file: a video is its own; images belong to their folder."""
    names = pa.array(paths, type=pa.large_string())
    # The regular expressions end at the end of the text, for names with line breaks too.
    folders = pc.replace_substring_regex(names, pattern=r"[^/]*\z", replacement="")
    is_below = pc.match_substring(pc.replace_substring_regex(names, pattern=r"\A\./", replacement=""), "/")
    folders = pc.if_else(is_below, folders, _TOP_LEVEL)
    sources = pc.if_else(pa.array(is_video.to_numpy(dtype=bool)), names, folders)
    return pd.Series(sources.to_pandas().to_numpy(), index=paths.index, dtype=object)
