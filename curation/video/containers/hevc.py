"""H.265 stream."""

from curation.video.container import Container, Sample

CONTAINER = Container(
    "H.265 stream",
    demuxers=("hevc",),
    sample=Sample("hevc", "libx265"),
    endings=("265", "hevc"),
    is_bare=True,
)
