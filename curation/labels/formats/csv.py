"""The format `csv`: a table with a row for each class of a picture, and its score."""

import numpy as np

from curation.labels.format import LabelFormat
from curation.labels.given import Given, Label, LabelFileError, bare
from curation.labels.source import Source
from curation.labels.table import header_of, rows_of

_CLASSES = ("class", "class_name")
"""Columns of classes: the second is what `curate export csv` calls it."""


def is_csv(source: Source) -> bool:
    """Tell whether it is a table with names and classes."""
    header = header_of(source, ["filename", "class"])
    return "filename" in header and bool({*_CLASSES} & {*header})


def read_csv(source: Source) -> Given:
    """Read the classes of all rows; one without a class says nothing.

    Raises:
        LabelFileError: a score is no number.
    """
    table = rows_of(source, ["filename", "class"])
    rows = table.rows
    names = rows["sample"] if "sample" in rows else rows["filename"]
    column = next(name for name in _CLASSES if name in rows)
    classes = rows[column] if column == "class" else rows[column].map(bare)
    scores: list[float] | list[None] = [None] * len(rows)
    if "score" in rows:
        numbers = table.numbers("score")
        bad = np.flatnonzero(~np.isfinite(numbers))
        if len(bad):
            value = rows["score"].iloc[bad[0]]
            advice = f" ({value!r}: write a point, not a comma, before decimals)" if "," in str(value) else ""
            raise LabelFileError(f"a score of {names.iloc[bad[0]]!r} is not a finite number{advice}")
        scores = numbers.tolist()
    labels = [
        Label(name, category, score=score)
        for name, category, score in zip(names, classes, scores, strict=True)
        if category != ""
    ]
    return Given(labels, classes=tuple(sorted({label.category for label in labels})))


LABEL_FORMAT = LabelFormat(
    is_csv,
    read_csv,
    sentence="a table with filename, class and score, a row for each class of a picture; and the table that "
    "`curate export csv TARGET` writes, with class_name filled in",
    source="https://www.rfc-editor.org/rfc/rfc4180",
    example={
        "predictions.csv": """\
filename,class,score
city/a.jpg,car,0.75
drive-07-mp4.png,bus,0.5
"""
    },
)
