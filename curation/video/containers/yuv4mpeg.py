"""YUV4MPEG2."""

from curation.video.container import Container, Sample

CONTAINER = Container(
    "YUV4MPEG2",
    demuxers=("yuv4mpegpipe",),
    sample=Sample("yuv4mpegpipe", "wrapped_avframe"),
    endings=("y4m",),
)
