"""H.264 stream."""

from curation.video.container import Container, Sample

CONTAINER = Container(
    "H.264 stream",
    demuxers=("h264",),
    sample=Sample("h264", "libx264"),
    endings=("264", "h264"),
    is_bare=True,
)
