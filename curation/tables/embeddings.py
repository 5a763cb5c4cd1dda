"""Columns of an embedding shard, and of what is known of samples besides."""

import pyarrow as pa

MARKS = pa.schema(
    {
        "filename": pa.string(),  # each once, sorted
        # masked: left alone; selected: somebody has chosen it already; without_embedding: in the datapool, but its raw
        # file was gone when another model embedded everything again
        "mark": pa.string(),
    }
)
WITHOUT_EMBEDDING = "without_embedding"


METADATA = pa.schema(
    {
        "filename": pa.string(),
        "raw_path": pa.string(),
        "content_hash": pa.string(),
        "frame": pa.int64(),
        "time_s": pa.float64(),
        "width": pa.int32(),
        "height": pa.int32(),
        "pixel_hash": pa.string(),
        "luma_mean": pa.float32(),
        "contrast": pa.float32(),
        "sharpness": pa.float32(),
        "uniform_rows": pa.float32(),
        "red_mean": pa.float32(),
        "green_mean": pa.float32(),
        "blue_mean": pa.float32(),
        "perceptual_hash": pa.string(),
        "label": pa.int32(),
        "label_name": pa.string(),
    }
)
"""Columns of a shard of samples, besides the embedding."""


def embedding_schema(dimension: int, metadata: pa.Schema = METADATA) -> pa.Schema:
    """Return the columns of a shard whose embeddings have `dimension` float32 values of unit length."""
    return metadata.append(pa.field("embedding", pa.list_(pa.float32(), dimension)))
