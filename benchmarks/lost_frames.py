"""Frames of a sound video in whose place nothing came out of a damaged one, and those that left no trace in it."""

from collections.abc import Sequence
from difflib import SequenceMatcher
from pathlib import Path

import av
import numpy as np

from curation.image.decoded_sample import DecodedSample
from tests.media_files import RATE

_HEADER_BYTES = 48
"""First bytes of a frame and of the headers before it; where they are gone, nothing tells of the frame."""


_PROGRAM_STREAMS, _TRANSPORT_STREAMS = (".mpg", ".vob"), (".ts", ".m2ts")


def lost_frames(sound: Sequence[DecodedSample], found: Sequence[DecodedSample]) -> list[int]:
    """Find the frames of a sound file in whose place nothing came out of the damaged one.

    Returns:
        Their indices: those by order or those by time, whichever are fewer, since damage can upset either.
    """
    return min(_lost_by_order(sound, found), _lost_by_time(sound, found), key=len)


def _lost_by_order(sound: Sequence[DecodedSample], found: Sequence[DecodedSample]) -> list[int]:
    """Align by equal pixels; between two equal frames, any other one stands for one of the sound file."""
    hashes, hashes_found = ([sample.pixel_hash for sample in samples] for samples in (sound, found))
    matches = SequenceMatcher(None, hashes, hashes_found, autojunk=False).get_matching_blocks()
    in_order = {match.b + offset for match in matches for offset in range(match.size)}
    elsewhere = {hashes_found[index] for index in range(len(found)) if index not in in_order}
    lost: list[int] = []
    at_sound = at_found = 0
    for match in matches:
        between = [index for index in range(at_sound, match.a) if hashes[index] not in elsewhere]
        stand_ins = sum(hashes_found[index] not in hashes for index in range(at_found, match.b))
        lost += between[stand_ins:]
        at_sound, at_found = match.a + match.size, match.b + match.size
    return lost


def _lost_by_time(sound: Sequence[DecodedSample], found: Sequence[DecodedSample]) -> list[int]:
    """Look for a frame of equal time, or of equal pixels anywhere."""
    time_of = {sample.pixel_hash: sample.time_s for sample in sound}
    shifts = [time_of[sample.pixel_hash] - sample.time_s for sample in found if sample.pixel_hash in time_of]
    shift = float(np.median(shifts)) if shifts else 0.0
    hashes = {sample.pixel_hash for sample in found}
    times = np.sort([sample.time_s + shift for sample in found])
    half = 0.5 / RATE
    return [
        sample.frame
        for sample in sound
        if sample.pixel_hash not in hashes and not np.any(np.abs(times - sample.time_s) < half)
    ]


def positions_of_frames(path: Path) -> list[tuple[int, int | None]]:
    """Return where in a file the frames begin, in the order of the file.

    Returns:
        For each frame, where its data begins, and where the container's packet does that states its time. In program
        streams, several frames share a packet, and only the first has a time; elsewhere both places are the same.
    """
    content = path.read_bytes()
    with av.open(str(path)) as container:
        packets = [packet for packet in container.demux(container.streams.video[0]) if packet.size]
    latest = 0
    found: list[tuple[int, int | None]] = []
    for packet in packets:
        latest = max(packet.pos if packet.pos is not None else 0, latest)
        if path.suffix in _PROGRAM_STREAMS:
            begin = content.find(bytes(packet)[:_HEADER_BYTES], latest)
            latest = begin if begin >= 0 else latest
        elif path.suffix in _TRANSPORT_STREAMS:  # stuffing that is the same in many packets may come first
            latest = content.index(b"\0\0\1\xe0", latest)
        found.append((latest, None if packet.pos is None else latest))
    return found


def without_trace(sound: Path, damaged: Path) -> int:
    """Count the frames of which nothing is left in a damaged stream, behind all that still have a time."""
    content, rest = sound.read_bytes(), damaged.read_bytes()

    def is_left(position: int) -> bool:
        return content[position : position + _HEADER_BYTES] in rest

    places = positions_of_frames(sound)
    last = max((stamp for _, stamp in places if stamp is not None and is_left(stamp)), default=-1)
    return sum(begin > last and not is_left(begin) for begin, _ in places)
