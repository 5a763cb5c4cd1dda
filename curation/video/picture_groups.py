"""A video's groups of pictures, decoded side by side, each by a decoder with one thread.

With threads of its own, FFmpeg decodes the pictures of an H.264 stream side by side. A damaged one that it conceals
without an error is marked by the thread that decodes it, but another may hand it out before it has the mark, and then
nothing tells of the damage. So a decoder of H.264 has one thread here, and where there are more cores, there are more
decoders: an IDR picture makes a decoder forget all that came before it, so each can begin with one.

Where the stream is cut depends on its packets alone, and each part is decoded as if it were a stream of its own: so the
number of decoders has no influence on what comes out. That is held against the packets. Anything unexpected, and any
sign of damage, means that the video has to be decoded in one go.
"""

import threading
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Future
from pathlib import Path

import av
from av.container import InputContainer

from curation.video.evidence import Tally
from curation.video.group_work import (
    BYTES_A_DECODER,
    PACKETS_A_DECODER,
    ClosedError,
    GroupWork,
    Made,
    MadeFrame,
    Makers,
    Part,
    PendingFrame,
    ReadPacket,
    Room,
)
from curation.video.opening import OpenAlready, number_in_file
from curation.video.packet_index import UnsureError
from curation.video.packets import is_shown, read_packets
from curation.video.random_access import random_access
from curation.video.reader import open_stream
from curation.video.references import NO_STAMP
from curation.video.shown_part import ShownPart, shown_part_for
from curation.video.strict import decode_strictly
from curation.video.structure.examine import examine

LEAST_PACKETS = 32
"""Packets of a part, at least: filling and emptying a decoder takes time."""

_FRAMES_HANDED_ON = 3
"""Frames of a part that idle threads work on at a time."""

_LATE = 64
"""Frames that a decoder may owe: H.264 lets it hold back 16 to put them in order."""


def read_groups(
    path: Path,
    make: Callable[[av.VideoFrame], Made],
    *,
    max_pixels: int,
    decoders: int,
    tally: Tally,
    least_packets: int = LEAST_PACKETS,
    opened: OpenAlready | None = None,
) -> Generator[MadeFrame[Made], None, None]:
    """Decode an H.264 video, and yield what is made of each frame, in the order in which they are shown.

    Args:
        path: the file.
        make: called with each frame, in one of `decoders` threads.
        max_pixels: a video with larger frames is refused.
        decoders: decoders, and threads, that work side by side. Has no influence on the result.
        tally: takes note of what is met.
        least_packets: packets of a part at least.
        opened: the file, if it is open already.

    Raises:
        NoVideoError: it cannot be opened, there is no video in it, or its frames are too large.
        UnsureError: there is damage, or something that only decoding in one go gets right. What was yielded is void.
    """
    with (
        open_stream(path, max_pixels=max_pixels, threads=1, tally=tally, opened=opened) as (container, stream),
        Makers(make, decoders) as makers,
    ):
        work = GroupWork(path, max_pixels, makers, Room(PACKETS_A_DECODER * decoders, BYTES_A_DECODER * decoders))
        threads = [threading.Thread(target=_read, args=(work, container, stream, tally, least_packets))]
        threads += [threading.Thread(target=_decode, args=(work,)) for _ in range(decoders)]
        for thread in threads:
            thread.start()
        try:
            for frame in _in_order(work):
                tally.decoded += 1
                tally.interlaced += frame.is_interlaced
                tally.frame_pts.append(frame.pts if frame.pts is not None else NO_STAMP)
                yield frame
        finally:
            work.room.close()
            for _ in range(decoders):
                work.parts.put(None)
            for thread in threads:
                thread.join()
        number = number_in_file(container, stream)
        tally.structure = examine(path, container.format.name, number, tally.shifts)
    if tally.is_damaged:
        raise UnsureError("signs of damage")


def _in_order(work: GroupWork[Made]) -> Iterator[MadeFrame[Made]]:
    """Yield what was made of the frames, as soon as all before it is there."""
    while (part := work.order.get()) is not None:
        if isinstance(part, Exception):
            raise part
        while (frame := part.frames.get()) is not None:
            if isinstance(frame, Exception):
                raise frame
            if isinstance(frame, int):
                work.room.give_back(frame)
            else:
                yield MadeFrame(frame.pts, frame.is_interlaced, frame.made.result())


# ---- the thread that reads


def _read(
    work: GroupWork[Made], container: InputContainer, stream: av.VideoStream, tally: Tally, least_packets: int
) -> None:
    """Read the packets, and hand them out in parts."""
    part: Part[Made] | None = None
    end: Exception | None = None
    try:
        for is_new, read in _cut(container, stream, tally, least_packets):
            work.room.take(read.packet.size)
            if is_new:
                if part is not None:
                    part.packets.put(None)
                else:
                    work.first.append(read.packet)
                part = Part()
                work.order.put(part)
                work.parts.put(part)
            if part is not None:
                part.packets.put(read)
    except ClosedError:
        pass
    except Exception as error:
        end = error
    if part is not None:
        part.packets.put(None)
    work.order.put(end)


def _cut(
    container: InputContainer, stream: av.VideoStream, tally: Tally, least_packets: int
) -> Iterator[tuple[bool, ReadPacket]]:
    """Yield each packet, and whether a part begins with it.

    Raises:
        UnsureError: the stream is damaged, or changes how it is to be decoded.
    """
    access = random_access(stream.codec_context)
    length, parameters = 0, None
    for packet in read_packets(container, stream, tally):
        if tally.shows_damage:
            raise UnsureError("signs of damage")
        if packet is None:
            return
        is_first, is_begin = parameters is None, access.begins_group(packet)
        if is_first and not is_begin:
            raise UnsureError("the stream does not begin with a group of pictures")
        brought = access.parameters(packet)
        parameters = brought if parameters is None else parameters
        if _changes_decoding(packet, brought, parameters) and not is_first:
            raise UnsureError("the stream changes how it is to be decoded")
        is_new = is_first or (is_begin and length >= least_packets and brought == parameters)
        length = 1 if is_new else length + 1
        yield is_new, ReadPacket(packet, is_shown(packet, stream))


def _changes_decoding(
    packet: "av.Packet[av.VideoStream]", brought: Sequence[bytes], parameters: Sequence[bytes]
) -> bool:
    """Return whether a packet brings other parameter sets than the first one, which later parts would lack.

    Args:
        packet: to look at.
        brought: parameter sets in the packet.
        parameters: those of the first packet.
    """
    changes = packet.has_sidedata("new_extradata") or packet.has_sidedata("param_change")
    return changes or not set(brought) <= set(parameters)


# ---- the threads that decode


def _decode(work: GroupWork[Made]) -> None:
    """Decode one part after the other."""
    part: Part[Made] | None = None
    try:
        with open_stream(work.path, max_pixels=work.max_pixels, threads=1, tally=Tally()) as (container, stream):
            context, shown_part = stream.codec_context, shown_part_for(container, stream)
            is_prepared = False
            while (part := work.parts.get()) is not None:
                if not is_prepared:
                    # It may tell of the encoder's version, on which FFmpeg's decoder depends.
                    decode_strictly(context, work.first[0], shown_part)
                    decode_strictly(context, None, shown_part)
                    is_prepared = True
                context.flush_buffers()
                with work.makers.decoding():
                    _decode_part(work, part, context, shown_part)
                part.frames.put(None)
    except ClosedError:
        pass
    except Exception as error:
        while part is not None or (part := work.parts.get()) is not None:
            part.frames.put(error)
            part = None


def _decode_part(work: GroupWork[Made], part: Part[Made], context: av.VideoCodecContext, shown_part: ShownPart) -> None:
    """Decode packets from a group's begin on, and hand over what is made of their frames.

    Raises:
        UnsureError: other frames come than the packets promise, or a damaged one.
    """
    promised: list[int | None] = []
    came: list[int | None] = []
    owed: deque[int] = deque()
    handed_on: deque[Future[Made]] = deque()
    is_over = False
    while not is_over:
        read = part.packets.get()
        is_over = read is None
        work.room.require_open()
        if read is not None and read.is_shown:
            promised.append(read.packet.pts)
            owed.append(read.packet.size)
        pictures = decode_strictly(context, read.packet if read is not None else None, shown_part)
        if any(picture.is_corrupt for picture in pictures):
            raise UnsureError("a damaged frame")
        if not len(pictures) <= len(owed) <= len(pictures) + _LATE:
            raise UnsureError("a packet does not hold a frame")
        for picture in pictures:
            came.append(picture.pts)
            while handed_on and handed_on[0].done():
                handed_on.popleft()
            made = work.makers.made(picture, can_wait=len(handed_on) < _FRAMES_HANDED_ON)
            handed_on.append(made)
            part.frames.put(PendingFrame(picture.pts, bool(picture.interlaced_frame), made))
            part.frames.put(owed.popleft())
        if read is not None and not read.is_shown:
            part.frames.put(read.packet.size)
    stamps = [pts for pts in promised if pts is not None]
    if owed or (len(stamps) == len(promised) and came != sorted(stamps)):
        raise UnsureError("a frame did not come, or not in its place")
