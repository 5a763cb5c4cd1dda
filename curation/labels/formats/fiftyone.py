"""The format `fiftyone`: labels.json of FiftyOne's image classification and image detection datasets."""

from collections.abc import Sequence
from typing import Any

from curation.labels.format import LabelFormat
from curation.labels.given import SHARES, Given, Label, LabelFileError, box_of, score_of
from curation.labels.source import Source


def is_fiftyone(source: Source) -> bool:
    """Tell whether there is a file with classes, and labels by the names of pictures."""
    return any(_is_labels(content) for content in source.jsons.values())


def _is_labels(content: object) -> bool:
    return isinstance(content, dict) and "classes" in content and isinstance(content.get("labels"), dict)


def read_fiftyone(source: Source) -> Given:
    """Read classes of pictures, and boxes with classes. Pictures without a label may be unlabelled.

    Raises:
        LabelFileError: a label names no class, or has no such box.
    """
    found = [content for content in source.jsons.values() if _is_labels(content)]
    labels: list[Label] = []
    classes: list[str] = []
    for content in found:
        own = [str(name) for name in content["classes"] or []]
        classes += own
        for name, value in content["labels"].items():
            labels += [
                _label(str(name), item, own)
                for item in (value if isinstance(value, list) else [value])
                if item is not None
            ]
    return Given(labels, classes=tuple(dict.fromkeys(classes)))


def _label(name: str, item: Any, classes: Sequence[str]) -> Label:
    fields = item if isinstance(item, dict) else {"label": item}
    category = fields.get("label")
    if isinstance(category, int) and not isinstance(category, bool) and 0 <= category < len(classes):
        category = classes[category]
    if not isinstance(category, str):
        raise LabelFileError(f"{name!r}: its label {category!r} is none of its classes")
    box = box_of(fields.get("bounding_box"), name)
    return Label(name, category, box, SHARES if box else None, score_of(fields.get("confidence"), name))


LABEL_FORMAT = LabelFormat(
    is_fiftyone,
    read_fiftyone,
    sentence="labels.json of a FiftyOne image classification or image detection dataset",
    source="https://docs.voxel51.com/user_guide/export_datasets.html",
    example={
        "labels.json": """\
{
  "classes": ["car", "bus"],
  "labels": {
    "city/a": [{"label": 0, "bounding_box": [0.1, 0.1, 0.2, 0.2], "confidence": 0.75}],
    "drive-07-mp4": [{"label": 1, "bounding_box": [0.1, 0.1, 0.2, 0.2], "confidence": 0.5}]
  }
}
"""
    },
)
