"""DV."""

from curation.video.container import Container, Sample

CONTAINER = Container(
    "DV",
    demuxers=("dv",),
    sample=Sample("dv", "dvvideo", size=(720, 576)),
    endings=("dv",),
    is_bare=True,
)
