"""The number of frames that a video states, without decoding it."""

from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

import av

from curation.core.cores import available_cores
from curation.core.regular import size_of
from curation.video.opening import NoVideoError, open_video, video_stream
from curation.video.structure.examine import examine
from curation.workers.processes import Done, Limits, run_in_workers

_LIMITS = Limits(timeout_s=60, memory_mb=4096)
_VIDEOS_PER_BATCH = 8


def declared_frames_of(
    paths: Sequence[Path], count: Callable[[Path, int, Callable[[int], None]], int] | None = None
) -> list[int]:
    """Return the frames that videos say they have, asked in worker processes: opening a video runs its decoder too.

    Args:
        paths: the files.
        count: what asks one file; must be importable by the workers.

    Returns:
        Frames of each file; 0 where it cannot be opened or says nothing, or does harm to the process that opens it.
    """
    batches = [paths[start : start + _VIDEOS_PER_BATCH] for start in range(0, len(paths), _VIDEOS_PER_BATCH)]
    cores = available_cores()
    work = count or _count
    events = run_in_workers(work, batches, workers=cores, cores=cores, limits=_LIMITS, size_of=size_of)
    with closing(events):
        found = {path: event.result for path, event in events if isinstance(event, Done)}
    return [found.get(path, 0) for path in paths]


def _count(path: Path, threads: int, announce: Callable[[int], None]) -> int:
    return declared_frames(path)


def declared_frames(path: Path) -> int:
    """Return the frames of a video by the container's own count.

    A container without a count (Matroska, WebM, MPEG transport stream) is read to its end and its packets are counted.
    That is quick, and right but for packets that carry no picture of their own. What an edit list leaves out, and what
    only repeats a frame (AVI), is not counted.

    Args:
        path: the file.

    Returns:
        Frames; 0 where the file cannot be opened or says nothing.
    """
    try:
        with open_video(path) as container:
            stream = video_stream(container)
            if stream.frames <= 0:
                return _packets(container, stream)
            structure = examine(path, container.format.name, stream.id)
            if structure is None:
                return int(stream.frames)
            return structure.shown if structure.shown is not None else structure.count or int(stream.frames)
    except (NoVideoError, av.error.MemoryError):  # a damaged header may ask for any amount of memory
        return 0


def _packets(container: av.container.InputContainer, stream: av.VideoStream) -> int:
    """Count the packets of a stream that hold data; a fault ends the count where it is met."""
    count = 0
    try:
        for packet in container.demux(stream):
            count += bool(packet.size)
    except Exception as error:  # besides FFmpegError, damaged files have raised IndexError
        if isinstance(error, MemoryError) and not isinstance(error, av.error.FFmpegError):
            raise
        return count
    return count
