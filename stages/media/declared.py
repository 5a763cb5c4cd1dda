"""How many frames a raw file says it has, without decoding it."""

from pathlib import Path

import av

from stages.media.containers import NoVideoError, open_video, video_stream
from stages.media.schema import IMAGE, VIDEO


def declared_frames(path: Path, media: str) -> int:
    """Return the frames of a raw file: 1 for an image, the container's own count for a video.

    A container without a count (Matroska, WebM, MPEG transport stream) is read to its end and its packets are counted.
    That is quick, and right but for packets that carry no picture of their own.

    Args:
        path: the file.
        media: `image`, `video` or `ignored`.

    Returns:
        Frames; 0 where the file cannot be opened or says nothing.
    """
    if media == IMAGE:
        return 1
    if media != VIDEO:
        return 0
    try:
        with open_video(path) as container:
            stream = video_stream(container)
            if stream.frames > 0:
                return int(stream.frames)
            return _packets(container, stream)
    except NoVideoError:
        return 0


def _packets(container: av.container.InputContainer, stream: av.VideoStream) -> int:
    """Count the packets of a stream that hold data; a fault ends the count where it is met."""
    count = 0
    try:
        for packet in container.demux(stream):
            count += bool(packet.size)
    except MemoryError:
        raise
    except Exception:  # besides FFmpegError, damaged files have raised IndexError
        return count
    return count
