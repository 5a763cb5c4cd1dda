"""Finding the frames of a damaged video that were decoded from lost or damaged ones, by all that tells of damage."""

from bisect import bisect_left

from curation.video.evidence import Tally, in_units
from curation.video.references import NO_STAMP, ReferenceLog
from curation.video.structure.findings import Structure, is_before_join


def spoilt_packets(tally: Tally) -> frozenset[int]:
    """Return the numbers of the packets whose frames were decoded from lost or damaged ones.

    Args:
        tally: of the whole video, with a log of references.
    """
    log, structure = tally.references, tally.structure
    if log is None:
        return frozenset()
    if structure is None:
        return log.spoilt(log.marked)
    # A packet is marked as damaged, too, where only the one behind it begins another stream.
    marked = {number for number in log.marked if not is_before_join(log.places[number], structure.joins)}
    of_container = _before_breaks(log, tally, structure) if structure.broken_after and structure.times else set()
    broken = log.last_before(structure.breaks) | log.before_lost(structure.places)
    return log.spoilt(marked | of_container | broken)


def _before_breaks(log: ReferenceLog, tally: Tally, structure: Structure) -> set[int]:
    """Return the numbers of the packets behind which the container is broken, and of those that may lie in between.

    Where the last frame before a break did not come, it is the packet before the first one with a later time stamp.
    """
    stamps = log.stamps
    numbers = {in_units(stamp, tally, structure): n for n, stamp in enumerate(stamps) if stamp != NO_STAMP}
    known = sorted(numbers)
    found: set[int] = set()
    for stamp in structure.broken_after if known else ():
        place = bisect_left(known, stamp)
        later = numbers[known[min(place, len(known) - 1)]]
        begin = later if stamp in numbers else max(0, later - 1)
        end = next((n for n in range(begin + 1, len(stamps)) if stamps[n] != NO_STAMP), len(stamps))
        found.update(range(begin, end))
    return found
