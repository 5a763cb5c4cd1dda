"""Ogg: pages (RFC 3533), and how Theora and VP8 count frames in them (Theora Specification, section A.2.3)."""

import re
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field

from curation.video.structure.findings import Structure
from curation.video.structure.view import View

_PAGE = re.compile(rb"OggS\x00[\x00-\x07]")
_PATTERN_BYTES, _HEADER_BYTES, _CHECKSUM_AT = 6, 27, 22
_BEGINS, _ENDS = 2, 4
_NO_POSITION = (1 << 64) - 1
_REVERSED = bytes(int(f"{value:08b}"[::-1], 2) for value in range(256))


@dataclass(frozen=True)
class _Page:
    """A page's header.

    Attributes:
        flags: whether it begins or ends its stream.
        granule: position of the stream at its end, as its codec counts; None if no packet ends in it.
        stream: serial number of the stream.
        number: of the page in the stream.
        begin: of its content in the file.
        end: of the page in the file.
        packets: that end in it and hold anything.
    """

    flags: int
    granule: int | None
    stream: int
    number: int
    begin: int
    end: int
    packets: int


@dataclass
class _Video:
    """The video stream, up to where it was read.

    Attributes:
        stream: its serial number.
        frames_at: how its positions count frames.
        page: number of the last sound page.
        pages: that were read.
        skipped: pages that are missing between its headers and its first page with frames.
        first: frames before its first page with frames.
        reached: frames up to the end of the last sound page.
        damaged: packets of each damaged page.
        has_ended: whether its last page was met.
    """

    stream: int
    frames_at: Callable[[int], int]
    page: int
    pages: int = 0
    skipped: int = 0
    first: int | None = None
    reached: int = 0
    damaged: dict[int, int] = field(default_factory=dict)
    has_ended: bool = False


def read_ogg(view: View, _stream: int) -> Structure:
    """Read all pages.

    Args:
        view: the file.

    Returns:
        How many frames the first video stream has, and those that are chained to it, by the positions that their pages
        state.
    """
    found = Structure()
    video: _Video | None = None
    position = before = 0
    while position < view.size:
        page = _page(view, position)
        is_sound = page is not None and _is_sound(view, position, page)
        begins = page is not None and is_sound and bool(page.flags & _BEGINS)
        if page is not None and begins and (video is None or video.has_ended):  # streams may be chained (RFC 3533, 4)
            frames_at = _counting(view.read(page.begin, 64))
            if frames_at:
                before += _frames_of(video, found) if video is not None else 0
                video = _Video(page.stream, frames_at, page.number)
        elif video is not None and page is not None and page.stream == video.stream:
            _read_page(page, is_sound, video, found)
        if page is not None and is_sound:
            position = page.end
        elif video is not None and video.has_ended and page is None:
            break
        else:
            found.break_off(f"no sound page of Ogg at byte {position}")
            found.breaks.add(position)
            position = view.find(_PAGE, position + 1, _PATTERN_BYTES)
    if video is not None:
        behind = any(page > video.page for page in video.damaged)
        found.count = before + _frames_of(video, found)
        found.is_whole = video.has_ended
        if not video.has_ended:
            found.fault = found.fault or "the file ends before its video does"
            found.count += not behind
    return found


def _frames_of(video: _Video, found: Structure) -> int:
    """Return how many frames a video has, those of damaged pages behind the last sound one included.

    A stream that was recorded from somewhere on has its headers, and then pages with high numbers. If no more pages are
    missing there than came, they may have been lost.
    """
    if 0 < video.skipped <= video.pages:
        found.break_off(f"{video.skipped} pages are missing before the first frame")
        video.first = 0
    behind = sum(packets for page, packets in video.damaged.items() if page > video.page)
    return video.reached + behind - (video.first or 0)


def _read_page(page: _Page, is_sound: bool, video: _Video, found: Structure) -> None:
    """Follow the video to the end of a page."""
    if not is_sound:
        video.damaged[page.number] = page.packets
        return
    video.pages += 1
    if page.number > video.page + 1 and not video.reached and not found.fault:
        video.skipped += page.number - video.page - 1
    elif page.number != video.page + 1:
        found.break_off(f"page {page.number} comes after page {video.page}")
        found.breaks.add(page.begin)
    video.page = page.number
    video.has_ended = bool(page.flags & _ENDS)
    if page.granule is None:
        return
    frames = video.frames_at(page.granule)
    if frames and video.first is None:
        video.first = 0 if found.fault else max(0, frames - page.packets)
    video.reached = max(frames, video.reached)


def _counting(packet: bytes) -> Callable[[int], int] | None:
    """Return how a stream that begins with a packet counts frames; None if it is not a video, or counts otherwise."""
    if packet[:5] == b"OVP80":
        return lambda granule: granule >> 32
    if packet[:7] == b"\x80theora" and len(packet) > 41:
        shift = (packet[40] & 3) << 3 | packet[41] >> 5
        return lambda granule: (granule >> shift) + (granule & (1 << shift) - 1)
    return None


def _page(view: View, position: int) -> _Page | None:
    """Read a page's header; None where there is none."""
    header = view.read(position, _HEADER_BYTES + 255)
    if len(header) < _HEADER_BYTES or not _PAGE.match(header):
        return None
    lengths = header[_HEADER_BYTES : _HEADER_BYTES + header[26]]
    if len(lengths) < header[26]:
        return None
    packets = sum(
        length < 255 and (length > 0 or (at > 0 and lengths[at - 1] == 255)) for at, length in enumerate(lengths)
    )
    granule = int.from_bytes(header[6:14], "little")
    begin = position + _HEADER_BYTES + len(lengths)
    stream, number = (int.from_bytes(header[at : at + 4], "little") for at in (14, 18))
    return _Page(
        header[5],
        None if granule == _NO_POSITION else granule,
        stream,
        number,
        begin,
        begin + sum(lengths),
        packets,
    )


def _is_sound(view: View, position: int, page: _Page) -> bool:
    """Return whether a page is complete and its checksum right.

    The checksum is a CRC-32 that takes the most significant bit first and begins with 0; that of zlib takes the least
    significant one first and is inverted at both ends.
    """
    content = bytearray(view.read(position, page.end - position))
    if len(content) < page.end - position:
        return False
    stated = int.from_bytes(content[_CHECKSUM_AT : _CHECKSUM_AT + 4], "little")
    content[_CHECKSUM_AT : _CHECKSUM_AT + 4] = bytes(4)
    reversed_checksum = ~zlib.crc32(content.translate(_REVERSED), 0xFFFFFFFF) & 0xFFFFFFFF
    return int(f"{reversed_checksum:032b}"[::-1], 2) == stated
