"""All containers by name."""

from curation.core import markdown
from curation.core.registry import discover
from curation.video.container import Container

CONTAINERS = discover(__name__, "CONTAINER", Container)
"""By the names of their modules."""


def reference() -> str:
    """Return the page of the reference that describes every container."""
    rows = [
        (
            each.name,
            ", ".join(f"`{ending}`" for ending in each.endings) or "—",
            ", ".join(f"`{demuxer}`" for demuxer in each.demuxers),
            "no container: a bare stream" if each.is_bare else "read" if each.read else "decoded only",
        )
        for each in CONTAINERS.values()
    ]
    head = ("container", "usual endings", "FFmpeg's name", "structure")
    return (
        "# Video containers\n\n"
        "A file is recognised by its content, and opened if it is one of these. `ingest.video_extensions` says which "
        "endings are looked at. Where\nthe structure of a container is read, damage is found that decoders pass over "
        "in silence. Each is a file of\n`curation/video/containers`.\n\n"
        f"{markdown.table(head, rows)}"
    )
