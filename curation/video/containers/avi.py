"""Audio Video Interleave."""

from curation.video.container import Container, Sample

CONTAINER = Container(
    "Audio Video Interleave",
    demuxers=("avi",),
    sample=Sample("avi", "mpeg4"),
    endings=("avi",),
    marks=rb"RIFF....AVI |LIST....movi",
)
