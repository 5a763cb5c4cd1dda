"""MPEG program stream."""

from curation.video.container import Container, Sample
from curation.video.structure.mpegps import read_program_stream

CONTAINER = Container(
    "MPEG program stream",
    demuxers=("mpeg",),
    sample=Sample("mpeg", "mpeg2video"),
    endings=("mpeg", "mpg", "vob"),
    read=read_program_stream,
)
