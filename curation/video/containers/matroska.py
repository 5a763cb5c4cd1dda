"""Matroska and WebM."""

from curation.video.container import Container, Sample
from curation.video.structure.matroska import read_matroska

CONTAINER = Container(
    "Matroska and WebM",
    demuxers=("matroska", "webm"),
    sample=Sample("matroska", "libx264"),
    endings=("mkv", "webm"),
    read=read_matroska,
    marks=rb"\x1f\x43\xb6\x75|matroska|webm",
)
