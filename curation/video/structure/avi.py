"""Audio Video Interleave: its index, which names every frame, also those that repeat the one before.

Microsoft, "AVI RIFF File Reference"; Matrox, "OpenDML AVI File Format Extensions", version 1.02. An index entry of size
0 repeats the frame before it for as long as one frame lasts.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from curation.video.structure.findings import Structure
from curation.video.structure.view import View

_LISTS = (b"RIFF", b"LIST")
_HEAD = 8
_MOST_BYTES, _MOST_ENTRIES = 1 << 26, 1 << 22
"""An index that claims more is damaged."""

_CHUNK = re.compile(rb"[0-9]{2}(?:dc|db|wb|pc|tx|iv)")


@dataclass(frozen=True)
class FrameIndex:
    """The frames of a video, as the index names them.

    Attributes:
        places: (entries,) int64, bytes of the file before a frame's data.
        sizes: (entries,) int64, bytes of a frame's data; 0 = the frame before is repeated.
        unit: seconds of one entry; None where the header makes no sense.
    """

    places: NDArray[np.int64]
    sizes: NDArray[np.int64]
    unit: Fraction | None


@dataclass(frozen=True)
class _Chunk:
    """A chunk: its four characters (of a list: those of its kind), and where its content begins and ends."""

    kind: bytes
    begin: int
    end: int


def read_avi(view: View, stream: int) -> Structure:
    """Read the index.

    Args:
        view: the file.
        stream: number of the video stream.

    Returns:
        How many frames are stored, where they are, and how many only repeat the one before.
    """
    index = frame_index(view, stream)
    if index is None:
        return Structure()
    stored = index.sizes > 0
    return Structure(
        unit=index.unit or Structure.unit,
        count=int(stored.sum()),
        repeats=int((~stored).sum()),
        places=index.places[stored],
    )


def frame_index(view: View, stream: int) -> FrameIndex | None:
    """Return the index of a video stream; None where the file has none that makes sense.

    Where it does not come with the file, since the end is missing, it is made from the chunks that are there.

    Args:
        view: the file.
        stream: number of the video stream.
    """
    headers: list[_Chunk] = []
    movies: list[_Chunk] = []
    old: _Chunk | None = None
    for chunk in _top(view):
        if chunk.kind == b"hdrl":
            headers = [each for each in _inside(view, chunk) if each.kind == b"strl"]
        elif chunk.kind == b"movi":
            movies.append(chunk)
        elif chunk.kind == b"idx1":
            old = chunk
    if stream >= len(headers) or not movies:
        return None
    unit, entries = None, np.zeros((0, 2), np.int64)
    for chunk in _inside(view, headers[stream]):
        if chunk.kind == b"strh":
            scale, rate = _little(view, chunk.begin + 20), _little(view, chunk.begin + 24)
            unit = Fraction(scale, rate) if scale and rate else None
        elif chunk.kind == b"indx":
            entries = _long_index(view, chunk)
    if not len(entries) and old is not None:
        entries = _old_index(view, old, movies[0], stream)
    if not len(entries):
        entries = np.array([*_found(view, movies, stream)], np.int64).reshape(-1, 2)
    return FrameIndex(entries[:, 0], entries[:, 1], unit) if len(entries) else None


def _old_index(view: View, index: _Chunk, movie: _Chunk, stream: int) -> NDArray[np.int64]:
    """Return place and size of each entry (n, 2); places count from the movie's list, or from the file's begin."""
    rows = _rows(view.read(index.begin, min(index.end - index.begin, _MOST_BYTES)), 4)
    number = np.frombuffer(rows[:, 0].astype("<u4").tobytes(), np.uint8).reshape(-1, 4)[:, :2].astype(np.int64) - 48
    rows = rows[number[:, 0] * 10 + number[:, 1] == stream]
    rows = rows[(rows[:, 1] & 1) == 0]  # a list of chunks, not one
    if not len(rows):
        return np.zeros((0, 2), np.int64)
    first = int(rows[0, 2])
    name = int(rows[0, 0]).to_bytes(4, "little")
    base = next((base for base in (movie.begin - 4, 0) if view.read(base + first, 4) == name), None)
    if base is None:
        return np.zeros((0, 2), np.int64)
    return np.stack([rows[:, 2] + base + _HEAD, rows[:, 3]], axis=1)


def _long_index(view: View, index: _Chunk) -> NDArray[np.int64]:
    """Return place and size of each entry (n, 2) of an index of indexes."""
    content = view.read(index.begin, min(index.end - index.begin, _MOST_BYTES))
    if len(content) < 24 or content[3] != 0 or int.from_bytes(content[:2], "little") != 4:
        return np.zeros((0, 2), np.int64)
    count = int.from_bytes(content[4:8], "little")
    parts: list[NDArray[np.int64]] = []
    entries_before = 0
    for row in _rows(content[24:], 4)[:count]:
        place = int(row[0] | row[1] << 32)
        part = view.read(place + _HEAD, min(int(row[2]), _MOST_BYTES))
        if len(part) < 24 or int.from_bytes(part[:2], "little") != 2 or part[3] != 1:
            return np.zeros((0, 2), np.int64)
        base = int.from_bytes(part[12:20], "little")
        entries = _rows(part[24:], 2)[: int.from_bytes(part[4:8], "little")]
        entries_before += len(entries)
        if base > view.size or entries_before > _MOST_ENTRIES:
            return np.zeros((0, 2), np.int64)
        parts.append(np.stack([entries[:, 0] + base, entries[:, 1] & 0x7FFFFFFF], axis=1))
    return np.concatenate(parts) if parts else np.zeros((0, 2), np.int64)


def _found(view: View, movies: list[_Chunk], stream: int) -> Iterator[tuple[int, int]]:
    """Yield place and size of each chunk of the stream, up to the first one that makes no sense."""
    for movie in movies:
        todo = [movie]
        while todo:
            part = todo.pop()
            for chunk in _inside(view, part):
                if chunk.kind == b"rec ":
                    todo.append(replace(chunk, end=min(chunk.end, part.end)))
                elif _CHUNK.match(chunk.kind) and int(chunk.kind[:2]) == stream:
                    yield chunk.begin, chunk.end - chunk.begin


def _rows(content: bytes, width: int) -> NDArray[np.int64]:
    """Return numbers of 4 bytes: (rows, width)."""
    return np.frombuffer(content[: len(content) // (4 * width) * 4 * width], "<u4").astype(np.int64).reshape(-1, width)


def _little(view: View, position: int) -> int:
    return int.from_bytes(view.read(position, 4), "little")


def _top(view: View) -> Iterator[_Chunk]:
    """Yield the chunks in all RIFF lists of the file."""
    position = 0
    while (riff := _chunk(view, position, view.size)) is not None and view.read(position, 4) == b"RIFF":
        yield from _inside(view, riff)
        position = riff.end + (riff.end & 1)


def _inside(view: View, chunk: _Chunk) -> Iterator[_Chunk]:
    """Yield the chunks inside a list, as far as they make sense; one may go on behind its end."""
    position = chunk.begin
    while position < min(chunk.end, view.size) and (inner := _chunk(view, position, view.size)) is not None:
        yield inner
        position = inner.end + (inner.end & 1)


def _chunk(view: View, position: int, end: int) -> _Chunk | None:
    """Read a chunk's header; None where there is none."""
    head = view.read(position, 12)
    if len(head) < _HEAD or not head[:4].isascii():
        return None
    begin, size = position + _HEAD, int.from_bytes(head[4:8], "little")
    if head[:4] in _LISTS:
        return _Chunk(head[8:12], begin + 4, min(begin + size, end) if size else end)
    return _Chunk(head[:4], begin, begin + size)
