"""MPEG-1 and MPEG-2 video stream."""

from curation.video.container import Container, Sample

CONTAINER = Container(
    "MPEG-1 and MPEG-2 video stream",
    demuxers=("mpegvideo",),
    sample=Sample("mpeg2video", "mpeg2video"),
    endings=("m1v", "m2v"),
    is_bare=True,
)
