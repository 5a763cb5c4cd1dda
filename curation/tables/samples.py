"""Columns of the tables about raw files and samples."""

import pyarrow as pa

from curation.core.kinds import IGNORED as IGNORED
from curation.core.kinds import IMAGE as IMAGE
from curation.core.kinds import PAGES as PAGES
from curation.core.kinds import VIDEO as VIDEO

KEPT, CORRUPT, DUPLICATE, NEAR_DUPLICATE = "kept", "corrupt", "duplicate", "near_duplicate"
LOW_QUALITY, OVER_LIMIT, SKIPPED, PROCESSED = "low_quality", "over_limit", "skipped", "processed"
UNSUPPORTED, UNREACHABLE = "unsupported", "unreachable"

COUNTS = (KEPT, CORRUPT, DUPLICATE, NEAR_DUPLICATE, LOW_QUALITY, OVER_LIMIT, UNSUPPORTED, SKIPPED)
"""The states of a sample, and the columns that count them. `SKIPPED` frames are left out on purpose (`ingest.fps`)."""

DROPPED_STATUSES = (CORRUPT, LOW_QUALITY, DUPLICATE, NEAR_DUPLICATE, OVER_LIMIT, UNSUPPORTED)
"""The reasons why a sample or file is dropped; the first that holds is named."""

TAKEN_IN = (KEPT, CORRUPT, LOW_QUALITY, DUPLICATE, NEAR_DUPLICATE)
"""The states of a raw file that this iteration processes for good. Others are `COMING_AGAIN`, `IGNORED`, or `PROCESSED`
in an earlier iteration."""

COMING_AGAIN = (OVER_LIMIT, UNSUPPORTED, UNREACHABLE)
"""The states of a raw file that comes again with the next iteration: a limit may be raised, or a package installed, or
the bucket that an `UNREACHABLE` object lies in answers again. Nothing is known of the samples in such an object."""

RAW_FILES = pa.schema(
    {
        "path": pa.string(),  # relative to data/raw, with /; sorted; see curation.raw.listing on unusual names
        "media": pa.string(),  # image, video, pages (several images in one file) or ignored
        "reason": pa.string(),  # why it is ignored, else empty
        "size": pa.int64(),  # bytes; 0 for a further track of a video
        "content_hash": pa.string(),  # SHA-256 of the bytes; empty for ignored files
        "frames": pa.int64(),  # as the container declares, else counted by demuxing; of pages all; images 1; 0 unknown
        # Of objects that stay in their bucket (`curation.buckets`), else empty. They are not read for the table: their
        # content hash is empty, and the frames of videos unknown.
        "etag": pa.string(),  # changes with the content
        "version": pa.string(),  # empty where the bucket keeps none
        "address": pa.string(),  # s3://bucket/key or remote://NAME/key
    }
)

OBJECT_COLUMNS = ("etag", "version", "address")
"""The columns of `RAW_FILES` that only objects have; tables of former versions lack them, and are read with
`curation.tables.raw_files.read_raw_files`."""

SAMPLES = pa.schema(
    {
        "filename": pa.string(),  # the sample's name, its key everywhere; the table is sorted by it
        "raw_path": pa.string(),
        "content_hash": pa.string(),  # of the raw file
        "frame": pa.int64(),  # 0-based index among all frames of the video, or pages of the file; 0 for images
        "time_s": pa.float64(),  # seconds from the first frame's pts; NaN for images and pages
        "width": pa.int32(),  # pixels, after orientation
        "height": pa.int32(),
        "pixel_hash": pa.string(),  # 32 hexadecimal digits; equal for equal decoded pixels
        "luma_mean": pa.float32(),  # figures of the picture in its proxy's size: see curation.image.quality.Quality
        "contrast": pa.float32(),
        "sharpness": pa.float32(),
        "uniform_rows": pa.float32(),
        "red_mean": pa.float32(),
        "green_mean": pa.float32(),
        "blue_mean": pa.float32(),
        "perceptual_hash": pa.string(),  # 16 hexadecimal digits; similar pictures differ in few bits
        "label": pa.int32(),  # weak label: index of the top-level folder
        "label_name": pa.string(),  # that folder's name; empty for files beside the folders
        "is_new": pa.bool_(),  # false only where `train.retrain` made an earlier sample's proxy again
        "shard": pa.string(),  # file name of the proxy shard
        "member": pa.string(),  # name of the proxy inside the shard
    }
)

DROPPED = pa.schema(
    {
        "filename": pa.string(),  # sample name; the raw file's path where the file as a whole was dropped
        "raw_path": pa.string(),
        "frame": pa.int64(),  # index among all frames of the video; 0 for images; -1 for a file as a whole
        "status": pa.string(),  # one of DROPPED_STATUSES
        "reason": pa.string(),  # what was wrong, in words
        "duplicate_of": pa.string(),  # filename (or raw path) that stays in its place; empty where none does
        "figure": pa.float64(),  # low quality: the figure beyond its limit; near duplicates: differing bits; else NaN
    }
)

FILES = pa.schema(
    {
        "path": pa.string(),
        "content_hash": pa.string(),
        "media": pa.string(),
        "status": pa.string(),  # one of TAKEN_IN, COMING_AGAIN, ignored, processed; they sum to all raw files
        "reason": pa.string(),
        "duplicate_of": pa.string(),  # raw path of the file with the same content
        "declared_frames": pa.int64(),  # 0 for a video that is an object, and was not decoded in this iteration
        "samples": pa.int64(),  # frames or images that decoded or should have: the sum of the counts that follow
        **dict.fromkeys(COUNTS, pa.int64()),
        # With clean.value_window: auto, of a file whose values have more than 8 bits and no range of their own: their
        # kind, and which of them are black and white in the proxies; else empty and NaN.
        "value_kind": pa.string(),
        "value_low": pa.float64(),
        "value_high": pa.float64(),
        "size": pa.int64(),  # as in `RAW_FILES`
        **dict.fromkeys(OBJECT_COLUMNS, pa.string()),
    }
)
