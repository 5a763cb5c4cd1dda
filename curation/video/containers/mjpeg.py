"""Motion JPEG stream."""

from curation.video.container import Container, Sample

CONTAINER = Container(
    "Motion JPEG stream",
    demuxers=("mjpeg",),
    sample=Sample("mjpeg", "mjpeg", "yuvj420p"),
    endings=("mjpeg",),
    is_bare=True,
)
