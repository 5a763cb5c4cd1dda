"""Boxes of MP4 and QuickTime (ISO/IEC 14496-12, section 4.2)."""

from collections.abc import Iterator
from dataclasses import dataclass

from curation.video.structure.view import View


@dataclass(frozen=True)
class Box:
    """A box: its kind, and bytes of the file before its content and before what follows it."""

    kind: bytes
    begin: int
    end: int


def field_of(view: View, box: Box, at: int, at_in_version_1: int, length: int, length_in_version_1: int) -> int:
    """Return a number of a box whose version decides where it is and how long; 0 behind the end of the file."""
    if view.unsigned(box.begin, 1) == 1:
        at, length = at_in_version_1, length_in_version_1
    return view.unsigned(box.begin + at, length) or 0


def descendants(view: View, box: Box) -> Iterator[Box]:
    """Yield a track's boxes, and those inside the ones that lead to its tables."""
    for child in boxes(view, box):
        yield child
        if child.kind in (b"mdia", b"minf", b"stbl", b"edts"):
            yield from descendants(view, child)


def boxes(view: View, box: Box) -> Iterator[Box]:
    """Yield the boxes inside a box, as far as they make sense."""
    position, end = box.begin, min(box.end, view.size)
    while position < end:
        child = box_at(view, position)
        if child is None:
            return
        yield child
        position = child.end


def box_at(view: View, position: int) -> Box | None:
    """Read a box's header; None where there is none."""
    head = view.read(position, 16)
    if len(head) < 8:
        return None
    size, kind = int.from_bytes(head[:4], "big"), head[4:8]
    if size == 0:
        return Box(kind, position + 8, view.size)
    if size == 1:
        size = int.from_bytes(head[8:16], "big")
        return Box(kind, position + 16, position + size) if size >= 16 else None
    return Box(kind, position + 8, position + size) if size >= 8 else None


def name_of(box: Box) -> str:
    """Return the kind of a box as text."""
    return box.kind.decode("ascii", "replace")
