"""Ogg."""

from curation.video.container import Container, Sample
from curation.video.structure.ogg import read_ogg

CONTAINER = Container(
    "Ogg",
    demuxers=("ogg",),
    sample=Sample("ogg", "libvpx"),
    endings=("ogv",),
    read=read_ogg,
    marks=rb"OggS",
)
