"""Reading chosen frames of a video without decoding all of it.

Decoding begins at the last place before a wanted frame where that is possible, and ends with the frame. Between two
such runs packets are passed over, by a seek if they are many. Where that would pass over few packets only, decoding
goes on: filling the decoder's threads again would cost more.

Decoders of H.264 have one thread each: see `curation.video.picture_groups`. Where there are more cores,
several decoders work on such runs side by side.

Everything that comes out is held against the packet index: another packet than expected, a frame too few, an error, a
damaged or an interlaced frame (whose fields may be packets of their own) mean that decoding from inside is not to be
trusted with this file.
"""

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from pathlib import Path

import av
import numpy as np
from av.container import InputContainer
from numpy.typing import NDArray

from curation.core.cores import available_cores
from curation.video.evidence import Tally
from curation.video.opening import OpenAlready, error_text
from curation.video.packet_index import NO_TIME, PacketIndex, Passed, UnsureError, silently
from curation.video.packets import read_packets
from curation.video.random_access import RandomAccess, random_access
from curation.video.reader import Header, header_of, open_stream
from curation.video.runs import WORTH_A_BREAK, Run, planned_runs
from curation.video.shown_part import shown_part_for
from curation.video.strict import decode_strictly
from curation.workers.threads import Alive, side_by_side

_MOST_THREADS = WORTH_A_BREAK - 2
"""So that none of them works on a wanted frame any more when the packets after a run are read."""

_WORTH_A_SEEK = 4 << 20
"""Bytes to pass over, at least, so that a seek is faster than reading on."""

_SEEKABLE = frozenset({"mov", "matroska", "avi"})
"""Containers that say where their packets are."""

_LONG = 64
"""Packets from which on a run of H.264 ends where the next frame needs nothing of it."""

_ALL_DECODED = 16
"""Packets at the beginning of a run of which every frame must come out, which shows that each holds one."""


def read_by_seeking(
    path: Path,
    index: PacketIndex,
    wanted: Sequence[int],
    *,
    max_pixels: int,
    threads: int,
    worth_a_break: int = WORTH_A_BREAK,
    worth_a_seek: int = _WORTH_A_SEEK,
    passed: Passed = silently,
) -> Generator[tuple[int, Fraction, av.VideoFrame], None, None]:
    """Yield chosen frames: index, seconds from the first frame, and the frame as decoding from the start gives it.

    Args:
        path: the file.
        index: of its packets.
        wanted: frames, ascending.
        max_pixels: a video with larger frames is refused.
        threads: threads of the decoder; 0 = one a core.
        worth_a_break: packets that a break in decoding must pass over at least.
        worth_a_seek: bytes that a seek must pass over at least.
        passed: takes the number of frames that lie behind, at every packet.

    Raises:
        NoVideoError: the file cannot be opened any more.
        UnsureError: something else came than the index says, or, with several threads, a run begins with frames that
            refer to what came before it. What was yielded is not to be trusted.
    """
    if wanted and not 0 <= wanted[0] <= wanted[-1] < index.frames:
        raise UnsureError("frames are asked for that the video does not have")
    is_wanted = np.zeros(len(index.pts), bool)
    is_wanted[index.order[list(wanted)]] = True
    source = _Source(path, index, is_wanted, max_pixels, worth_a_break, worth_a_seek)
    following = iter(wanted)
    with closing(source.frames(wanted, threads or available_cores(), passed)) as pictures:
        for picture in pictures:
            frame = next(following, None)
            if frame is None or index.pts[index.order[frame]] != picture.pts:
                raise UnsureError("frames come in another order than their time stamps")
            passed(frame)
            yield frame, index.seconds(frame), picture
    if next(following, None) is not None:
        raise UnsureError("a frame did not come")


@dataclass(frozen=True)
class _Source:
    """The source that runs are decoded from; see `read_by_seeking`. `is_wanted` is (packets,) bool."""

    path: Path
    index: PacketIndex
    is_wanted: NDArray[np.bool_]
    max_pixels: int
    worth_a_break: int
    worth_a_seek: int

    def frames(self, wanted: Sequence[int], threads: int, passed: Passed) -> Generator[av.VideoFrame, None, None]:
        """Yield the wanted frames; see `read_by_seeking`."""
        header = header_of(self.path, max_pixels=self.max_pixels)
        with header.opened:
            yield from self._with_header(header, wanted, threads, passed)

    def _with_header(
        self, header: Header, wanted: Sequence[int], threads: int, passed: Passed
    ) -> Generator[av.VideoFrame, None, None]:
        if header.has_many_decoders:
            runs = planned_runs(self.index, wanted, self.worth_a_break, _LONG)
            decoders = min(threads, len(runs))
            if decoders > 1:
                yield from side_by_side(runs, self.single, decoders, partial(passed, 0))
            else:
                yield from self.one_by_one(runs, 1, 0, passed, header.opened)
            return
        runs = planned_runs(self.index, wanted, self.worth_a_break)
        if header.is_for_one_thread:
            yield from self.one_by_one(runs, 1, 0, passed, header.opened)
            return
        at_the_end = [run for run in runs if run.stop + self.worth_a_break > len(self.index.pts)]
        others = runs[: len(runs) - len(at_the_end)]
        yield from self.one_by_one(others, min(threads, _MOST_THREADS), self.worth_a_break, passed, header.opened)
        yield from self.one_by_one(at_the_end, 1, self.worth_a_break, passed, header.opened)

    @contextmanager
    def single(self, alive: Alive) -> Iterator[Callable[[Run], Iterator[av.VideoFrame]]]:
        """Give what decodes runs with one thread."""
        with self.decoder(1, 0, lambda _: alive(), None) as decode:
            yield decode

    def one_by_one(
        self, runs: Sequence[Run], threads: int, more: int, passed: Passed, opened: OpenAlready
    ) -> Generator[av.VideoFrame, None, None]:
        """Yield the wanted frames of runs, by one decoder; see `decoder`."""
        if runs:
            with self.decoder(threads, more, passed, opened) as decode:
                for run in runs:
                    yield from decode(run)

    @contextmanager
    def decoder(
        self, threads: int, more: int, passed: Passed, opened: OpenAlready | None
    ) -> Iterator[Callable[[Run], Iterator[av.VideoFrame]]]:
        """Open the file, and give what decodes one run after the other, in ascending order.

        Args:
            threads: of the decoder.
            more: packets to decode after a run, see `_decoded_run`.
            passed: takes the number of frames that lie behind, at every packet.
            opened: the file, if it is open already.
        """
        with open_stream(self.path, max_pixels=self.max_pixels, threads=threads, tally=Tally(), opened=opened) as (
            container,
            stream,
        ):
            reader = _Reader(container, stream, self.index, passed)
            access = random_access(stream.codec_context)

            def decode(run: Run) -> Iterator[av.VideoFrame]:
                reader.go_to(run.start, self.worth_a_seek)
                yield from _decoded_run(reader, run, self.is_wanted, access, more)

            yield decode


def _decoded_run(
    reader: "_Reader", run: Run, is_wanted: NDArray[np.bool_], access: RandomAccess, more: int
) -> Iterator[av.VideoFrame]:
    """Decode the packets of a run, and yield the wanted frames.

    Args:
        reader: stands at the beginning of the run.
        run: what to decode.
        is_wanted: (packets,) bool, whether a packet's frame is wanted.
        access: whether frames on the way may be left out.
        more: packets to decode after the run, without looking at their frames: what FFmpeg's last threads still work on
            when it is asked for the rest may come out before they find that it is damaged. Where the file has fewer,
            there must be one thread only; one thread needs none.
    """
    index = reader.index
    positions = np.arange(run.start, run.stop)
    may_skip = access.can_skip_frames & ~is_wanted[positions] & (positions >= run.start + _ALL_DECODED)
    # Frames shown before the first one refer to what came before it, and do not come out right, if at all.
    is_awaited = index.is_shown[positions] & ~may_skip & (index.pts[positions] >= index.pts[run.start])
    awaited = iter(np.sort(index.pts[positions[is_awaited]]).tolist())
    wanted = {int(index.pts[position]) for position in positions[is_wanted[positions]]}
    due = next(awaited, None)
    last = int(index.pts[positions].max())
    for picture in reader.decode(run, may_skip, more):
        if picture.pts is not None and picture.pts > last and due is None:
            continue
        if picture.pts is None or picture.is_corrupt:
            raise UnsureError("a frame without a time stamp, or a damaged one")
        if picture.interlaced_frame and not access.is_intra_only:
            raise UnsureError("interlaced frames")
        if picture.pts < index.pts[run.start]:
            continue
        if due is not None and picture.pts > due:
            raise UnsureError("a frame did not come")
        if picture.pts == due:
            due = next(awaited, None)
        if picture.pts in wanted:
            yield picture
    if due is not None:
        raise UnsureError("a frame did not come")


class _Reader:
    """Reads the packets of a video, here and there, and always knows which one is next."""

    def __init__(self, container: InputContainer, stream: av.VideoStream, index: PacketIndex, passed: Passed) -> None:
        self.index = index
        self._passed = passed
        self._shown_before = np.cumsum(index.is_shown)
        self._container = container
        self._stream = stream
        self._shown_part = shown_part_for(container, stream)
        self._packets = read_packets(container, stream, Tally())
        self._read_already: av.Packet[av.VideoStream] | None = None
        self._position = 0
        self._behind = np.concatenate([[0], np.cumsum(index.sizes)])
        self._can_seek = container.format.name.split(",")[0] in _SEEKABLE

    def go_to(self, position: int, worth_a_seek: int) -> None:
        """Pass over packets up to a position, where decoding is to begin."""
        if self._can_seek and self._behind[position] - self._behind[self._position] >= worth_a_seek:
            self._seek(position)
        while self._position < position:
            self._next()

    def decode(self, run: Run, may_skip: NDArray[np.bool_], more: int) -> Iterator[av.VideoFrame]:
        """Decode packets and yield their frames in the order of time.

        Args:
            run: what to decode; the reader stands at its begin.
            may_skip: (packets of the run,) bool, whether a packet's frame may be left out if no other refers to it.
            more: packets to decode after the run, as many as there are.
        """
        context = self._stream.codec_context
        more = min(more, len(self.index.pts) - run.stop)
        for skip in [*may_skip.tolist(), *[False] * more]:
            packet = self._next()
            context.skip_frame = "NONREF" if skip else "DEFAULT"
            yield from decode_strictly(context, packet, self._shown_part)
        yield from decode_strictly(context, None, self._shown_part)
        context.flush_buffers()

    def _next(self) -> "av.Packet[av.VideoStream]":
        """Read the next packet, which must be the one that the index has."""
        packet = self._read()
        if not self._is_at(packet, self._position):
            raise UnsureError("another packet than the index has")
        self._passed(int(self._shown_before[self._position]))
        self._position += 1
        return packet

    def _seek(self, position: int) -> None:
        """Seek to a packet, which is the next one then."""
        index = self.index
        # Some containers look up times of decoding, others those of showing.
        times = [int(time) for time in (index.pts[position], index.dts[position]) if time != NO_TIME]
        try:
            self._container.seek(min(times), stream=self._stream)
        except av.error.FFmpegError as error:
            raise UnsureError(error_text(error)) from None
        self._packets = read_packets(self._container, self._stream, Tally())
        self._read_already = None
        packet = self._read()
        while not self._is_at(packet, position):
            if packet.pos is None or packet.pos >= index.places[position]:
                raise UnsureError("a seek led past its goal")
            packet = self._read()
        self._read_already, self._position = packet, position

    def _read(self) -> "av.Packet[av.VideoStream]":
        packet = self._read_already if self._read_already is not None else next(self._packets, None)
        self._read_already = None
        if packet is None:
            raise UnsureError("the file ends too early")
        return packet

    def _is_at(self, packet: "av.Packet[av.VideoStream]", position: int) -> bool:
        """Return whether a packet is the one that the index has at a position."""
        index = self.index
        return bool(packet.pts == index.pts[position] and packet.size == index.sizes[position])
