"""Fixtures of this room."""

from tests.buckets.server import s3_bucket as s3_bucket
from tests.buckets.server import s3_server as s3_server
