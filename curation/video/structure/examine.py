"""The readers of container structure, by container."""

from collections.abc import Callable, Sequence
from pathlib import Path

from curation.raw.tracks import file_on_disk
from curation.video.containers.registry import CONTAINERS
from curation.video.structure.findings import Structure
from curation.video.structure.view import View

_READERS: dict[str, Callable[[View, int], Structure]] = {
    container.demuxers[0]: container.read for container in CONTAINERS.values() if container.read
}
"""By the first of the names that FFmpeg gives a format."""


def examine(path: Path, format_name: str, stream: int, shifts: Sequence[tuple[int, int]] = ()) -> Structure | None:
    """Read the structure of a video file.

    Args:
        path: the file.
        format_name: as FFmpeg calls its container.
        stream: as the container numbers the video stream.
        shifts: where new clocks begin, see `Structure.shifts`.

    Returns:
        What it says; None where the container has no reader here, or the file cannot be read.
    """
    reader = _READERS.get(format_name.partition(",")[0])
    if reader is None:
        return None
    try:
        with file_on_disk(path).open("rb", buffering=4096) as file:
            return reader(View(file, shifts), stream)
    except OSError:
        return None
