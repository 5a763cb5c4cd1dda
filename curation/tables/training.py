"""Columns of what training writes."""

import pyarrow as pa

LOSS = pa.schema({"step": pa.int64(), "epoch": pa.int64(), "loss": pa.float32()})
"""Columns of the loss curve; steps and epochs count from 1."""
