"""IVF."""

from curation.video.container import Container, Sample

CONTAINER = Container(
    "IVF",
    demuxers=("ivf",),
    sample=Sample("ivf", "libvpx"),
    endings=("ivf",),
)
