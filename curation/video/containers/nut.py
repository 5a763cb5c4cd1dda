"""NUT."""

from curation.video.container import Container, Sample

CONTAINER = Container(
    "NUT",
    demuxers=("nut",),
    sample=Sample("nut", "mpeg4"),
    endings=("nut",),
)
