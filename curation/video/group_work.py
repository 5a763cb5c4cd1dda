"""What the threads share that decode a video's groups of pictures side by side."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from queue import SimpleQueue
from typing import Generic, NamedTuple, TypeVar

import av

PACKETS_A_DECODER = 512
BYTES_A_DECODER = 32 << 20
"""The limits of reading ahead of the frames that were taken: some groups of pictures, and some memory."""

Made = TypeVar("Made")


class MadeFrame(NamedTuple, Generic[Made]):
    """The outcome of one frame.

    Attributes:
        pts: its time stamp, if it has one.
        is_interlaced: whether it consists of two fields.
        made: of it.
    """

    pts: int | None
    is_interlaced: bool
    made: Made


class ClosedError(Exception):
    """Nobody wants the frames any more."""


class Room:
    """Room for packets that were read, and for what was made of them until it is taken.

    Args:
        packets: their number.
        size: their bytes; the last one may be over it.
    """

    def __init__(self, packets: int, size: int) -> None:
        self._packets, self._bytes = packets, size
        self._is_closed = False
        self._changed = threading.Condition()

    def take(self, size: int) -> None:
        """Wait until there is room for a packet.

        Raises:
            ClosedError: there will be none.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._is_closed or (self._packets > 0 and self._bytes > 0))
            self.require_open()
            self._packets -= 1
            self._bytes -= size

    def give_back(self, size: int) -> None:
        """Note that what was made of a packet is taken."""
        with self._changed:
            self._packets += 1
            self._bytes += size
            self._changed.notify()

    def require_open(self) -> None:
        """Raise `ClosedError` if nobody wants the frames any more."""
        if self._is_closed:
            raise ClosedError

    def close(self) -> None:
        """End all work."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()


class Makers(Generic[Made]):
    """Has something made of each frame: by threads that have nothing to decode, or else by the one that decoded it.

    Args:
        make: called with each frame.
        decoders: threads that decode, and threads that work for them.
    """

    def __init__(self, make: Callable[[av.VideoFrame], Made], decoders: int) -> None:
        self._make = make
        self._idle = decoders
        self._lock = threading.Lock()
        self._pool = ThreadPoolExecutor(decoders)

    def __enter__(self) -> "Makers[Made]":
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(cancel_futures=True)

    @contextmanager
    def decoding(self) -> Iterator[None]:
        """Note that a thread decodes a part, and hands on no frame of others."""
        with self._lock:
            self._idle -= 1
        try:
            yield
        finally:
            with self._lock:
                self._idle += 1

    def made(self, picture: av.VideoFrame, *, can_wait: bool) -> "Future[Made]":
        """Return what is, or will be, made of a frame.

        Args:
            picture: the frame.
            can_wait: whether another thread may make it.
        """
        if can_wait and self._idle:
            return self._pool.submit(self._make, picture)
        future: Future[Made] = Future()
        future.set_result(self._make(picture))
        return future


class PendingFrame(NamedTuple, Generic[Made]):
    """A frame of which something will be made; see `MadeFrame`."""

    pts: int | None
    is_interlaced: bool
    made: "Future[Made]"


class ReadPacket(NamedTuple):
    """A packet, and whether its frame is to be seen."""

    packet: "av.Packet[av.VideoStream]"
    is_shown: bool


@dataclass(frozen=True)
class Part(Generic[Made]):
    """Packets that are decoded on their own; both queues end with None, or with the error that ended them."""

    packets: "SimpleQueue[ReadPacket | None]" = field(default_factory=SimpleQueue)
    frames: "SimpleQueue[PendingFrame[Made] | int | Exception | None]" = field(default_factory=SimpleQueue)


@dataclass(frozen=True)
class GroupWork(Generic[Made]):
    """The state that the threads share.

    Attributes:
        path: the file.
        max_pixels: see `read_groups`.
        makers: of what is wanted of each frame.
        room: for packets.
        parts: to be decoded; None ends a decoder.
        order: the parts in the order of the file; ends with None, or with the error that ended reading.
        first: the first packet of the stream, once it is read.
    """

    path: Path
    max_pixels: int
    makers: Makers[Made]
    room: Room
    parts: "SimpleQueue[Part[Made] | None]" = field(default_factory=SimpleQueue)
    order: "SimpleQueue[Part[Made] | Exception | None]" = field(default_factory=SimpleQueue)
    first: "list[av.Packet[av.VideoStream]]" = field(default_factory=list)
