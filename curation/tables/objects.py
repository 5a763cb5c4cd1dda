"""Columns of the tables about objects that predictions show in samples."""

import pyarrow as pa

_OBJECT = {
    "filename": pa.string(),  # the sample that shows it
    "task": pa.string(),  # of select.predictions
    "number": pa.int32(),  # among the sample's objects of the task, from the highest score down
    "category": pa.string(),
    "score": pa.float64(),  # NaN where the predictions have none
    "left": pa.int32(),  # pixels in the upright picture, as the crop was cut
    "top": pa.int32(),
    "width": pa.int32(),
    "height": pa.int32(),
    "content_hash": pa.string(),  # of the sample's raw file
    "frame": pa.int64(),
    "pixel_hash": pa.string(),  # of the sample
}

OBJECTS = pa.schema(
    {
        **_OBJECT,
        "shard": pa.string(),  # file name of the shard of crops; empty where there is no crop
        "member": pa.string(),  # name of the crop inside the shard
    }
)
"""Sorted by sample, task and number."""

OBJECT_METADATA = pa.schema(_OBJECT)
"""Columns of a shard with embeddings of objects, besides the embedding."""
