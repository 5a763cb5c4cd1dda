"""Opening video containers: only real video formats, only the named file, no more pixels than allowed.

FFmpeg recognises formats by content and some of its formats are scripts (playlists, concatenations) that name other
files or addresses. A file given by a stranger must not make it open those, so only known formats and one protocol are
allowed.
"""

import re
from pathlib import Path

import av
from av.container import InputContainer
from av.stream import Disposition
from av.video.stream import VideoStream

from curation.video.containers.registry import CONTAINERS

_DEMUXERS = ",".join(sorted(name for container in CONTAINERS.values() for name in container.demuxers))
"""Those of FFmpeg that may open a file: they read media from one file alone."""

_BARE_STREAMS = frozenset(name for container in CONTAINERS.values() if container.is_bare for name in container.demuxers)
"""Demuxers of streams without a container."""

_CONTAINER_MARKS = re.compile(b"|".join(each.marks for each in CONTAINERS.values() if each.marks), re.DOTALL)
_SEARCHED = 1 << 16


class NoVideoError(Exception):
    """The file holds no video that can be decoded.

    Args:
        reason: for the user.
        limit: the parameter whose limit it exceeds; empty if it is damaged or no video.
    """

    def __init__(self, reason: str, limit: str = "") -> None:
        super().__init__(reason)
        self.limit = limit


def open_video(path: Path, max_pixels: int | None = None) -> InputContainer:
    """Open a video file.

    Args:
        path: the file.
        max_pixels: largest frame that a decoder may make memory for; None = FFmpeg's own limit.

    Returns:
        The container; close it, or use it in a `with` statement.

    Raises:
        NoVideoError: the file is empty, or FFmpeg does not recognise it or cannot read its header.
    """
    if not path.stat().st_size:
        raise NoVideoError("the file is empty")
    options = {"protocol_whitelist": "file", "format_whitelist": _DEMUXERS}
    if max_pixels is not None:
        options["max_pixels"] = str(max_pixels)
    # The prefix keeps a colon in a path from being taken for a protocol. Metadata of any encoding is no fault.
    try:
        container = av.open(f"file:{path}", mode="r", options=options, metadata_errors="replace")
    except MemoryError:
        raise
    except Exception as error:  # besides FFmpegError, damaged files have raised IndexError and ValueError
        raise NoVideoError(f"cannot be opened as a video: {error_text(error)}") from None
    if container.format.name in _BARE_STREAMS and _holds_container(path):
        container.close()
        raise NoVideoError("the header of its container is damaged")
    return container


def _holds_container(path: Path) -> bool:
    """Return whether the beginning of a file that FFmpeg takes for a bare stream has marks of a container."""
    with path.open("rb") as file:
        return _CONTAINER_MARKS.search(file.read(_SEARCHED)) is not None


def error_text(error: Exception) -> str:
    """Return what an error of FFmpeg says, in one line, without its number."""
    return " ".join((getattr(error, "strerror", None) or str(error) or type(error).__name__).split())


def video_stream(container: InputContainer) -> VideoStream:
    """Return the first video stream that is no cover picture.

    Raises:
        NoVideoError: there is none, or this build of FFmpeg has no decoder for it.
    """
    for stream in container.streams.video:
        if stream.disposition & Disposition.attached_pic:
            continue
        if stream.codec_context is None:
            raise NoVideoError("there is no decoder for its video format, or its header is damaged")
        return stream
    raise NoVideoError("it holds no video stream")
