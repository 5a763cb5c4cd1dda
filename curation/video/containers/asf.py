"""Advanced Systems Format (Windows Media)."""

from curation.video.container import Container, Sample
from curation.video.structure.asf import read_asf

CONTAINER = Container(
    "Advanced Systems Format (Windows Media)",
    demuxers=("asf",),
    sample=Sample("asf", "wmv2"),
    endings=("asf", "wmv"),
    read=read_asf,
    marks=rb"\x36\x26\xb2\x75\x8e\x66\xcf\x11",
)
