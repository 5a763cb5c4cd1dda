"""Columns of the datapool's tables. `datapool_latest.csv` has the columns that the `lightly` package reads."""

import pyarrow as pa

from curation.tables.samples import COUNTS, KEPT, OVER_LIMIT

COMBINED = "combined from "
"""The beginning of `raw_path` for samples that came in as embeddings only; their hashes are empty then."""

SAMPLES = pa.schema(
    {
        "filename": pa.string(),  # in order of selection, as in datapool_latest.csv
        "raw_path": pa.string(),  # `COMBINED` and the name of a file of embeddings, where there is no raw file here
        "frame": pa.int64(),
        "time_s": pa.float64(),
        "iteration": pa.int64(),  # 1 for the first
        "rank": pa.int64(),  # within the iteration
        "distance": pa.float64(),  # when picked, to the nearest sample selected before; empty for the very first
        "nearest": pa.string(),  # that sample's filename
        "label": pa.int32(),
        "label_name": pa.string(),
        "content_hash": pa.string(),
        "pixel_hash": pa.string(),
    }
)

LEDGER = pa.schema(
    {
        "path": pa.string(),
        "content_hash": pa.string(),
        "media": pa.string(),
        "status": pa.string(),
        "frames": pa.int64(),
        **{count: pa.int64() for count in COUNTS if count != OVER_LIMIT},  # they add up to `frames`
        "iteration": pa.int64(),
    }
)

REMOVED = pa.schema(
    {
        "filename": pa.string(),
        "raw_path": pa.string(),
        "content_hash": pa.string(),  # of the raw file, where all of it was removed; else empty
        "pixel_hash": pa.string(),
        "reason": pa.string(),  # in the user's words; may be empty
    }
)
"""Samples that were taken out for good. Empty hashes: nothing but the name was known."""

PICTURES = pa.schema(
    {
        "filename": pa.string(),  # of the sample
        "folder": pa.string(),  # made of the iteration that kept it and what that kept; below `pictures/`
        "file": pa.string(),  # in that folder: hash of the pixels, and the ending
        "form": pa.string(),  # original: the image's own file; png: a frame; jpg: encoded again, with loss
        "md5": pa.string(),  # of the file: its name in DVC's cache
        "bytes": pa.int64(),
    }
)
"""Full-size pictures that are kept, of this iteration and of former ones."""

ITERATIONS = pa.schema(
    {
        "iteration": pa.int64(),
        "raw_files": pa.int64(),  # processed for the first time in this iteration
        "samples": pa.int64(),  # in them: kept ones and the sum of the counts that follow
        **{count: pa.int64() for count in COUNTS if count not in (KEPT, OVER_LIMIT)},
        "candidates": pa.int64(),
        "selected": pa.int64(),
        "size_before": pa.int64(),
        "size_after": pa.int64(),
        "checkpoint_hash": pa.string(),  # SHA-256
        "coverage_radius": pa.float64(),  # largest distance of a candidate to its nearest selected sample
    }
)
