"""Opening video containers: only real video formats, only the named file, no more pixels than allowed.

FFmpeg recognises formats by content and some of its formats are scripts (playlists, concatenations) that name other
files or addresses. A file given by a stranger must not make it open those, so formats and protocols are listed here.
"""

import re
from pathlib import Path

import av
from av.container import InputContainer
from av.stream import Disposition
from av.video.stream import VideoStream

_FORMATS = "asf,avi,dv,flv,gif,h264,hevc,ivf,m4v,matroska,mjpeg,mov,mpeg,mpegts,mpegvideo,mxf,nut,ogg,webm,yuv4mpegpipe"
"""Demuxers of FFmpeg that read media from one file alone."""


_BARE_STREAMS = frozenset({"dv", "h264", "hevc", "m4v", "mjpeg", "mpegvideo"})
"""Demuxers of streams without a container: FFmpeg falls back to them where it does not know the container."""

_CONTAINER_MARKS = re.compile(
    rb"\x1f\x43\xb6\x75|matroska|webm|ftyp|mvhd|moof|RIFF....AVI |LIST....movi|OggS|FLV\x01|"
    rb"\x36\x26\xb2\x75\x8e\x66\xcf\x11",
    re.DOTALL,
)
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
    options = {"protocol_whitelist": "file", "format_whitelist": _FORMATS}
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
    """Whether the beginning of a file that FFmpeg takes for a bare stream has marks of a container."""
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
