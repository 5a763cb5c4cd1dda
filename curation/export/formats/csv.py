"""The format `csv`: a table for spreadsheets and scripts."""

import csv
import io

import pandas as pd

from curation.export.format import COLUMNS, Format, one_file

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def as_csv(samples: pd.DataFrame) -> str:
    """Return a table with a header; a name that a spreadsheet would take for a formula begins with an apostrophe."""
    lines = io.StringIO()
    writer = csv.writer(lines, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in samples[list(COLUMNS)].itertuples(index=False):
        writer.writerow([_cell(value) for value in row])
    return lines.getvalue()


def _cell(value: object) -> object:
    if isinstance(value, str):
        return f"'{value}" if value.startswith(_FORMULA) else value
    return "" if pd.isna(value) else value  # type: ignore[call-overload]


FORMAT = Format(
    one_file(as_csv),
    sentence="a table with provenance and sizes",
    source="https://www.rfc-editor.org/rfc/rfc4180",
    columns=COLUMNS,
    target="selected.csv",
    example={
        "selected.csv": """\
""",
    },
)
