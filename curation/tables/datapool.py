"""Columns of the datapool's tables. `datapool_latest.csv` has the columns that the `lightly` package reads."""

import pyarrow as pa

from curation.tables.samples import COMING_AGAIN, COUNTS, KEPT

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
        **{count: pa.int64() for count in COUNTS if count not in COMING_AGAIN},  # they add up to `frames`
        "iteration": pa.int64(),
    }
)

SOURCES = pa.schema(
    {
        "path": pa.string(),  # as in the ledger, or where a file of equal content was found
        "content_hash": pa.string(),  # SHA-256, found out when it was read
        "size": pa.int64(),  # this and the columns that follow as in `curation.buckets.objects.RawObject`
        "etag": pa.string(),
        "version": pa.string(),
        "address": pa.string(),
    }
)
"""Objects in buckets whose content is known: they are not read again while size, etag and version stay the same."""

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

VALUE_WINDOWS = pa.schema(
    {
        "folder": pa.string(),  # at the top of the raw data; empty for files beside the folders
        "kind": pa.string(),  # of values, such as uint16 or uint16 RGB
        "low": pa.float64(),  # values at and below it are black in the proxies
        "high": pa.float64(),  # values at and above it are white
    }
)
"""The windows that `clean.value_window: auto` has found, sorted by folder and kind; they hold for later iterations."""

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
        **{count: pa.int64() for count in COUNTS if count not in (KEPT, *COMING_AGAIN)},
        "candidates": pa.int64(),
        "selected": pa.int64(),
        "size_before": pa.int64(),
        "size_after": pa.int64(),
        "checkpoint_hash": pa.string(),  # SHA-256
        "coverage_radius": pa.float64(),  # largest distance of a candidate to its nearest selected sample
    }
)
