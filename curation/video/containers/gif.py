"""animated GIF."""

from curation.video.container import Container, Sample

CONTAINER = Container(
    "animated GIF",
    demuxers=("gif",),
    sample=Sample("gif", "gif", "rgb8"),
)
