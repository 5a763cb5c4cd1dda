"""Material Exchange Format."""

from curation.video.container import Container, Sample

CONTAINER = Container(
    "Material Exchange Format",
    demuxers=("mxf",),
    sample=Sample("mxf", "mpeg2video"),
    endings=("mxf",),
)
