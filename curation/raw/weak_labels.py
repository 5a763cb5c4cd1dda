"""The weak labels of many raw files at once, apart from `naming`, which worker processes import."""

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from curation.raw.naming import label_name
from curation.tables.membership import arrow_texts


def label_names(paths: "pd.Series[str]") -> set[str]:
    """Return the weak labels of many raw files."""
    every = arrow_texts(paths)
    # Below a top-level folder only a name that may be that of a track needs a look: the others are as good as one.
    may_be_track = pc.match_substring(every, "/track-")
    others = pc.replace_substring_regex(
        every.filter(pc.invert(may_be_track)), pattern=r"(?s)\A((?:\./)?[^/]*/).*", replacement=r"\1x"
    )
    distinct = pa.concat_arrays([every.filter(may_be_track), pc.unique(others)])
    return {label_name(path) for path in distinct.to_pylist()}
