"""Opening video containers: only real video formats, only the named file, no more pixels than allowed.

FFmpeg recognises formats by content and some of its formats are scripts (playlists, concatenations) that name other
files or addresses. A file given by a stranger must not make it open those, so only known formats and one protocol are
allowed.
"""

import re
from pathlib import Path
from typing import Self

import av
from av.container import InputContainer
from av.stream import Disposition
from av.video.stream import VideoStream

from curation.raw.tracks import file_and_track, file_on_disk
from curation.video.containers.registry import CONTAINERS
from curation.video.tone_mapping import HDR_NAMES

_DEMUXERS = ",".join(sorted(name for container in CONTAINERS.values() for name in container.demuxers))
"""Those of FFmpeg that may open a file: they read media from one file alone."""

_BARE_STREAMS = frozenset(name for container in CONTAINERS.values() if container.is_bare for name in container.demuxers)
"""Demuxers of streams without a container."""

_CONTAINER_MARKS = re.compile(b"|".join(each.marks for each in CONTAINERS.values() if each.marks), re.DOTALL)
_SEARCHED = 1 << 16

_PIXELS_OF_DEFAULT = 5_000_000
"""Pixels that a track must have more, to be taken in place of one that the file marks as its default."""

_PROTOCOL = "file:"
"""Stands before the path, so that a colon in it is not taken for the end of a protocol."""

_NO_DECODER = "there is no decoder for its video format, or its header is damaged"


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
        path: the file, or one of its tracks: see `curation.raw.tracks`.
        max_pixels: largest frame that a decoder may make memory for; None = FFmpeg's own limit.

    Returns:
        The container; close it, or use it in a `with` statement.

    Raises:
        NoVideoError: the file is empty, or FFmpeg does not recognise it or cannot read its header.
    """
    file = file_on_disk(path)
    if not file.stat().st_size:
        raise NoVideoError("the file is empty")
    options = {"protocol_whitelist": "file", "format_whitelist": _DEMUXERS}
    if max_pixels is not None:
        options["max_pixels"] = str(max_pixels)
    # Metadata of any encoding is no fault.
    try:
        container = av.open(f"{_PROTOCOL}{file}", mode="r", options=options, metadata_errors="replace")
    except MemoryError:
        raise
    except Exception as error:  # besides FFmpegError, damaged files have raised IndexError and ValueError
        raise NoVideoError(f"cannot be opened as a video: {error_text(error)}") from None
    if container.format.name in _BARE_STREAMS and _holds_container(file):
        container.close()
        raise NoVideoError("the header of its container is damaged")
    return container


class OpenAlready:
    """A container that is open already, for whoever reads the file first: to open one takes milliseconds.

    Args:
        container: of which nothing has been read yet.
    """

    def __init__(self, container: InputContainer) -> None:
        self._container: InputContainer | None = container

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if (container := self.take()) is not None:
            container.close()

    def take(self) -> InputContainer | None:
        """Return the container, which is to be closed then; None if someone has it."""
        container, self._container = self._container, None
        return container


def opened_file(container: InputContainer) -> Path:
    """Return the file on the disk that `open_video` opened."""
    return Path(container.name.removeprefix(_PROTOCOL))


def _holds_container(path: Path) -> bool:
    """Return whether the beginning of a file that FFmpeg takes for a bare stream has marks of a container."""
    with path.open("rb") as file:
        return _CONTAINER_MARKS.search(file.read(_SEARCHED)) is not None


def error_text(error: Exception) -> str:
    """Return what an error of FFmpeg says, in one line, without its number."""
    return " ".join((getattr(error, "strerror", None) or str(error) or type(error).__name__).split())


def video_stream(container: InputContainer, path: Path) -> VideoStream:
    """Return the video track that a path stands for; of a file the one that FFmpeg takes by default.

    Args:
        container: as `open_video` gives it.
        path: see there.

    Raises:
        NoVideoError: there is none, or this build of FFmpeg has no decoder for it. Cover pictures are none.
    """
    _, number = file_and_track(path)
    tracks = video_tracks(container)
    if number:
        if number > len(tracks):
            raise NoVideoError(f"it holds no video track {number}")
        return tracks[number - 1]
    if not tracks:
        has_some = any(not _is_cover(stream) for stream in container.streams.video)
        raise NoVideoError(_NO_DECODER if has_some else "it holds no video stream")
    return max(tracks, key=_preference)  # the first of equals


def video_tracks(container: InputContainer) -> list[VideoStream]:
    """Return the video tracks that there are decoders for, without cover pictures."""
    return [stream for stream in container.streams.video if not _is_cover(stream) and stream.codec_context is not None]


def number_in_file(container: InputContainer, stream: VideoStream) -> int:
    """Return how those who read a container's structure tell a stream from others: by its number in the file.

    Of Matroska, FFmpeg does not give that; there it is the place among the video tracks, from 0.
    """
    if container.format.name.startswith("matroska"):
        return [each.index for each in container.streams.video].index(stream.index)
    return int(stream.id)


def further_tracks(container: InputContainer, stream: VideoStream) -> tuple[int, ...]:
    """Return the numbers of the tracks with a picture besides one of them: places among all, from 1."""
    tracks = enumerate(video_tracks(container), 1)
    return tuple(number for number, each in tracks if each.codec_context.width and each.index != stream.index)


def _is_cover(stream: VideoStream) -> bool:
    return bool(stream.disposition & Disposition.attached_pic)


def _preference(stream: VideoStream) -> int:
    """Return what FFmpeg's command line goes by where a file has several video tracks (`map_auto_video`)."""
    pixels = stream.codec_context.width * stream.codec_context.height
    return pixels + _PIXELS_OF_DEFAULT * bool(stream.disposition & Disposition.default)


def note_of_tracks(container: InputContainer, stream: VideoStream) -> str:
    """Say which of several tracks is read; empty as a rule.

    Args:
        container: as it is opened.
        stream: of its tracks the one that is read.
    """
    others = further_tracks(container, stream)
    number = 1 + [each.index for each in video_tracks(container)].index(stream.index)
    return f"video track {number} of {len(others) + 1}: see ingest.video_tracks" if others else ""


def note_of(stream: VideoStream) -> str:
    """Say what else a user should know of a video that is read; empty as a rule."""
    notes = []
    transfer = HDR_NAMES.get(stream.codec_context.color_trc)
    if transfer:
        notes.append(f"its high dynamic range ({transfer}) is brought to the usual one")
    # WebM stores transparency as a second picture, which FFmpeg's own decoders of VP8 and VP9 pass over.
    if stream.metadata.get("alpha_mode") == "1" and "a" not in (stream.codec_context.pix_fmt or ""):
        notes.append("its transparency is not read")
    return "; ".join(notes)
