"""The format `imagefolder`: metadata.jsonl of Hugging Face's image datasets, one JSON object a picture."""

import json
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from curation.labels.format import LabelFormat
from curation.labels.given import Given, Label, LabelFileError, box_of
from curation.labels.source import Source
from curation.tables.given_lists import lines_of

_CLASSES = "classes.json"


def is_imagefolder(source: Source) -> bool:
    """Tell whether there is a file of metadata."""
    return any(PurePosixPath(name).name == "metadata.jsonl" for name in source.names)


def read_imagefolder(source: Source) -> Given:
    """Read the label of each picture, and the boxes of its objects; numbers stand for `classes.json`, if it is there.

    Raises:
        LabelFileError: a line is no JSON object with the name of a picture, or a number has no class.
    """
    listed = source.json(_CLASSES) if _CLASSES in source.names else []
    classes = [str(name) for name in listed] if isinstance(listed, list) else []
    given = Given([], classes=tuple(classes))
    for path in source.ending_with(".jsonl"):
        for row, line in enumerate(lines_of(source.text(path)), 1):
            if line.strip():
                given.labels += _labels(_row(line, f"{path}, line {row}"), classes)
    return given


def _row(line: str, where: str) -> Mapping[str, Any]:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        row = None
    if not isinstance(row, dict) or not isinstance(row.get("sample", row.get("file_name")), str):
        raise LabelFileError(f"{where}: this is no JSON object with a file_name")
    return row


def _labels(row: Mapping[str, Any], classes: Sequence[str]) -> list[Label]:
    name = str(row.get("sample", row.get("file_name")))
    labels = [] if row.get("label") is None else [Label(name, _class(row["label"], classes, name))]
    objects = row.get("objects") or {}
    categories = objects.get("categories", objects.get("category")) or []
    boxes = objects.get("bbox") or []
    if len(categories) != len(boxes):
        raise LabelFileError(f"{name!r}: its objects have {len(boxes)} boxes and {len(categories)} classes")
    return labels + [
        Label(name, _class(category, classes, name), box_of(box, name))
        for category, box in zip(categories, boxes, strict=True)
    ]


def _class(value: object, classes: Sequence[str], name: str) -> str:
    if isinstance(value, int) and not isinstance(value, bool) and classes:
        if not 0 <= value < len(classes):
            raise LabelFileError(f"{name!r}: there is no class {value}; {_CLASSES} has {len(classes)}")
        return classes[value]
    return str(value)


LABEL_FORMAT = LabelFormat(
    is_imagefolder,
    read_imagefolder,
    sentence="metadata.jsonl of a Hugging Face image dataset: label, and boxes in objects",
    source="https://huggingface.co/docs/datasets/image_dataset#imagefolder",
    example={
        "metadata.jsonl": """\
{"file_name": "images/city/a.jpg", "objects": {"bbox": [[64, 48, 128, 96]], "categories": [0]}}
{"file_name": "images/drive-07-mp4.png", "objects": {"bbox": [[192, 108, 384, 216]], "categories": [1]}}
""",
        "classes.json": """\
["car", "bus"]
""",
    },
)
