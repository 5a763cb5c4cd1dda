"""Audio Video Interleave."""

from curation.video.container import Container, Sample
from curation.video.structure.avi import read_avi

CONTAINER = Container(
    "Audio Video Interleave",
    demuxers=("avi",),
    sample=Sample("avi", "mpeg4"),
    endings=("avi",),
    read=read_avi,
    marks=rb"RIFF....AVI |LIST....movi",
)
