"""Damage in JPEG files that decoders pass over: they fill what is missing with grey, and call the picture decoded.

The warnings of libjpeg-turbo decide. What it does not warn of is looked for where the file itself tells: a stretch of
zeros where coded pixels cannot be zeros, and scans of a progressive file that never come.
"""

from collections.abc import Iterator

import numpy as np

from curation.image.findings import SOUND, Findings
from curation.image.jpeg_segments import (
    FRAMES,
    HUFFMAN_TABLES,
    PROGRESSIVE,
    SEQUENTIAL,
    START_OF_SCAN,
    Content,
    Scan,
    end_of_scan,
    segments_of,
)
from curation.image.jpeg_warnings import END_MISSING, EXTRANEOUS, is_harmless, warnings_of

END_MARKER = b"\xff\xd9"

_ZEROS = bytes(128)
"""A stretch of zeros that no scan holds whose code for zeros stands for a coefficient: more bits than the longest group
of blocks has where all of them but one are empty. A lost sector has at least four times as many."""

_STEP = 32
_SAMPLED_ZEROS = _ZEROS[::_STEP]
"""Such a stretch has as many zeros, each `_STEP` behind the other, wherever it begins; looking for them is quick."""

_COEFFICIENTS = 64
_END_OF_BLOCK = 0
_UNSENT = 16
"""More bits than a coefficient has: none of it has come."""


def findings_of(data: Content, size: tuple[int, int], *, has_inks: bool = False, is_strictly_sound: bool) -> Findings:
    """Look for damage in a JPEG file.

    Args:
        data: the file.
        size: its width and height, pixels.
        has_inks: whether its colours are four inks (CMYK).
        is_strictly_sound: whether the library has decoded it without a warning.

    Raises:
        MissingLibraryError: see `jpeg_warnings.require`.
    """
    if _has_lost_stretch(data):
        return Findings("damaged JPEG file: a part of its data is zeros")
    if is_strictly_sound:
        return SOUND
    warnings = _warnings_of(data, size, has_inks)
    lacks_end = END_MISSING in warnings
    if lacks_end:
        closed = _warnings_of(data[:] + END_MARKER, size, has_inks)
        warnings = [each for each in warnings if each != END_MISSING] + closed
    kind = "truncated" if lacks_end else "damaged"
    if harmful := next((each for each in warnings if not is_harmless(each)), ""):
        return Findings(f"{kind} JPEG file: {harmful.removeprefix('Corrupt JPEG data: ')}")
    is_extraneous = any(EXTRANEOUS in each for each in warnings)
    if (is_extraneous or lacks_end) and not _is_complete(data):
        return Findings(f"{kind} JPEG file: scans of it are missing")
    if lacks_end and is_extraneous:
        return Findings("truncated JPEG file: its end is missing")
    if lacks_end:
        return Findings(note="only the end marker of the JPEG file is missing", lacks_end=True)
    return Findings(note=f"{EXTRANEOUS}s of the JPEG file" if is_extraneous else "")


def _warnings_of(data: Content, size: tuple[int, int], has_inks: bool) -> list[str]:
    view = data if isinstance(data, bytes) else np.frombuffer(data, np.uint8)
    return warnings_of(view, size, has_inks=has_inks)


def _has_lost_stretch(data: Content) -> bool:
    """Return whether a scan holds zeros where its code does not allow them: a sector that was lost, as a rule.

    With the tables that nearly all cameras and programs use, the code of zeros alone stands for a coefficient that is
    not zero: a block full of them is no picture. Where a file has tables of its own, zeros may mean "nothing more in
    this block", and flat areas be full of them: there they tell nothing. In progressive files neither.
    """
    if _SAMPLED_ZEROS not in data[::_STEP]:
        return False
    return any(
        not is_flat and data.find(_ZEROS, start, end_of_scan(data, start)) >= 0
        for start, is_flat in _sequential_scans(data)
    )


def _sequential_scans(data: Content) -> Iterator[tuple[int, bool]]:
    """Yield where the coded data of each scan begin, and whether zeros in them may be flat areas."""
    zeros_mean: dict[int, int] = {}
    for segment in segments_of(data):
        if segment.marker in FRAMES and segment.marker not in SEQUENTIAL:
            return
        if segment.marker == HUFFMAN_TABLES:
            zeros_mean |= _symbols_of_zeros(segment.content)
        if segment.marker == START_OF_SCAN:
            used = Scan.of(segment.content).tables
            yield segment.end, all(zeros_mean.get(table, _END_OF_BLOCK) == _END_OF_BLOCK for table in used)


def _symbols_of_zeros(content: bytes) -> dict[int, int]:
    """Return what the code of zeros alone, the first of the shortest, stands for in each table of coefficients."""
    found = {}
    position = 0
    while position + 17 < len(content):
        kind, table = divmod(content[position], 16)
        if kind:
            found[table] = content[position + 17]
        position += 17 + sum(content[position + 1 : position + 17])
    return found


def _is_complete(data: Content) -> bool:
    """Return whether the scans bring every bit of every coefficient of every component."""
    unsent: dict[int, list[int]] = {}
    is_progressive = False
    for segment in segments_of(data):
        if segment.marker in FRAMES:
            is_progressive = segment.marker in PROGRESSIVE
            unsent = {component: [_UNSENT] * _COEFFICIENTS for component in segment.content[6::3]}
        if segment.marker == START_OF_SCAN:
            scan = Scan.of(segment.content)
            band = slice(scan.first, scan.last + 1) if is_progressive else slice(None)
            for component in scan.components:
                if component in unsent:
                    unsent[component][band] = [scan.bits_unsent if is_progressive else 0] * len(unsent[component][band])
    return not any(any(bits) for bits in unsent.values())
