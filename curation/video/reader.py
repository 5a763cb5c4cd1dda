"""Reading a video: its packets, and the frames that the decoder makes of them, with a tally of all that is met."""

from collections import defaultdict
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from fractions import Fraction
from itertools import islice, pairwise
from pathlib import Path
from statistics import median_low
from typing import cast

import av
from av.container import InputContainer
from av.stream import Stream

from curation.video.avi_stamps import IndexStamps, numbers_by_place
from curation.video.crop import crop_for
from curation.video.display_order import DisplayTimes
from curation.video.evidence import Tally
from curation.video.opening import NoVideoError, open_video, video_stream
from curation.video.program_stamps import own_stamps, set_stamp
from curation.video.random_access import random_access
from curation.video.references import NO_STAMP
from curation.video.running_clock import FORMATS, RunningClock
from curation.video.structure.examine import examine
from curation.video.structure.vp8 import is_hidden

_DECLARE_DURATION = ("matroska", "flv", "asf")
"""Containers whose header states the duration. For others FFmpeg derives it from what is there, or counts frames."""

_HEADER_BYTES = 256
"""Headers between two Matroska packets take less."""

_STRICT = {"err_detect": "explode"}
"""Has a decoder with several threads raise an error where it meets damage. It marks the frame too, but may have handed
that out before another thread met the damage; then nothing would tell of it. With one thread the mark always comes, and
the frame with it, concealed as well as can be.
"""

_ONE_THREAD = frozenset({"h264"})
"""Formats whose decoder gets one thread, however many there are: damage that FFmpeg conceals without an error is only
marked, and with more threads the frame may come out before its mark. See `curation.video.picture_groups`."""

_PACKETS_FOR_DISTANCE = 2000
_HIGHEST_RATE = 1000
"""Frames a second above which a rate that FFmpeg states was guessed from nothing."""


def read_frames(
    path: Path, *, max_pixels: int, threads: int, tally: Tally | None = None
) -> Generator[av.VideoFrame, None, None]:
    """Yield every frame that the decoder gives, damaged ones included.

    Args:
        path: the file.
        max_pixels: a video with larger frames is refused.
        threads: threads of the decoder, if its format allows for several; 0 = one a core.
        tally: takes note of what is met.

    Raises:
        NoVideoError: it cannot be opened, there is no video in it, or its frames are too large. Errors met later are
            noted in `tally`.
    """
    tally = tally if tally is not None else Tally()
    with open_stream(path, max_pixels=max_pixels, threads=threads, tally=tally) as (container, stream):
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
        tally.structure = examine(path, container.format.name, stream.id, tally.shifts)


def _pictures(container: InputContainer, stream: av.VideoStream, tally: Tally) -> Iterator[av.VideoFrame]:
    """Yield what the decoder makes of the packets.

    Where another stream was joined, the decoder is emptied first: it would lose a frame if the next one has another
    size.
    """
    times = DisplayTimes() if _is_in_order_of_decoding(container, stream) else None
    crop, clocks = crop_for(container, stream), 0
    for packet in read_packets(container, stream, tally):
        if packet is not None and packet.is_keyframe and len(tally.shifts) > clocks:
            clocks = len(tally.shifts)
            yield from map(crop, _decoded(stream, None, tally, times))
            stream.codec_context.flush_buffers()
        yield from map(crop, _decoded(stream, packet, tally, times))


def _is_in_order_of_decoding(container: InputContainer, stream: av.VideoStream) -> bool:
    """Return whether FFmpeg's time stamps of the frames are in the order in which they are decoded, not shown."""
    return container.format.name == "avi" and stream.codec_context.codec.canonical_name in ("h264", "hevc")


@contextmanager
def open_stream(
    path: Path, *, max_pixels: int, threads: int, tally: Tally
) -> Iterator[tuple[InputContainer, av.VideoStream]]:
    """Open a video file and its video stream for decoding, and note what its header says.

    Args:
        path: the file.
        max_pixels: a video with larger frames is refused.
        threads: threads of the decoder, if its format allows for several; 0 = one a core.
        tally: takes note of the header.

    Raises:
        NoVideoError: it cannot be opened, there is no video in it, or its frames are too large.
    """
    with open_video(path, max_pixels) as container:
        stream = video_stream(container)
        pixels = stream.codec_context.width * stream.codec_context.height
        if pixels > max_pixels:
            raise NoVideoError(
                f"frames of {stream.codec_context.width} x {stream.codec_context.height} = {pixels} pixels, "
                f"more than clean.max_pixels ({max_pixels})",
                limit="clean.max_pixels",
            )
        threads = 1 if _wants_one_thread(stream) else threads
        stream.codec_context.options = {"max_pixels": str(max_pixels)} | ({} if threads == 1 else _STRICT)
        stream.thread_type = "AUTO"
        stream.codec_context.thread_count = threads
        tally.declared = int(stream.frames) or _duration_in_frames(container, stream)
        if container.duration and container.format.name.split(",")[0] in _DECLARE_DURATION:
            tally.declared_duration = container.duration / av.time_base
        tally.time_base, tally.rate = stream.time_base, stream.average_rate or stream.guessed_rate
        yield container, stream


def is_for_one_thread(path: Path, *, max_pixels: int) -> bool:
    """Return whether a video's decoder gets one thread, whatever number is asked for.

    Raises:
        NoVideoError: it cannot be opened, there is no video in it, or its frames are too large.
    """
    with open_stream(path, max_pixels=max_pixels, threads=1, tally=Tally()) as (_, stream):
        return _wants_one_thread(stream)


def _wants_one_thread(stream: av.VideoStream) -> bool:
    return stream.codec_context.codec.canonical_name in _ONE_THREAD


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
        packets = islice(_packets_with_data(container, stream, tally), _PACKETS_FOR_DISTANCE)
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


def read_packets(
    container: InputContainer, stream: av.VideoStream, tally: Tally
) -> Iterator["av.Packet[av.VideoStream] | None"]:
    """Yield the packets of the stream that hold data, then None, which asks the decoder for what it still holds."""
    path = Path(container.name.removeprefix("file:"))
    own = own_stamps(path) if container.format.name == "mpeg" else None
    by_index = IndexStamps(numbers_by_place(path, stream.id)) if container.format.name == "avi" else None
    is_late = _is_in_order_of_decoding(container, stream)
    near = 0
    for number, packet in enumerate(_packets_with_data(container, stream, tally)):
        near = near if packet.pts is None else packet.pts
        if own is not None:
            set_stamp(packet, own.get(number), near, tally.shift)
        if by_index is not None:
            by_index.correct(packet)
            if is_late and packet.dts is not None:
                packet.pts = packet.dts
        yield packet
    yield None


def _packets_with_data(
    container: InputContainer, stream: av.VideoStream, tally: Tally
) -> "Iterator[av.Packet[av.VideoStream]]":
    """Yield the packets of the stream that hold data, and note what they say."""
    packets = container.demux()
    is_matroska = container.format.name.startswith("matroska")
    access = random_access(stream.codec_context)
    clocks = defaultdict[int, RunningClock](RunningClock) if container.format.name in FORMATS else None
    while True:
        try:
            packet = next(packets)
        except StopIteration:
            break
        except MemoryError:
            raise
        except Exception as error:  # besides FFmpegError, damaged files have raised IndexError
            tally.note(error)
            break
        if clocks is not None and packet.stream.type in ("video", "audio"):
            is_new = clocks[packet.stream_index].correct(packet)
            if packet.stream_index == stream.index and is_new:
                tally.note_new_clock(clocks[stream.index])
        _note_time(packet, tally)
        skips_bytes = is_matroska and _skips_bytes(packet, tally)
        if packet.stream_index != stream.index:
            continue
        if not packet.size:
            tally.left_out_packets += packet.dts is not None
            continue
        if is_shown(packet, stream):
            tally.shown_packets += 1
            if packet.pts is not None:
                tally.first_shown = min(tally.first_shown, packet.pts)
            tally.shown_until = max(tally.shown_until, _end(packet))
        else:
            tally.left_out_packets += 1
            tally.discarded += packet.is_discard
            tally.discarded_late += packet.is_discard and packet.pts is not None and packet.pts > tally.first_shown
        is_marked = packet.is_corrupt and not tally.excuses(packet.pos)
        if skips_bytes or is_marked:
            tally.damage_pts.add(tally.last_pts)
            tally.damage_pts.add(packet.pts if packet.pts is not None else tally.last_pts)
        tally.last_pts = packet.pts if packet.pts is not None else tally.last_pts
        if stream.codec_context.name in ("mpeg1video", "mpeg2video"):
            tally.pictures.read(bytes(packet))
        if is_marked:
            tally.damaged_packets += 1
            if packet.pts is not None:
                tally.damaged_pts.add(packet.pts)
        of_video = cast("av.Packet[av.VideoStream]", packet)
        if tally.references is not None:
            tally.references.note_packet(of_video, access, is_behind_gap=skips_bytes, is_marked=is_marked)
        yield of_video


def _skips_bytes(packet: "av.Packet[Stream]", tally: Tally) -> bool:
    """Return whether bytes before a packet belong to none, more than headers need.

    Matroska files have no other sign of damage: FFmpeg searches on for the next place that makes sense.
    """
    if packet.pos is None or packet.pos < 0:
        return False
    skips = 0 < tally.read_to < packet.pos - _HEADER_BYTES and not packet.has_sidedata("matroska_block_additional")
    tally.read_to = max(tally.read_to, packet.pos + packet.size)
    return skips


def _note_time(packet: "av.Packet[Stream]", tally: Tally) -> None:
    """Widen the span of time that packets of any stream have covered."""
    if packet.pts is None or packet.time_base is None or packet.is_discard:
        return
    tally.starts = min(tally.starts, float(packet.pts * packet.time_base))
    tally.ends = max(tally.ends, _end(packet))


def _end(packet: "av.Packet[Stream]") -> float:
    """Return when a packet's content is over, in seconds; 0 where it has no time stamp."""
    if packet.pts is None or packet.time_base is None:
        return 0.0
    return float((packet.pts + (packet.duration or 0)) * packet.time_base)


def is_shown(packet: "av.Packet[Stream] | av.Packet[av.VideoStream]", stream: av.VideoStream) -> bool:
    """Return whether a packet holds a frame to be seen: inside the edit list, and more than a reference picture.

    VP8 has packets that are never shown.
    """
    is_vp8 = stream.codec_context.name in ("vp8", "libvpx")
    return not packet.is_discard and not (is_vp8 and is_hidden(memoryview(packet)[0]))


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
            pictures = stream.codec_context.decode(packet)
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
