"""Reading a video: the frames that the decoder makes of its packets, with a tally of all that is met."""

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from fractions import Fraction
from itertools import islice, pairwise
from pathlib import Path
from statistics import median_low
from typing import NamedTuple

import av
from av.container import InputContainer

from curation.video.decoder_memory import shows_old_memory
from curation.video.display_order import DisplayTimes
from curation.video.evidence import Tally
from curation.video.opening import (
    NoVideoError,
    OpenAlready,
    note_of,
    note_of_tracks,
    number_in_file,
    open_video,
    video_stream,
)
from curation.video.packets import is_in_order_of_decoding, packets_with_data, read_packets
from curation.video.references import NO_STAMP
from curation.video.shown_part import shown_part_for
from curation.video.structure.examine import examine
from curation.video.told_damage import damage_told

_DECLARE_DURATION = ("matroska", "flv", "asf")
"""Containers whose header states the duration. For others FFmpeg derives it from what is there, or counts frames."""

_STRICT = {"err_detect": "explode"}
"""Has a decoder with several threads raise an error where it meets damage. It marks the frame too, but may have handed
that out before another thread met the damage; then nothing would tell of it. With one thread the mark always comes, and
the frame with it, concealed as well as can be.
"""

_MANY_DECODERS = frozenset({"h264"})
"""Formats whose decoders get one thread each, but of which there may be many, for they conceal all damage. That which
they conceal without an error is only marked, and with more threads the frame may come out before its mark. See
`curation.video.picture_groups`."""

_PACKETS_FOR_DISTANCE = 2000
_HIGHEST_RATE = 1000
"""Frames a second above which a rate that FFmpeg states was guessed from nothing."""


def read_frames(
    path: Path, *, max_pixels: int, threads: int, tally: Tally | None = None, opened: OpenAlready | None = None
) -> Generator[av.VideoFrame, None, None]:
    """Yield every frame that the decoder gives, damaged ones included.

    Args:
        path: the file.
        max_pixels: a video with larger frames is refused.
        threads: threads of the decoder, if its format allows for several; 0 = one a core.
        tally: takes note of what is met.
        opened: the file, if it is open already.

    Raises:
        NoVideoError: it cannot be opened, there is no video in it, or its frames are too large. Errors met later are
            noted in `tally`.
    """
    tally = tally if tally is not None else Tally()
    with open_stream(path, max_pixels=max_pixels, threads=threads, tally=tally, opened=opened) as (container, stream):
        stream.codec_context.copy_opaque = tally.references is not None
        for picture in _pictures(container, stream, tally):
            tally.decoded += 1
            tally.interlaced += picture.interlaced_frame
            tally.damaged_frames += picture.is_corrupt
            tally.frame_pts.append(picture.pts if picture.pts is not None else NO_STAMP)
            if tally.references is not None:
                tally.references.note_frame(picture)
            if picture.is_corrupt and picture.pts is not None:
                tally.damage_pts.add(picture.pts)
            yield picture
        number = number_in_file(container, stream)
        tally.structure = examine(path, container.format.name, number, tally.shifts)


def _pictures(container: InputContainer, stream: av.VideoStream, tally: Tally) -> Iterator[av.VideoFrame]:
    """Yield what the decoder makes of the packets.

    Where another stream was joined, the decoder is emptied first: it would lose a frame if the next one has another
    size.
    """
    times = DisplayTimes() if is_in_order_of_decoding(container, stream) else None
    shown_part, clocks = shown_part_for(container, stream), 0
    for packet in read_packets(container, stream, tally):
        if packet is not None and packet.is_keyframe and len(tally.shifts) > clocks:
            clocks = len(tally.shifts)
            yield from map(shown_part, _decoded(stream, None, tally, times))
            stream.codec_context.flush_buffers()
        yield from map(shown_part, _decoded(stream, packet, tally, times))


@contextmanager
def open_stream(
    path: Path, *, max_pixels: int, threads: int, tally: Tally, opened: OpenAlready | None = None
) -> Iterator[tuple[InputContainer, av.VideoStream]]:
    """Open a video file and its video stream for decoding, and note what its header says.

    Args:
        path: the file.
        max_pixels: a video with larger frames is refused.
        threads: threads of the decoder, if its format allows for several; 0 = one a core.
        tally: takes note of the header.
        opened: the file, if it is open already.

    Raises:
        NoVideoError: it cannot be opened, there is no video in it, or its frames are too large.
    """
    with (opened.take() if opened else None) or open_video(path, max_pixels) as container:
        stream = _stream_of(container, path, max_pixels)
        threads = 1 if _wants_one_thread(stream) else threads
        stream.codec_context.options = {"max_pixels": str(max_pixels)} | ({} if threads == 1 else _STRICT)
        stream.thread_type = "AUTO"
        stream.codec_context.thread_count = threads
        tally.declared = int(stream.frames) or _duration_in_frames(container, stream)
        if container.duration and container.format.name.split(",")[0] in _DECLARE_DURATION:
            tally.declared_duration = container.duration / av.time_base
        tally.time_base, tally.rate = stream.time_base, stream.average_rate or stream.guessed_rate
        yield container, stream


def _stream_of(container: InputContainer, path: Path, max_pixels: int) -> av.VideoStream:
    """Return the video stream that a path stands for; see `open_stream`."""
    stream = video_stream(container, path)
    pixels = stream.codec_context.width * stream.codec_context.height
    if pixels > max_pixels:
        raise NoVideoError(
            f"frames of {stream.codec_context.width} x {stream.codec_context.height} = {pixels} pixels, "
            f"more than clean.max_pixels ({max_pixels})",
            limit="clean.max_pixels",
        )
    return stream


class Header(NamedTuple):
    """What the header of a video says to those who plan how to read it.

    Attributes:
        is_for_one_thread: whether its decoder gets one thread, whatever number is asked for.
        has_many_decoders: whether, instead, several may decode parts of it side by side.
        tracks: which of several tracks is read; empty as a rule.
        note: what else a user should know if the video is sound; empty as a rule.
        opened: the file, which stays open.
    """

    is_for_one_thread: bool
    has_many_decoders: bool
    tracks: str
    note: str
    opened: OpenAlready


def header_of(path: Path, *, max_pixels: int) -> Header:
    """Read the header of a video.

    Raises:
        NoVideoError: it cannot be opened, there is no video in it, or its frames are too large.
    """
    container = open_video(path, max_pixels)
    try:
        stream = _stream_of(container, path, max_pixels)
        has_many_decoders = stream.codec_context.codec.canonical_name in _MANY_DECODERS
        notes = note_of_tracks(container, stream), note_of(stream)
        return Header(_wants_one_thread(stream), has_many_decoders, *notes, OpenAlready(container))
    except BaseException:
        container.close()
        raise


def _wants_one_thread(stream: av.VideoStream) -> bool:
    name = stream.codec_context.codec.canonical_name
    return name in _MANY_DECODERS or shows_old_memory(name)


def usual_distance(path: Path, *, max_pixels: int) -> Fraction:
    """Return how far apart a video's frames usually are, by the decoding times of its first packets.

    FFmpeg's own guess of the rate is far off for short files in which most packets have no time.

    Args:
        path: the file.
        max_pixels: a video with larger frames is refused.

    Returns:
        Seconds; 1/25, as FFmpeg assumes, where nothing tells.

    Raises:
        NoVideoError: it cannot be opened, there is no video in it, or its frames are too large.
    """
    tally = Tally()
    with open_stream(path, max_pixels=max_pixels, threads=1, tally=tally) as (container, stream):
        packets = islice(packets_with_data(container, stream, tally), _PACKETS_FOR_DISTANCE)
        times = [(number, packet.dts) for number, packet in enumerate(packets) if packet.dts is not None]
    distances = [Fraction(b - a, n - m) for (m, a), (n, b) in pairwise(times)]
    if distances and tally.time_base and (usual := median_low(distances)) > 0:
        return usual * tally.time_base
    return 1 / tally.rate if tally.rate and tally.rate <= _HIGHEST_RATE else Fraction(1, 25)


def _duration_in_frames(container: InputContainer, stream: av.VideoStream) -> int:
    """Return the frames of a stream whose duration counts frames, as that of MXF does; else 0 (SMPTE ST 377-1)."""
    rate = stream.average_rate or stream.guessed_rate
    if container.format.name != "mxf" or not stream.duration or not stream.time_base or not rate:
        return 0
    return round(stream.duration * stream.time_base * rate)


def _decoded(
    stream: av.VideoStream,
    packet: "av.Packet[av.VideoStream] | None",
    tally: Tally,
    times: DisplayTimes | None,
) -> Iterator[av.VideoFrame]:
    """Decode one packet; None yields all frames that the decoder still holds, even if some of them fail.

    Args:
        stream: that the packet belongs to.
        packet: to decode.
        tally: takes note of errors.
        times: gives the frames their time stamps; None = they have their own.
    """
    stamp = packet.dts if packet is not None else None
    if times is not None and stamp is not None:
        times.add(stamp)
    while True:
        try:
            with damage_told(stream.codec_context) as told:
                pictures = stream.codec_context.decode(packet)
            if (damage := told()) is not None:
                tally.note(damage)
        except av.error.EOFError:
            return
        except MemoryError:
            raise
        except Exception as error:  # a decoder fails in its own ways on damaged data
            tally.note(error)
            pictures = []
            if times is not None and stamp is not None:
                times.lose(stamp)
            if tally.errors > 100 + tally.shown_packets:
                return
            if packet is None:
                continue
        for picture in pictures:
            if times is not None:
                picture.pts = times.next()
            yield picture
        if packet is not None or not pictures:
            return
