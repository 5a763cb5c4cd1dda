"""Lists and tables that people give, as editors and office programs write them.

Text is UTF-8, or UTF-16 with a byte-order mark; a mark at the beginning is no part of the first name. Lines end as they
do on any system. A table's columns are separated by commas, semicolons or tabs (as Excel writes them, by its language):
whichever finds the columns that are asked for, commas first. Where the separator is not the comma, a comma in a number
may be its decimal point.

Names of files are taken as they stand where such a file is known. Otherwise they are read as they were meant, if that
gives a known one: without spaces around or quotes, with slashes for backslashes, in another Unicode form.
"""

import codecs
import csv
import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

_SEPARATORS = (",", ";", "\t")
_HEAD_BYTES = 1 << 16
_ADVICE = 'save it as UTF-8, which Excel calls "CSV UTF-8"'
_SHOWN = 3
"""Names that a message gives as examples."""
_DECIMAL_COMMA = re.compile(r"[+-]?\d*,\d+(?:[eE][+-]?\d+)?")
_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2},\d{3}")


class NotTextError(ValueError):
    """A file is not text in an encoding that can be known."""


def decoded(content: bytes) -> str:
    """Return the text of a file, without a byte-order mark.

    Raises:
        NotTextError: it is neither UTF-8 nor UTF-16 with a byte-order mark.
    """
    encoding = _encoding(content)
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        what = "UTF-8" if encoding == "utf-8-sig" else encoding.upper()
        raise NotTextError(f"not text in {what} (byte {error.start + 1}): {_ADVICE}") from None


def read_text(path: Path) -> str:
    """Read a text file that a person has written.

    Raises:
        OSError: it cannot be read.
        NotTextError: it is not text.
    """
    return decoded(path.read_bytes())


def lines_of(text: str) -> list[str]:
    """Split a text into lines, without their ends; characters that only some programs end lines at are kept."""
    lines = text.replace("\r\n", "\n").split("\n") if "\n" in text else text.split("\r")
    return lines[:-1] if lines[-1] == "" else lines


@dataclass(frozen=True)
class Layout:
    """How a table is written.

    Attributes:
        encoding: by Python's name.
        separator: of columns.
        skipped: lines before the header: `sep=;`, which Excel reads.
        has_spaces: whether a header is found only without the spaces around it.
    """

    encoding: str
    separator: str
    skipped: int
    has_spaces: bool


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
    encoding = _encoding(head)
    text = codecs.getincrementaldecoder(encoding)("replace").decode(head)
    lines = re.split(r"\r\n|\r|\n", text)
    said = re.fullmatch(r'"?sep=(.)"?', lines[0])
    header = next((line for line in lines[1 if said else 0 :] if line.strip()), "")
    separators = (said[1],) if said else _SEPARATORS
    found = {separator: next(csv.reader([header], delimiter=separator), []) for separator in separators}
    for separator, names in found.items():
        if set(columns) <= set(names):
            return Layout(encoding, separator, 1 if said else 0, has_spaces=False)
    for separator, names in found.items():
        if set(columns) <= {name.strip() for name in names}:
            return Layout(encoding, separator, 1 if said else 0, has_spaces=True)
    with_name = [separator for separator, names in found.items() if columns[0] in {name.strip() for name in names}]
    return Layout(encoding, (with_name or list(separators))[0], 1 if said else 0, has_spaces=False)


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
    layout = layout_of(path, columns)
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
        raise NotTextError(f"not text in UTF-8 (byte {error.start + 1}): {_ADVICE}") from None
    if not isinstance(rows.index, pd.RangeIndex):
        raise ValueError("its lines have more values than its header has names")
    if layout.has_spaces:
        rows = rows.rename(columns=str.strip).map(str.strip)
    return GivenTable(rows, layout.separator)


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


def as_known(given: Iterable[str], known: Collection[str]) -> dict[str, str]:
    """Find the known names that given ones stand for.

    Args:
        given: names as they stand in a file.
        known: a set, or a mapping, of names.

    Returns:
        The known name of each given one; a name that stands for none is its own.
    """
    return {
        name: name if name in known else next((other for other in spellings(name) if other in known), name)
        for name in given
    }


def spellings(name: str) -> Iterator[str]:
    """Yield what may have been meant by a name that is not known, the nearest first."""
    bare = name.strip()
    for plain in dict.fromkeys((bare, bare[1:-1] if re.fullmatch(r'".*"|\'.*\'', bare) else bare)):
        for slashed in dict.fromkeys((plain, plain.replace("\\", "/"), plain.replace("\\", "/").removeprefix("./"))):
            yield slashed
            for form in ("NFC", "NFD"):
                yield unicodedata.normalize(form, slashed)


def unmatched(file: str, names: Collection[str], known: Collection[str]) -> str | None:
    """Say how many names of a file stand for nothing, with examples; None where all do.

    Args:
        file: its name, for the message.
        names: each once.
        known: the names that there are.
    """
    unknown = sorted(name for name in names if name not in known)
    if not unknown:
        return None
    shown = ", ".join(map(repr, unknown[:_SHOWN])) + (", ..." if len(unknown) > _SHOWN else "")
    return f"{file}: {len(unknown)} of {len(names)} names are no sample: {shown}"


def _encoding(head: bytes) -> str:
    """Return the encoding that the beginning of a file tells."""
    if head.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        return "utf-32"
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    if b"\0" in head:
        raise NotTextError(f"not text in UTF-8, but perhaps in UTF-16 without a byte-order mark: {_ADVICE}")
    return "utf-8-sig"
