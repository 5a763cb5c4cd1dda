"""MPEG-4 video stream."""

from curation.video.container import Container, Sample

CONTAINER = Container(
    "MPEG-4 video stream",
    demuxers=("m4v",),
    sample=Sample("m4v", "mpeg4"),
    is_bare=True,
)
