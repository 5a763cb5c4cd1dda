"""The format `probabilities`: a table with a row for each picture, and a column for each class."""

import numpy as np

from curation.labels.format import LabelFormat
from curation.labels.given import Given, Label, LabelFileError
from curation.labels.source import Source
from curation.labels.table import header_of, rows_of

_FILENAME = "filename"
_TOLERANCE = 0.02
"""How far probabilities, which are often rounded, may sum to something else than 1."""


def is_probabilities(source: Source) -> bool:
    """Tell whether it is a table of names and at least two other columns, none of which any other format has."""
    header = header_of(source, [_FILENAME])
    return _FILENAME in header and len(header) > 2 and not {"class", "class_name", "annotation_id"} & {*header}


def read_probabilities(source: Source) -> Given:
    """Read the class with the highest probability of each picture, and all probabilities.

    Raises:
        LabelFileError: they are no probabilities.
    """
    table = rows_of(source, [_FILENAME])
    names = table.rows[_FILENAME].tolist()
    classes = tuple(str(name) for name in table.rows.columns if name != _FILENAME)
    columns = [table.numbers(str(name)) for name in table.rows.columns if name != _FILENAME]
    values = np.stack(columns, axis=1) if names else np.empty((0, len(classes)))
    sums = values.sum(axis=1)
    bad = np.flatnonzero(~((values >= 0).all(axis=1) & (np.abs(sums - 1) <= _TOLERANCE)))
    if len(bad):
        raise LabelFileError(
            f"the columns of {names[bad[0]]!r} are no probabilities that sum to 1 ({', '.join(classes[:5])}: "
            f"{', '.join(table.rows.iloc[bad[0], 1:6])}); give a table with filename, class and score, or a column for "
            "each class and no others"
        )
    best = values.argmax(axis=1)
    labels = [
        Label(name, classes[place], score=float(row[place]), probabilities=tuple(map(float, row)))
        for name, place, row in zip(names, best, values, strict=True)
    ]
    return Given(labels, classes=classes)


LABEL_FORMAT = LabelFormat(
    is_probabilities,
    read_probabilities,
    sentence="a table with filename and a column for each class, which hold its probability",
    source="https://www.rfc-editor.org/rfc/rfc4180",
    example={
        "probabilities.csv": """\
filename,car,bus
city/a.jpg,0.75,0.25
drive-07-mp4.png,0.5,0.5
"""
    },
)
