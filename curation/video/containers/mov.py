"""MP4 and QuickTime."""

from curation.video.container import Container, Sample
from curation.video.structure.mp4 import read_mp4

CONTAINER = Container(
    "MP4 and QuickTime",
    demuxers=("mov",),
    sample=Sample("mp4", "libx264"),
    endings=("3g2", "3gp", "f4v", "m4v", "mov", "mp4"),
    read=read_mp4,
    marks=rb"ftyp|mvhd|moof",
)
