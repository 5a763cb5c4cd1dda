"""Columns of what a selection writes."""

import pyarrow as pa

SELECTION = pa.schema(
    {
        "filename": pa.string(),  # in order of selection
        "rank": pa.int64(),  # 0 for the first pick of the iteration
        "distance": pa.float64(),  # to the nearest sample selected before; NaN for the first pick on an empty base
        "nearest": pa.string(),  # that sample's filename; empty for the first pick on an empty base
    }
)

CANDIDATES = pa.schema(
    {
        "filename": pa.string(),  # every candidate of the iteration, sorted
        "selected": pa.bool_(),
        "distance_to_base": pa.float64(),  # to the nearest sample of the base; NaN on an empty base
        "nearest_in_base": pa.string(),
        "distance": pa.float64(),  # to the sample that covers it: the nearest selected in the end; 0 if selected
        "covered_by": pa.string(),  # that sample's filename; its own if selected
    }
)
