"""What a video container says of itself."""

from collections.abc import Callable
from dataclasses import dataclass

from curation.video.structure.findings import Structure
from curation.video.structure.view import View


@dataclass(frozen=True)
class Sample:
    """How the tests write a small video.

    Attributes:
        muxer: FFmpeg's name of what writes the container.
        codec: FFmpeg's name of an encoder.
        pixel_format: FFmpeg's name.
        size: width and height in pixels.
    """

    muxer: str
    codec: str
    pixel_format: str = "yuv420p"
    size: tuple[int, int] = (96, 80)


@dataclass(frozen=True)
class Container:
    """A container of videos, or a bare stream, that may be opened.

    FFmpeg must read it from one file alone: a demuxer whose files name other files or addresses is none to add.

    Attributes:
        name: as people call it.
        demuxers: FFmpeg's names of what reads it; the first is the first of the names that FFmpeg gives it.
        sample: how the tests write one.
        endings: usual endings of file names in lower case, without the dot. Which of them are read as videos is a
            parameter, `ingest.video_extensions`.
        read: reads its structure without decoding anything; takes the bytes and the number of the video stream. None
            where there is no such reader: then damage is found by decoding alone.
        marks: pattern of bytes that its files begin with, or have among the first 64 KB: by them one whose header is
            damaged is told from a bare stream. Empty = none.
        is_bare: whether it is a stream without a container: FFmpeg falls back to them where it knows no container.
    """

    name: str
    demuxers: tuple[str, ...]
    sample: Sample
    endings: tuple[str, ...] = ()
    read: Callable[[View, int], Structure] | None = None
    marks: bytes = b""
    is_bare: bool = False
