"""The number of frames that a video states, and its tracks, without decoding it."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import av

from curation.core.regular import size_of
from curation.raw.tracks import file_on_disk
from curation.video.opening import NoVideoError, further_tracks, number_in_file, open_video, video_stream
from curation.video.structure.examine import examine
from curation.workers.asking import asked

Answer = TypeVar("Answer")

_VIDEOS_PER_BATCH = 8


def declared_frames_of(
    paths: Sequence[Path], count: Callable[[Path, int, Callable[[int], None]], int] | None = None
) -> dict[Path, int]:
    """Return the frames that videos say they have, asked in worker processes: opening a video runs its decoder too.

    Args:
        paths: the files.
        count: what asks one file; must be importable by the workers.

    Returns:
        Frames of each file that does no harm to the process that opens it; 0 where it cannot be opened or says nothing.
    """
    return _asked(paths, count or _count)


def further_tracks_of(paths: Sequence[Path]) -> dict[Path, tuple[int, ...]]:
    """Return the numbers of the video tracks that videos have besides the one that is read by default.

    Args:
        paths: the files, which are opened in worker processes.

    Returns:
        Of each file that does no harm to the process that opens it: places among its video tracks, from 1; none where
        it cannot be opened.
    """
    return _asked(paths, _further_tracks)


def _asked(paths: Sequence[Path], ask: Callable[[Path, int, Callable[[int], None]], Answer]) -> dict[Path, Answer]:
    return asked(paths, ask, _size_of, files_per_batch=_VIDEOS_PER_BATCH)


def _size_of(path: Path) -> int:
    return size_of(file_on_disk(path))


def _further_tracks(path: Path, threads: int, announce: Callable[[int], None]) -> tuple[int, ...]:
    try:
        with open_video(path) as container:
            return further_tracks(container, video_stream(container, path))
    except (NoVideoError, av.error.MemoryError):  # a damaged header may ask for any amount of memory
        return ()


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
            stream = video_stream(container, path)
            if stream.frames <= 0:
                return _packets(container, stream)
            structure = examine(path, container.format.name, number_in_file(container, stream))
            if structure is None:
                return int(stream.frames)
            if structure.shown is not None:
                return structure.shown
            # Of a file that was cut, what is there may be known, while its header says what it had.
            return max(structure.count or 0, int(stream.frames) - structure.repeats)
    except av.error.MemoryError:  # a damaged header may ask for any amount of memory
        return 0
    except MemoryError:
        raise
    except Exception:  # besides NoVideoError, whatever a damaged header brings about: `clean` will say what is wrong
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
