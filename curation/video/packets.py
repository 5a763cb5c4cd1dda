"""Reading the packets of a video, with a tally of all that they say."""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import cast

import av
from av.container import InputContainer
from av.stream import Stream

from curation.video.avi_stamps import IndexStamps, numbers_by_place
from curation.video.evidence import Tally
from curation.video.opening import opened_file, video_stream
from curation.video.program_stamps import own_stamps, set_stamp
from curation.video.random_access import random_access
from curation.video.running_clock import FORMATS, RunningClock
from curation.video.structure.vp8 import is_hidden

_HEADER_BYTES = 256
"""Headers between two Matroska packets take less."""


_OGG_HEADER = re.compile(rb"OVP80|[\x80-\x82]theora", re.DOTALL)
"""A packet that holds no frame: FFmpeg delivers those of a stream that is chained to another one."""


def is_in_order_of_decoding(container: InputContainer, stream: av.VideoStream) -> bool:
    """Return whether FFmpeg's time stamps of the frames are in the order in which they are decoded, not shown."""
    return container.format.name == "avi" and stream.codec_context.codec.canonical_name in ("h264", "hevc")


def read_packets(
    container: InputContainer, stream: av.VideoStream, tally: Tally
) -> Iterator["av.Packet[av.VideoStream] | None"]:
    """Yield the packets of the stream that hold data, then None, which asks the decoder for what it still holds."""
    path = opened_file(container)
    own = _own_stamps(container, stream) if container.format.name == "mpeg" else None
    by_index = IndexStamps(numbers_by_place(path, stream.id)) if container.format.name == "avi" else None
    is_late = is_in_order_of_decoding(container, stream)
    near = 0
    for number, packet in enumerate(packets_with_data(container, stream, tally)):
        near = near if packet.pts is None else packet.pts
        if own is not None:
            set_stamp(packet, own.get(number), near, tally.shift)
        if by_index is not None:
            by_index.correct(packet)
            if is_late and packet.dts is not None:
                packet.pts = packet.dts
        yield packet
    yield None


def _own_stamps(container: InputContainer, stream: av.VideoStream) -> Mapping[int, int] | None:
    """Return which packets of a program stream have a time stamp of their own; None where FFmpeg's are right."""
    file = opened_file(container)
    is_default = stream.index == video_stream(container, file).index
    return own_stamps(file) if is_default else None


def packets_with_data(
    container: InputContainer, stream: av.VideoStream, tally: Tally
) -> "Iterator[av.Packet[av.VideoStream]]":
    """Yield the packets of the stream that hold data, and note what they say."""
    packets = container.demux()
    is_ogg = container.format.name == "ogg"
    is_matroska = container.format.name.startswith("matroska")
    access = random_access(stream.codec_context)
    clocks = defaultdict[int, RunningClock](RunningClock) if container.format.name in FORMATS else None
    if clocks is not None:
        tally.shifts = clocks[stream.index].shifts
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
        if is_ogg and packet.stream_index == stream.index and packet.size and _OGG_HEADER.match(memoryview(packet)):
            continue
        unit = packet.time_base
        if clocks is not None and packet.stream.type in ("video", "audio"):
            clocks[packet.stream_index].correct(packet)
        _note_time(packet, unit, tally)
        skips_bytes = is_matroska and _skips_bytes(packet, tally)
        if packet.stream_index != stream.index:
            continue
        if not packet.size:
            tally.left_out_packets += packet.dts is not None
            continue
        _note_content(packet, unit, stream, tally)
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


def _note_content(packet: "av.Packet[Stream]", unit: Fraction | None, stream: av.VideoStream, tally: Tally) -> None:
    """Count a packet of the video by what it holds."""
    if is_shown(packet, stream):
        tally.shown_packets += 1
        if packet.pts is not None:
            tally.first_shown = min(tally.first_shown, packet.pts)
        tally.shown_until = max(tally.shown_until, _end(packet, unit))
    else:
        tally.left_out_packets += 1
        tally.discarded += packet.is_discard
        tally.discarded_late += packet.is_discard and packet.pts is not None and packet.pts > tally.first_shown


def _skips_bytes(packet: "av.Packet[Stream]", tally: Tally) -> bool:
    """Return whether bytes before a packet belong to none, more than headers need.

    Matroska files have no other sign of damage: FFmpeg searches on for the next place that makes sense.
    """
    if packet.pos is None or packet.pos < 0:
        return False
    skips = 0 < tally.read_to < packet.pos - _HEADER_BYTES and not packet.has_sidedata("matroska_block_additional")
    tally.read_to = max(tally.read_to, packet.pos + packet.size)
    return skips


def _note_time(packet: "av.Packet[Stream]", unit: Fraction | None, tally: Tally) -> None:
    """Widen the span of time that packets of any stream have covered."""
    if packet.pts is None or unit is None or packet.is_discard:
        return
    tally.starts = min(tally.starts, packet.pts * unit.numerator / unit.denominator)
    tally.ends = max(tally.ends, _end(packet, unit))


def _end(packet: "av.Packet[Stream]", unit: Fraction | None) -> float:
    """Return when a packet's content is over, in seconds; 0 where it has no time stamp."""
    if packet.pts is None or unit is None:
        return 0.0
    return (packet.pts + (packet.duration or 0)) * unit.numerator / unit.denominator


def is_shown(packet: "av.Packet[Stream] | av.Packet[av.VideoStream]", stream: av.VideoStream) -> bool:
    """Return whether a packet holds a frame to be seen: inside the edit list, and more than a reference picture.

    VP8 has packets that are never shown.
    """
    is_vp8 = stream.codec_context.name in ("vp8", "libvpx")
    return not packet.is_discard and not (is_vp8 and is_hidden(memoryview(packet)[0]))
