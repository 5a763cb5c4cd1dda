"""Flash Video: tags (Adobe Flash Video File Format Specification 10.1, annex E; Veovera Enhanced RTMP v1)."""

import re
import struct
from dataclasses import dataclass

from curation.video.structure.findings import Structure
from curation.video.structure.view import View

_AUDIO, _VIDEO, _SCRIPT = 8, 9, 18
_TAG_BYTES, _BACK_BYTES = 11, 4
"""Of a tag's header, and of the number behind a tag that says how long it was."""

_ANCHOR = re.compile(rb"[\x08\x09\x12][\x00-\xff]{7}\x00\x00\x00")
_COMMAND_FRAME, _AVC, _HEVC = 5, 7, 12
_PARAMETERS, _UNITS, _END = 0, 1, 2
"""The content of a tag of AVC or HEVC; parameters begin with their version, 1."""

_CODED_FRAMES, _CODED_FRAMES_X = 1, 3


@dataclass(frozen=True)
class _Tag:
    kind: int
    size: int
    time: int


def read_flv(view: View, _stream: int) -> Structure:
    """Read the headers of all tags.

    Args:
        view: the file.

    Returns:
        The times in ms of the video tags that hold a picture. The file is whole if it is as long as its `onMetaData`
        says.
    """
    found = Structure(origin=0, wrap=1 << 32)
    position = int.from_bytes(view.read(5, 4), "big") + _BACK_BYTES
    if view.read(0, 3) != b"FLV" or not 9 <= position - _BACK_BYTES < view.size:
        found.break_off("no header of Flash Video")
        position = _next_tag(view, 0)
    declared = 0
    while position < view.size:
        tag = _tag(view, position)
        end = position + _TAG_BYTES + tag.size if tag else 0
        if tag is None or (end > view.size and found.is_whole is not False):
            if declared and position >= declared:
                break
            found.break_off(f"no tag of Flash Video at byte {position}")
            position = _next_tag(view, position + 1)
            continue
        if tag.kind == _SCRIPT and not declared:
            declared = _declared_size(view.read(position + _TAG_BYTES, min(tag.size, 1 << 16)))
            if declared:
                found.is_whole = declared <= view.size
                if not found.is_whole:
                    found.fault = found.fault or f"the file ends {declared - view.size} bytes before it should"
        if tag.kind == _VIDEO:
            try:
                offset = _picture_offset(view.read(position + _TAG_BYTES, min(tag.size, 8)))
            except ValueError:
                found.break_off(f"the tag at byte {position} is damaged")
                found.untimed += 1
                offset = None
            if offset is not None:
                found.add(tag.time + offset)
        if end + _BACK_BYTES <= view.size and view.unsigned(end, _BACK_BYTES) != tag.size + _TAG_BYTES:
            found.break_off(f"the tag at byte {position} does not end where it should")
            following = _tag(view, end + _BACK_BYTES)
            position = end + _BACK_BYTES if following else _next_tag(view, position + 1)
        else:
            position = end + _BACK_BYTES
    return found


def _tag(view: View, position: int) -> _Tag | None:
    """Read a tag's header; None where there is none."""
    header = view.read(position, _TAG_BYTES)
    if len(header) < _TAG_BYTES or header[0] not in (_AUDIO, _VIDEO, _SCRIPT) or any(header[8:]):
        return None
    time = int.from_bytes(header[7:8] + header[4:7], "big", signed=True)
    return _Tag(header[0], int.from_bytes(header[1:4], "big"), time)


def _next_tag(view: View, position: int) -> int:
    """Find the next tag whose length is written behind it, too."""
    while True:
        position = view.find(_ANCHOR, position, _TAG_BYTES)
        tag = _tag(view, position)
        if tag is None:
            return view.size
        end = position + _TAG_BYTES + tag.size
        if view.unsigned(end, _BACK_BYTES) == tag.size + _TAG_BYTES:
            return position
        position += 1


def _picture_offset(content: bytes) -> int | None:
    """Return the time from decoding to showing a video tag's picture, ms; None if it holds none.

    Raises:
        ValueError: the tag makes no sense.
    """
    if len(content) < 6 or content[0] >> 4 & 7 == _COMMAND_FRAME:
        return None
    if content[0] & 0x80:  # Enhanced RTMP: kind of packet, name of the codec
        kind, has_offset = content[0] & 15, content[1:5] in (b"avc1", b"hvc1", b"vvc1")
        if kind == _CODED_FRAMES and has_offset:
            return int.from_bytes(content[5:8], "big", signed=True)
        return 0 if kind in (_CODED_FRAMES, _CODED_FRAMES_X) else None
    if content[0] & 15 in (_AVC, _HEVC):
        if content[1] > _END or (content[1] == _PARAMETERS and content[5] != 1):
            raise ValueError
        return int.from_bytes(content[2:5], "big", signed=True) if content[1] == _UNITS else None
    return 0


def _declared_size(script: bytes) -> int:
    """Return the file's size as `onMetaData` states it; 0 if it does not."""
    name = b"\x00\x08filesize\x00"
    at = script.find(name)
    value = script[at + len(name) : at + len(name) + 8]
    if at < 0 or len(value) < 8:
        return 0
    size = struct.unpack(">d", value)[0]
    return int(size) if 0 < size < 2**53 else 0
