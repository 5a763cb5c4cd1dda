"""What to tell of raw files that are no longer where an accepted iteration has listed them."""

from curation.core.words import counted
from curation.history.way_back import BESIDE
from curation.pipeline import paths
from curation.raw.moves import Changes


def told(found: Changes, untracked: int) -> str:
    """Return what to tell of files that an accepted iteration has listed, and that are no longer where they were.

    Args:
        found: against what that iteration has listed.
        untracked: how many of those that are gone `data/raw.dvc` named until now.
    """
    moved, gone = len(found.moved), len(found.gone)
    if not found.new:
        words = " and ".join(_left(moved, gone, len(found.back)))
        names = ": their samples keep their names" if moved else ""
        return f"; nothing is new, and {words}, which changes nothing{names}" if words else ""
    parts = [f"{moved} moved since they were processed"] if moved else []
    if untracked > 0:
        parts.append(
            f"{paths.RAW}.dvc no longer names {counted(untracked, 'processed file')}, gone from here, whose samples "
            f"stay all the same (to keep the files, too: `dvc get . {paths.RAW} --rev HEAD -o {BESIDE}`, "
            f"`cp -rn {BESIDE}/. {paths.RAW}`, `rm -r {BESIDE}`, then `dvc repro`)"
        )
    return "".join(f"; {part}" for part in parts)


def _left(moved: int, gone: int, back: int) -> list[str]:
    """Count files that are no longer where they were, or are here again."""
    counts = ((moved, "moved"), (gone, "gone"), (back, "here again"))
    found = [(number, what) for number, what in counts if number]
    return [
        f"{number if place else counted(number, 'processed file')} {what}" for place, (number, what) in enumerate(found)
    ]
