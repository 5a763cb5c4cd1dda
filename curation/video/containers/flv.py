"""Flash Video."""

from curation.video.container import Container, Sample
from curation.video.structure.flv import read_flv

CONTAINER = Container(
    "Flash Video",
    demuxers=("flv",),
    sample=Sample("flv", "flv"),
    endings=("flv",),
    read=read_flv,
    marks=rb"FLV\x01",
)
