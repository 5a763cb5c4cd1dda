"""MPEG transport stream."""

from curation.video.container import Container, Sample
from curation.video.structure.mpegts import read_transport_stream

CONTAINER = Container(
    "MPEG transport stream",
    demuxers=("mpegts",),
    sample=Sample("mpegts", "mpeg2video"),
    endings=("m2ts", "mts", "ts"),
    read=read_transport_stream,
)
