"""Markdown of the generated pages of the reference."""

from collections.abc import Iterable, Mapping, Sequence


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table.

    Args:
        head: names of the columns.
        rows: cells in Markdown, as many as there are columns.
    """
    lines = [list(head), ["---"] * len(head), *(list(row) for row in rows)]
    return "".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |\n" for line in lines)


def files(contents: Mapping[str, str]) -> str:
    """Return text files by their path, each in a block of its own; each ends with a line end."""
    return "".join(f"\n`{path}`\n\n```\n{content}```\n" for path, content in contents.items())
