"""The source of a sample: a video, or a folder of images."""

import pandas as pd

_TOP_LEVEL = "(top level)"


def source_names(paths: "pd.Series[str]", is_video: "pd.Series[bool]") -> "pd.Series[str]":
    """Name the source of each raw file: a video is its own; images belong to their folder."""
    names = [
        path if video else f"{path.rpartition('/')[0]}/" if "/" in path.removeprefix("./") else _TOP_LEVEL
        for path, video in zip(paths, is_video, strict=True)
    ]
    return pd.Series(names, index=paths.index, dtype=object)
