"""Frames that were decoded from lost or damaged ones.

A frame of most formats is decoded from others. Where one of these is lost or damaged, decoders conceal it as well as
they can, tell of this one frame at most, and go on. So the damage is followed here: from the packet in which it was met
up to the next one at which decoding can begin anew. Frames that are stored behind such a packet, but shown before it,
may refer to what came before both.
"""

from array import array
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

import av
import numpy as np
from numpy.typing import NDArray

from curation.video.random_access import RandomAccess

NO_STAMP = -(1 << 63)
"""Stands for a time stamp that a packet or a frame does not have."""


@dataclass(frozen=True)
class PacketNumber:
    """The place of a packet among those of its stream that hold data; it travels through the decoder with the packet.

    PyAV keeps what travels by its identity, so that a small number, which is one object everywhere, could be lost.
    """

    value: int


@dataclass
class ReferenceLog:
    """A record of what must be known of a stream to find the frames that were decoded from lost ones.

    Attributes:
        entries: numbers of the packets at which decoding can begin.
        refreshes: numbers of the packets at which a gradual refresh begins, each with the frames that it takes.
        others: numbers of the packets whose frames no other one refers to.
        stamps: time stamps of the packets (n,), int64; `NO_STAMP` for those without.
        places: bytes of the file before the packets' data (n,), int64; -1 where that is unknown.
        came: numbers of the packets whose frames came out, in the order in which they are shown (n,), int64.
        damaged: numbers of the packets at which the decoder told of damage.
        broken: numbers of the packets behind which the container is broken.
        marked: numbers of the packets that the container marks as damaged.
        is_intra_only: whether no frame refers to another one.
    """

    entries: set[int] = field(default_factory=set)
    refreshes: dict[int, int] = field(default_factory=dict)
    others: set[int] = field(default_factory=set)
    stamps: "array[int]" = field(default_factory=lambda: array("q"))
    places: "array[int]" = field(default_factory=lambda: array("q"))
    came: "array[int]" = field(default_factory=lambda: array("q"))
    damaged: set[int] = field(default_factory=set)
    broken: set[int] = field(default_factory=set)
    marked: set[int] = field(default_factory=set)
    is_intra_only: bool = False

    def note_packet(
        self, packet: "av.Packet[av.VideoStream]", access: RandomAccess, *, is_behind_gap: bool, is_marked: bool
    ) -> None:
        """Note the next packet of the stream, and number it.

        Args:
            packet: of the stream.
            access: how to recognise the places where decoding can begin.
            is_behind_gap: whether bytes are left over before it.
            is_marked: whether the container marks it as damaged.
        """
        number = len(self.stamps)
        self.is_intra_only = access.is_intra_only
        if access.is_entry(packet) if access.is_possible else packet.is_keyframe:
            self.entries.add(number)
        elif refresh := access.refresh_frames(packet):
            self.refreshes[number] = refresh
        if not access.is_reference(packet):
            self.others.add(number)
        self.stamps.append(NO_STAMP if packet.pts is None else packet.pts)
        self.places.append(-1 if packet.pos is None else packet.pos)
        if is_behind_gap:
            self.broken.add(max(0, number - 1))
        if is_marked:
            self.marked.add(number)
        packet.opaque = PacketNumber(number)

    def note_damage(self) -> None:
        """Note that damage was met in the last packet, or behind it."""
        self.damaged.add(max(0, len(self.stamps) - 1))

    def note_frame(self, picture: av.VideoFrame) -> None:
        """Note the next frame that came out of the decoder."""
        number = packet_number(picture)
        if number is not None:
            self.came.append(number)
            if picture.is_corrupt:
                self.damaged.add(number)

    def spoilt(self, others: AbstractSet[int]) -> frozenset[int]:
        """Return the numbers of the packets whose frames refer to lost or damaged ones, and of the damaged ones.

        What damages a packet may begin in the one before, whose last part is not always missed: so that counts, too.

        Args:
            others: numbers of packets in which, or right behind which, something else told of damage.
        """
        if self.is_intra_only:
            return frozenset(self.damaged)
        damaged = self.damaged | {max(0, number - 1) for number in self.damaged} | self.broken | others
        if not damaged:
            return frozenset()
        shown = {number: place for place, number in enumerate(self.came)}
        found: set[int] = set()
        state = _Wake()
        for number in range(len(self.stamps)):
            if number in self.entries:
                state.enter(shown.get(number), is_damaged=number in damaged)
            elif number in self.refreshes:
                state.refresh(self.refreshes[number])
            if state.reaches(shown.get(number), is_damaged=number in damaged):
                found.add(number)
            state.leave(is_reference=number not in self.others)
        return frozenset(found)

    def last_before(self, places: AbstractSet[int]) -> set[int]:
        """Return the number of the last packet before each place of the file."""
        if not len(self.places):
            return set()
        known = np.array(self.places, np.int64)
        order = np.argsort(known, kind="stable")
        found = np.searchsorted(known[order], np.array(sorted(places), np.int64)) - 1
        return set(order[np.maximum(found, 0)].tolist())

    def before_lost(self, index: NDArray[np.int64]) -> set[int]:
        """Return the numbers of the packets behind which others are missing.

        Args:
            index: (frames,) int64, bytes of the file before each frame's data; none where no index states them.
        """
        if not len(index):
            return set()
        ranks = {place: rank for rank, place in enumerate(index.tolist())}
        found, former = set(), -1
        for number, place in enumerate(self.places):
            rank = ranks.get(place, former)
            if rank > former + 1:
                found.add(max(0, number - 1))
            former = rank
        return found


@dataclass
class _Wake:
    """The reach of damage, packet by packet.

    Attributes:
        is_open: whether frames refer to damaged ones.
        is_open_before: whether those do that are shown before the last entry.
        entry: place of the last entry's frame in the order of showing; None if it did not come out.
        left: frames up to the end of a gradual refresh; 0 = none is going on.
    """

    is_open: bool = False
    is_open_before: bool = False
    entry: int | None = None
    left: int = 0

    def enter(self, place: int | None, *, is_damaged: bool) -> None:
        """Begin anew at a packet, as decoding can."""
        self.is_open_before = self.is_open or is_damaged
        self.is_open, self.entry, self.left = is_damaged, place, 0

    def refresh(self, frames: int) -> None:
        """Note that a gradual refresh begins."""
        self.left = frames + 1 if self.is_open else 0

    def reaches(self, place: int | None, *, is_damaged: bool) -> bool:
        """Return whether a packet's frame is damaged, or refers to one that is.

        Args:
            place: of the frame in the order of showing; None if it did not come out.
            is_damaged: whether damage was met here.
        """
        is_leading = self.entry is not None and place is not None and place < self.entry
        if is_damaged and is_leading:
            self.is_open_before = True
        elif is_damaged:
            self.is_open, self.left = True, 0
        return self.is_open or (is_leading and self.is_open_before)

    def leave(self, *, is_reference: bool) -> None:
        """Go on to the next packet."""
        if self.left and is_reference:
            self.left -= 1
            self.is_open = self.left > 0


def packet_number(picture: av.VideoFrame) -> int | None:
    """Return the number of the packet that a frame was decoded from; None if it was not numbered."""
    return picture.opaque.value if isinstance(picture.opaque, PacketNumber) else None
