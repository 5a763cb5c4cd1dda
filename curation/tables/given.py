"""Tables that people give, as editors and office programs write them; their text is read as that of lists.

A table's columns are separated by commas, semicolons or tabs (as Excel writes them, by its language):
whichever finds the columns that are asked for, commas first. Where the separator is not the comma, a comma in a number
may be its decimal point. Parquet tables are told by their content.
"""

import codecs
import csv
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from curation.tables.given_lists import ADVICE, NotTextError, encoding_of
from curation.tables.given_parquet import is_parquet, read_as_text

_SEPARATORS = (",", ";", "\t")
_HEAD_BYTES = 1 << 16
_DECIMAL_COMMA = re.compile(r"[+-]?\d*,\d+(?:[eE][+-]?\d+)?")
_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2},\d{3}")


@dataclass(frozen=True)
class Layout:
    """How a table is written.

    Attributes:
        encoding: by Python's name.
        separator: of columns.
        skipped: lines before the header: `sep=;`, which Excel reads.
        has_spaces: whether a header is found only without the spaces around it.
        repeated: a name that two columns have; None: all are different.
    """

    encoding: str
    separator: str
    skipped: int
    has_spaces: bool
    repeated: str | None


def layout_of(path: Path, columns: Sequence[str]) -> Layout:
    """Find out how a table is written.

    Args:
        path: the file.
        columns: that it needs to have.

    Raises:
        OSError: it cannot be read.
        NotTextError: it is not text.
    """
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    encoding = encoding_of(head)
    text = codecs.getincrementaldecoder(encoding)("replace").decode(head)
    lines = re.split(r"\r\n|\r|\n", text)
    said = re.fullmatch(r'"?sep=(.)"?', lines[0])
    header = next((line for line in lines[1 if said else 0 :] if line.strip()), "")
    separators = (said[1],) if said else _SEPARATORS
    found = {separator: next(csv.reader([header], delimiter=separator), []) for separator in separators}
    separator, has_spaces = _separator_of(found, columns)
    names = [name.strip() for name in found[separator]]
    repeated = next((name for name in names if name and names.count(name) > 1), None)
    return Layout(encoding, separator, 1 if said else 0, has_spaces, repeated)


def _separator_of(found: Mapping[str, Sequence[str]], columns: Sequence[str]) -> tuple[str, bool]:
    """Return by which separator a table is written, and whether its columns are found only without spaces.

    Args:
        found: names of columns by separator.
        columns: that it needs to have.
    """
    for separator, names in found.items():
        if set(columns) <= set(names):
            return separator, False
    for separator, names in found.items():
        if set(columns) <= {name.strip() for name in names}:
            return separator, True
    wanted = columns[0].casefold()  # in other case it is missing all the same, and the message can name it
    with_name = [sep for sep, names in found.items() if wanted in {name.strip().casefold() for name in names}]
    return (with_name or list(found))[0], False


@dataclass(frozen=True)
class GivenTable:
    """A table as text.

    Attributes:
        rows: columns of strings; what is empty is an empty string.
        separator: of its columns.
    """

    rows: pd.DataFrame
    separator: str

    def numbers(self, column: str) -> "pd.Series[float]":
        """Return a column as float64; NaN for what is no number."""
        return as_numbers(self.rows[column], self.separator)


def read_table(path: Path, columns: Sequence[str]) -> GivenTable:
    """Read a table as text.

    Args:
        path: the file.
        columns: that it needs to have; the first tells by which separator it is written, if others are missing.

    Raises:
        OSError: it cannot be read.
        ValueError: it is not text, or no table; the message says what is wrong.
    """
    if is_parquet(path):
        return GivenTable(read_as_text(path), ",")
    layout = layout_of(path, columns)
    if layout.repeated is not None:
        raise ValueError(f"two of its columns are called {layout.repeated!r}: give them different names, or leave one")
    try:
        rows = pd.read_csv(
            path,
            dtype=str,
            keep_default_na=False,
            encoding=layout.encoding,
            sep=layout.separator,
            skiprows=layout.skipped,
            skipinitialspace=layout.has_spaces,
        )
    except UnicodeDecodeError as error:
        raise NotTextError(f"not text in UTF-8 (byte {error.start + 1}): {ADVICE}") from None
    if not isinstance(rows.index, pd.RangeIndex):
        raise ValueError("its lines have more values than its header has names")
    if layout.has_spaces:
        rows = rows.rename(columns=str.strip).map(str.strip)
    return GivenTable(_without_empty_rows(rows, columns[0]), layout.separator)


def _without_empty_rows(rows: pd.DataFrame, column: str) -> pd.DataFrame:
    """Leave rows out that hold nothing: Excel writes rows that were cleared as separators alone."""
    if column not in rows.columns or not (rows[column] == "").any():
        return rows
    return rows[(rows != "").any(axis=1)].reset_index(drop=True)


def as_numbers(column: "pd.Series[str]", separator: str) -> "pd.Series[float]":
    """Return a column of text as float64; NaN for what is no number.

    A comma is a decimal point where columns are not separated by commas, no value of the column has a point, and not
    all of those with a comma could have one between thousands.
    """
    numbers = pd.to_numeric(column, errors="coerce").astype(np.float64)
    if separator == "," or not numbers.isna().any() or column.dtype.kind in "fiu":
        return numbers
    values = column.map(str).str.strip()
    with_comma = values[values.str.contains(",", regex=False)]
    are_decimals = with_comma.str.fullmatch(_DECIMAL_COMMA).all() and not values.str.contains(".", regex=False).any()
    if len(with_comma) and are_decimals and not with_comma.str.fullmatch(_THOUSANDS).all():
        return pd.to_numeric(values.str.replace(",", ".", regex=False), errors="coerce").astype(np.float64)
    return numbers
