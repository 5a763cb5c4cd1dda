"""What to tell about lines of the list of relevant files."""

from collections.abc import Iterable, Sequence

from curation.core.words import counted
from curation.raw.relevant import Pattern, in_other_form

_WARNINGS = 20
"""Lines that match nothing are printed one by one up to this many; all are in `reports/ingest.json`."""


def unmatched_lines(unmatched: Iterable[Pattern]) -> list[dict[str, int | str]]:
    """Return lines of the list of relevant files that match no file, for `reports/ingest.json`."""
    return [{"line": pattern.line, "text": pattern.text} for pattern in unmatched]


def warnings(name: str, unmatched: Sequence[Pattern]) -> list[str]:
    """Return what to tell about lines of the list of relevant files that match no file.

    Args:
        name: of the list.
        unmatched: its patterns that match no file.
    """
    lines = [f"{name}, line {one.line}: no file in data/raw matches {one.text!r}" for one in unmatched[:_WARNINGS]]
    more = len(unmatched) - _WARNINGS
    return lines + ([f"{name}: {more} more lines match no file"] if more > 0 else [])


def other_forms(name: str, listed: Sequence[str], patterns: Sequence[Pattern]) -> list[str]:
    """Return what to tell about lines of the list of relevant files in another Unicode form than the files' names."""
    found = in_other_form(listed, patterns)
    if not found:
        return []
    first = f"line {found[0].line}: {found[0].text!r}"
    return [
        f"{name}: {counted(len(found), 'line')} in another Unicode form than the names in data/raw (systems write "
        f"accents differently); the files whose names look the same are taken; {first}"
    ]
