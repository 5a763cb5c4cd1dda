"""Matroska and WebM: clusters and blocks (RFC 8794: EBML; RFC 9559: Matroska)."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction

from curation.video.structure.findings import Structure
from curation.video.structure.view import View
from curation.video.structure.vp8 import is_hidden

_EBML, _SEGMENT, _CLUSTER, _INFO, _TRACKS = 0x1A45DFA3, 0x18538067, 0x1F43B675, 0x1549A966, 0x1654AE6B
_CUES, _SEEK_HEAD, _CHAPTERS, _ATTACHMENTS, _TAGS = 0x1C53BB6B, 0x114D9B74, 0x1043A770, 0x1941A469, 0x1254C367
_VOID, _CRC_32 = 0xEC, 0xBF
_IN_SEGMENT = {_CLUSTER, _INFO, _TRACKS, _CUES, _SEEK_HEAD, _CHAPTERS, _ATTACHMENTS, _TAGS}
_TIMESTAMP, _SIMPLE_BLOCK, _BLOCK_GROUP, _BLOCK = 0xE7, 0xA3, 0xA0, 0xA1
_IN_CLUSTER = {_TIMESTAMP, _SIMPLE_BLOCK, _BLOCK_GROUP, 0xA7, 0xAB, 0x5854, 0xAF}
_IN_GROUP = {_BLOCK, 0x9B, 0xFB, 0xFA, 0xFD, 0xA4, 0x75A1, 0x75A2, 0x8E}
_KNOWN = {_EBML, _SEGMENT, _VOID, _CRC_32} | _IN_SEGMENT | _IN_CLUSTER | _IN_GROUP
_NUMBERS = {_TIMESTAMP, 0xA7, 0xAB, 0x9B, 0xFB, 0xFA, 0x75A2, _CRC_32}
"""Elements that hold one number, of 8 bytes at most."""

_OPENED = {_SEGMENT, _CLUSTER, _BLOCK_GROUP}
"""Elements whose content is read; that of all others is skipped."""

_TIMESTAMP_SCALE, _TRACK_ENTRY = 0x2AD7B1, 0xAE
_TRACK_NUMBER, _TRACK_TYPE, _CODEC_ID, _ENCODINGS = 0xD7, 0x83, 0x86, 0x6D80
_VIDEO = 1

_ANCHOR = re.compile(b"|".join([*(re.escape(n.to_bytes(4, "big")) for n in sorted(_IN_SEGMENT)), b"[\xa3\xa0]"]))
_HEADER_BYTES = 12
"""Those of an element at most: 4 of its ID, 8 of its size."""


@dataclass(frozen=True)
class _Element:
    """An element; `end` is None where it has no size of its own."""

    number: int
    begin: int
    end: int | None


@dataclass
class _State:
    """The state while the elements are read one after another.

    Attributes:
        wanted: place of the video track among all of them, from 0.
        videos: how many video tracks there are before what is read.
        tracks: numbers of all tracks.
        video: number of the video track.
        hides_pictures: whether its blocks are VP8 frames as they are, which tell if they are to be shown.
        cluster_time: of the cluster that blocks are read of; None where its header may be lost.
        cluster_end: where the cluster should end; None where that is not known.
    """

    wanted: int
    videos: int = 0
    tracks: set[int] = field(default_factory=set)
    video: int | None = None
    hides_pictures: bool = False
    cluster_time: int | None = None
    cluster_end: int | None = None


def read_matroska(view: View, stream: int) -> Structure:
    """Read the headers of clusters and blocks.

    Args:
        view: the file.
        stream: place of the video track among all video tracks, from 0.

    Returns:
        The times of the blocks of the video track, in units of the file's time stamp scale. Blocks that only hold
        a reference picture (VP8) are left out.
    """
    found, state = Structure(origin=0), _State(stream)
    position, segment_end = 0, view.size
    while position < view.size:
        element = _known(view, position)
        if element is None:
            if position >= segment_end and found.is_whole:
                break
            found.break_off(f"no element of Matroska at byte {position}")
            state.cluster_time = state.cluster_end = None
            position = _next_anchor(view, position + 1, state)
            continue
        if element.number == _SEGMENT and element.end is not None:
            segment_end, found.is_whole = element.end, element.end <= view.size
            if not found.is_whole:
                found.fault = f"the file ends {element.end - view.size} bytes before its segment does"
        elif element.number in _IN_SEGMENT:
            if state.cluster_end not in (None, position):
                found.break_off(f"a cluster does not end at byte {position} as it should")
            state.cluster_end = element.end if element.number == _CLUSTER else None
            state.cluster_time = None
        _read(view, element, found, state)
        if element.number in _OPENED or element.end is None:
            position = element.begin
        elif element.end > view.size or not _follows(view, element.end):
            if element.end <= view.size or found.is_whole:
                found.break_off(f"no element of Matroska at byte {element.end}")
                state.cluster_time = state.cluster_end = None
            position = _next_anchor(view, element.begin, state)
        else:
            position = element.end
    return found


def track_fields(view: View, number: int, inside: int) -> dict[int, bytes]:
    """Return the elements of a video track that stand inside one of its elements; nothing where there is none.

    Args:
        view: the file.
        number: of the track among those with video.
        inside: ID of the element.
    """
    position = 0
    while (element := _known(view, position)) is not None and element.number != _CLUSTER:
        if element.number == _TRACKS and element.end is not None:
            for entry in _children(view, element.begin, element.end):
                content = {c.number: c for c in _children(view, entry.begin, entry.end or entry.begin)}
                kind = content.get(_TRACK_TYPE)
                if kind is None or int.from_bytes(_value(view, kind), "big") != _VIDEO:
                    continue
                if number == 0 and inside in content:
                    holder = content[inside]
                    end = holder.end or holder.begin
                    return {c.number: _value(view, c) for c in _children(view, holder.begin, end)}
                number -= 1
            return {}
        if element.number != _SEGMENT and element.end is None:
            return {}
        position = element.begin if element.number == _SEGMENT or element.end is None else element.end
    return {}


def _read(view: View, element: _Element, found: Structure, state: _State) -> None:
    """Take note of what an element says."""
    end = min(view.size, element.end if element.end is not None else view.size)
    if element.number == _INFO:
        for child in _children(view, element.begin, end):
            if child.number == _TIMESTAMP_SCALE and child.end is not None:
                scale = view.unsigned(child.begin, child.end - child.begin)
                found.unit = Fraction(scale, 10**9) if scale else found.unit
    elif element.number == _TRACKS:
        for entry in _children(view, element.begin, end):
            if entry.number == _TRACK_ENTRY and entry.end is not None:
                _read_track({c.number: _value(view, c) for c in _children(view, entry.begin, entry.end)}, state)
    elif element.number == _TIMESTAMP:
        state.cluster_time = view.unsigned(element.begin, end - element.begin)
    elif element.number in (_SIMPLE_BLOCK, _BLOCK):
        _read_block(view, element, found, state)


def _read_track(content: dict[int, bytes], state: _State) -> None:
    number = int.from_bytes(content.get(_TRACK_NUMBER, b""), "big")
    state.tracks.add(number)
    if int.from_bytes(content.get(_TRACK_TYPE, b""), "big") != _VIDEO:
        return
    if state.video is None and state.videos == state.wanted:
        state.video = number
        state.hides_pictures = content.get(_CODEC_ID, b"").startswith(b"V_VP8") and _ENCODINGS not in content
    state.videos += 1


def _read_block(view: View, block: _Element, found: Structure, state: _State) -> None:
    """Note when a block of the video is to be shown."""
    header = view.read(block.begin, 12)
    number, width = _number(header)
    content = header[width:]
    if number not in state.tracks:
        found.break_off(f"a block of no known track at byte {block.begin}")
    if number != state.video or len(content) < 3:
        return
    if state.hides_pictures and len(content) > 3 and is_hidden(content[3]):
        return
    if state.cluster_time is None:
        found.untimed += 1
    else:
        found.add(state.cluster_time + int.from_bytes(content[:2], "big", signed=True))


def _next_anchor(view: View, position: int, state: _State) -> int:
    """Find the next element after damage: one with a long ID, or a block of a known track that another one follows."""
    while True:
        position = view.find(_ANCHOR, position, 4)
        if position >= view.size:
            return position
        element = _element(view, position)
        if element is not None and element.number in _IN_SEGMENT:
            return position
        if element is not None and element.number == _BLOCK_GROUP:
            element = _element(view, element.begin)
        if element is not None and element.number in (_SIMPLE_BLOCK, _BLOCK) and element.end is not None:
            number, _ = _number(view.read(element.begin, 8))
            if number in state.tracks and element.end - element.begin > 4 and _follows(view, element.end):
                return position
        position += 1


def _follows(view: View, position: int) -> bool:
    """Return whether an element begins at a position, or the file ends there."""
    if position >= view.size:
        return position == view.size
    return _known(view, position) is not None


def _children(view: View, begin: int, end: int) -> Iterator[_Element]:
    """Yield the elements between two positions, as far as they make sense."""
    while begin < end:
        element = _element(view, begin)
        if element is None or element.end is None or element.end > end:
            return
        yield element
        begin = element.end


def _known(view: View, position: int) -> _Element | None:
    """Read the header of an element that may be there; None where there is none, or its size makes no sense."""
    element = _element(view, position)
    if element is None or element.number not in _KNOWN:
        return None
    has_number = element.number in _NUMBERS
    return None if has_number and not (element.end is not None and element.end <= element.begin + 8) else element


def _value(view: View, element: _Element) -> bytes:
    return b"" if element.end is None else view.read(element.begin, min(64, element.end - element.begin))


def _element(view: View, position: int) -> _Element | None:
    """Read an element's header; None where there is none."""
    header = view.read(position, _HEADER_BYTES)
    id_width = _width(header)
    if not 0 < id_width <= 4:
        return None
    size, size_width = _number(header[id_width:])
    if not size_width:
        return None
    begin = position + id_width + size_width
    number = int.from_bytes(header[:id_width], "big")
    return _Element(number, begin, None if size == (1 << 7 * size_width) - 1 else begin + size)


def _width(content: bytes) -> int:
    """Return how many bytes a number of variable length takes; 0 where there is none."""
    return 9 - content[0].bit_length() if content and content[0] else 0


def _number(content: bytes) -> tuple[int, int]:
    """Read a number of variable length: its value and its bytes; 0 bytes where there is none."""
    width = _width(content)
    if not width or len(content) < width:
        return 0, 0
    return int.from_bytes(content[:width], "big") & ((1 << 7 * width) - 1), width
