"""MP4 and QuickTime: movie fragments, and edit lists (ISO/IEC 14496-12, sections 8.6.6, 8.8 and 8.16).

Files that are not fragmented hold a table of all samples, which FFmpeg reads and counts.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from statistics import median

from curation.video.structure.findings import Structure
from curation.video.structure.mp4_boxes import Box, box_at, boxes, descendants, field_of, name_of
from curation.video.structure.mp4_samples import shown_samples
from curation.video.structure.view import View

_TOP = frozenset(
    b"ftyp styp moov moof mdat sidx ssix mfra free skip wide uuid meta prft emsg pdin udta pnot PICT".split()
)
_ANYWHERE = frozenset([b"free", b"skip", b"uuid", b"meta", b"udta", b"pssh"])
_IN_FRAGMENT = frozenset([b"mfhd", b"traf"]) | _ANYWHERE
_IN_TRACK_FRAGMENT = frozenset(b"tfhd tfdt trun sbgp sgpd subs saiz saio senc sdtp tfxd".split()) | _ANYWHERE
_IN_TRACK = _ANYWHERE | frozenset(
    b"tkhd tref trgr edts elst mdia mdhd hdlr elng minf vmhd smhd hmhd nmhd sthd gmhd dinf stbl stsd stts ctts cslg "
    b"stsc stsz stz2 stco co64 stss stsh stps padb stdp sdtp sbgp sgpd subs saiz saio tapt load imap matt clip crgn "
    b"kmat txas ludt vmaf".split()
)
_FRAGMENT = re.compile(rb"moof[\x00-\xff]{4}mfhd", re.DOTALL)
_MOVIE_BYTES = 1 << 28
"""A box of headers that claims more is damaged."""

_MOST_EDITS = 1024
_LONGEST = 1 << 61
_MOST_SAMPLES = 1 << 16


@dataclass
class _State:
    """The state of the track while fragments are read; durations and times are in its units.

    Attributes:
        track: its number.
        default_duration: of a sample.
        shift: what an edit list adds to its times.
        next_time: when the next sample is decoded.
        sequence: number of the last fragment.
        fragments: how many were read.
        is_fragmented: whether all samples are in fragments.
        has_data: whether media data that come next belong to a header before them.
        tracks: numbers of all tracks.
        runs: how many samples of the track each run had.
    """

    track: int
    default_duration: int = 0
    shift: int = 0
    next_time: int = 0
    sequence: int = 0
    fragments: int = 0
    is_fragmented: bool = False
    has_data: bool = False
    tracks: set[int] = field(default_factory=set)
    runs: list[int] = field(default_factory=list)


def read_mp4(view: View, track: int) -> Structure:
    """Read the edit list of a track and the headers of all fragments.

    Args:
        view: the file.
        track: number of the video track.

    Returns:
        When the samples in fragments are to be shown. Of a file that is not fragmented, only what its edit list says of
        the end of the track.
    """
    found, state = Structure(origin=0), _State(track)
    position = former = 0
    while position < view.size:
        box = box_at(view, position)
        if box is None or box.kind not in _TOP:
            found.break_off(f"no box of MP4 at byte {position}")
            match = view.find(_FRAGMENT, former + 4, 12)
            position = former = match - 4 if match < view.size else view.size
            continue
        if box.end > view.size:
            found.is_whole = False
            found.fault = found.fault or f"the file ends {box.end - view.size} bytes before a box `{name_of(box)}` does"
        if box.kind == b"moov" and box.end - box.begin < _MOVIE_BYTES:
            _read_movie(view, box, found, state)
        elif box.kind == b"moof" and box.end - box.begin < _MOVIE_BYTES:
            _read_fragment(view, box, found, state)
            state.has_data = True
        elif box.kind == b"mdat" and box.end > box.begin and state.is_fragmented:
            if not state.has_data:
                found.break_off(f"media data at byte {position} belong to no fragment")
            state.has_data = False
        elif box.kind == b"sidx" and box.end - box.begin < _MOVIE_BYTES:
            _read_segment_index(view, box, found, state)
        former, position = position + 1, box.end
    if not state.is_fragmented and not state.fragments:
        return Structure(
            unit=found.unit, end=found.end, shows_end=found.shows_end, shows_all=found.shows_all, shown=found.shown
        )
    _read_index(view, found, state)
    return found


def _read_segment_index(view: View, index: Box, found: Structure, state: _State) -> None:
    """Take the end of what an index of segments lists (ISO/IEC 14496-12, section 8.16.3)."""
    content = view.read(index.begin, index.end - index.begin)
    at = 12 + (16 if content[:1] == b"\1" else 8) + 4
    track, scale = int.from_bytes(content[4:8], "big"), int.from_bytes(content[8:12], "big")
    if track != state.track or not scale or len(content) < at:
        return
    begin = int.from_bytes(content[12 : 12 + (at - 16) // 2], "big")
    entries = min(int.from_bytes(content[at - 2 : at], "big"), (len(content) - at) // 12)
    duration = sum(int.from_bytes(content[at + 12 * n + 4 : at + 12 * n + 8], "big") for n in range(entries))
    found.end = max(found.end or 0, int(Fraction(begin + duration, scale) / found.unit) + state.shift)


def _read_index(view: View, found: Structure, state: _State) -> None:
    """Compare the fragments with the index of random access points, where the file ends with one."""
    size = view.unsigned(view.size - 4, 4) or 0
    index = box_at(view, view.size - size)
    if view.read(view.size - 12, 4) != b"mfro" or index is None or index.kind != b"mfra":
        return
    found.is_whole = True
    known = set(found.times)
    for box in boxes(view, index):
        if box.kind != b"tfra" or view.unsigned(box.begin + 4, 4) != state.track:
            continue
        width = 8 if view.unsigned(box.begin, 1) == 1 else 4
        numbers = view.unsigned(box.begin + 8, 4) or 0
        entry_bytes = 2 * width + sum((numbers >> shift & 3) + 1 for shift in (0, 2, 4))
        entries = view.read(box.begin + 16, box.end - box.begin - 16)
        times = {int.from_bytes(entries[at : at + width], "big") for at in range(0, len(entries), entry_bytes)}
        lost = times - known  # they are those of the presentation, to which the edit list was applied
        if lost and 2 * len(lost) <= len(times):
            found.break_off(f"{len(lost)} fragments that the index names are missing")
            found.untimed += len(lost) * (int(median(state.runs)) if state.runs else 1)


def _read_movie(view: View, movie: Box, found: Structure, state: _State) -> None:
    """Take unit, edit list, defaults and duration of the track from the movie's header."""
    scale = 0
    for box in boxes(view, movie):
        if box.kind == b"mvhd":
            scale = field_of(view, box, 12, 20, 4, 4)
        elif box.kind == b"trak":
            inner = {child.kind: child for child in descendants(view, box)}
            if b"tkhd" not in inner or b"mdhd" not in inner:
                continue
            number = field_of(view, inner[b"tkhd"], 12, 20, 4, 4)
            state.tracks.add(number)
            state.has_data |= b"stsz" in inner and bool(view.unsigned(inner[b"stsz"].begin + 8, 4))
            if number == state.track:
                _read_track(view, inner, scale, found, state)
        elif box.kind == b"mvex":
            state.is_fragmented = True
            for child in boxes(view, box):
                if child.kind == b"trex" and view.unsigned(child.begin + 4, 4) == state.track:
                    state.default_duration = view.unsigned(child.begin + 12, 4) or 0
                elif child.kind == b"mehd" and scale:
                    duration = field_of(view, child, 4, 4, 4, 8)
                    found.end = int(Fraction(duration, scale) / found.unit) if duration else None


def _read_track(view: View, boxes: dict[bytes, Box], scale: int, found: Structure, state: _State) -> None:
    """Take unit and edit list of the track.

    The list shows the end of the track if its only edit goes on to the end. It is not trusted if a table of the track
    is damaged, or its edits together are not as long as the track's header says: then nothing may be left out.
    """
    unit, duration = (field_of(view, boxes[b"mdhd"], *places) for places in ((12, 20, 4, 4), (16, 24, 4, 8)))
    found.unit = Fraction(1, unit) if unit else found.unit
    edits = _edits(view, boxes[b"elst"]) if b"elst" in boxes else []
    if not scale or not unit or not edits:
        return
    delay = 0
    for length, media_time in edits:
        if media_time >= 0:
            state.shift = delay - media_time
            break
        delay += int(Fraction(length * unit, scale))
    shown = [(length, media_time) for length, media_time in edits if media_time >= 0]
    together = sum(length for length, _ in edits)
    is_as_long = abs(together - field_of(view, boxes[b"tkhd"], 20, 28, 4, 8)) <= len(edits)
    found.end = int(Fraction(together * unit, scale)) if together else None
    found.shows_all = not is_as_long or not set(boxes) <= _IN_TRACK
    found.shows_end = len(shown) == 1 and Fraction((shown[0][0] + 1) * unit, scale) + shown[0][1] >= duration
    if not found.shows_all and not found.shows_end and b"stts" in boxes:
        parts = [(begin, min(int(Fraction(length * unit, scale)), _LONGEST)) for length, begin in shown]
        content = [_content(view, boxes.get(kind)) for kind in (b"stts", b"ctts")]
        found.shown = shown_samples(content[0], content[1], parts, -(-unit // scale))


def _content(view: View, box: Box | None) -> bytes:
    """Return the content of a table; nothing where there is none."""
    return view.read(box.begin, min(box.end - box.begin, _MOVIE_BYTES)) if box is not None else b""


def _edits(view: View, box: Box) -> list[tuple[int, int]]:
    """Return the edits of a list: length in units of the movie, and where in the track it begins; -1 = nowhere."""
    width = 8 if view.unsigned(box.begin, 1) == 1 else 4
    edits = []
    for number in range(min(view.unsigned(box.begin + 4, 4) or 0, _MOST_EDITS)):
        entry = view.read(box.begin + 8 + number * (2 * width + 4), 2 * width)
        edits.append((int.from_bytes(entry[:width], "big"), int.from_bytes(entry[width:], "big", signed=True)))
    return edits


def _read_fragment(view: View, fragment: Box, found: Structure, state: _State) -> None:
    """Note the samples of one fragment."""
    state.fragments += 1
    for box in _checked(view, fragment, _IN_FRAGMENT, found):
        if box.kind == b"mfhd":
            sequence = view.unsigned(box.begin + 4, 4) or 0
            if state.sequence and sequence != state.sequence + 1:
                found.break_off(f"fragment {sequence} comes after fragment {state.sequence}")
            state.sequence = sequence
        elif box.kind == b"traf":
            _read_track_fragment(view, box, found, state)


def _read_track_fragment(view: View, fragment: Box, found: Structure, state: _State) -> None:
    duration = state.default_duration
    for box in _checked(view, fragment, _IN_TRACK_FRAGMENT, found):
        head = view.unsigned(box.begin, 4) or 0
        version, flags = head >> 24, head & 0xFFFFFF
        if box.kind == b"tfhd":
            number = view.unsigned(box.begin + 4, 4)
            if number not in state.tracks:
                found.break_off(f"a fragment of no known track at byte {box.begin}")
            if number != state.track:
                return
            if flags & 0x8:
                at = box.begin + 8 + (8 if flags & 0x1 else 0) + (4 if flags & 0x2 else 0)
                duration = view.unsigned(at, 4) or duration
        elif box.kind == b"tfdt":
            time = view.unsigned(box.begin + 4, 8 if version == 1 else 4)
            state.next_time = time if time is not None else state.next_time
        elif box.kind == b"trun":
            _read_run(view.read(box.begin, min(box.end, view.size) - box.begin), duration, found, state)


def _read_run(content: bytes, default_duration: int, found: Structure, state: _State) -> None:
    """Note the samples of one run."""
    version, flags = content[:1] == b"\x01", int.from_bytes(content[1:4], "big")
    count = int.from_bytes(content[4:8], "big")
    at = 8 + (4 if flags & 0x1 else 0) + (4 if flags & 0x4 else 0)
    fields = [bit for bit in (0x100, 0x200, 0x400, 0x800) if flags & bit]
    if fields and len(content) != at + 4 * len(fields) * count:
        found.break_off("a run of samples is not as long as its box")
        there = max(0, len(content) - at) // (4 * len(fields))
        found.untimed += max(0, there - count)
        count = min(count, there)
    count = min(count, _MOST_SAMPLES)
    state.runs.append(count)
    for _ in range(count):
        values = {}
        for bit in fields:
            values[bit] = content[at : at + 4]
            at += 4
        offset = int.from_bytes(values.get(0x800, b""), "big", signed=version)
        found.add(state.next_time + offset + state.shift)
        state.next_time += int.from_bytes(values[0x100], "big") if 0x100 in values else default_duration


def _checked(view: View, parent: Box, kinds: frozenset[bytes], found: Structure) -> Iterator[Box]:
    """Yield the boxes inside a box; one of another kind, or an end in the wrong place, is damage."""
    end = parent.begin
    for box in boxes(view, parent):
        if box.kind not in kinds or box.end > parent.end:
            break
        yield box
        end = box.end
    if end != parent.end:
        found.break_off(f"no box that belongs into `{name_of(parent)}` at byte {end}")
