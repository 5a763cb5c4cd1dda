"""Tables of labels: their header, and their rows as text."""

import csv
from collections.abc import Sequence

from curation.labels.given import LabelFileError
from curation.labels.source import LARGEST_BYTES, Source, too_large
from curation.tables.given import GivenTable, layout_of, read_table

_NO_TABLES = frozenset({".json", ".jsonl", ".xml", ".yaml", ".yml"})


def header_of(source: Source, columns: Sequence[str]) -> list[str]:
    """Return the names of a table's columns; none where the source is no text file.

    Args:
        source: which.
        columns: whose presence tells how the columns are separated.

    Raises:
        LabelFileError: it cannot be read.
    """
    if not source.is_single or source.path.suffix.lower() in _NO_TABLES:
        return []
    try:
        layout = layout_of(source.path, columns)
        with source.path.open(encoding=layout.encoding, newline="", errors="replace") as file:
            rows = csv.reader(file, delimiter=layout.separator)
            for _ in range(layout.skipped):
                next(rows, None)
            return [name.strip() for name in next(rows, [])]
    except (OSError, ValueError, csv.Error) as error:
        raise LabelFileError(f"cannot be read ({error})") from None


def rows_of(source: Source, columns: Sequence[str]) -> GivenTable:
    """Return a table's rows as text.

    Args:
        source: a CSV file.
        columns: see `header_of`.

    Raises:
        LabelFileError: it cannot be read, or is too large.
    """
    try:
        if source.path.stat().st_size > LARGEST_BYTES:
            raise too_large()
        return read_table(source.path, columns)
    except LabelFileError:
        raise
    except (OSError, ValueError) as error:
        raise LabelFileError(f"cannot be read ({str(error).splitlines()[0]})") from None
