"""Label Studio's exports with one row an annotation: JSON-MIN and CSV."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from curation.labels.given import Given, Label, LabelFileError
from curation.labels.label_studio import labels_of_value, later_of_each, picture_of

_CHOICES = ("choice", "choices")
"""Controls whose text is a class: their usual names. Other texts may be data of the task, such as `weak_label`."""


def labels_of_rows(rows: Iterable[Mapping[str, Any]]) -> Given:
    """Read rows with the task's data and the values of the controls in columns; those without annotation have none.

    Raises:
        LabelFileError: a row has no picture, or a region is incomplete.
    """
    given = Given([])
    annotated = [(picture_of(row), row) for row in rows if row.get("annotation_id") not in (None, "")]
    for name, row in later_of_each(annotated, given.left_out).items():
        found: list[Label] = []
        for control, value in row.items():
            for region in _regions(control, value):
                size = region.get("original_width"), region.get("original_height")
                found += labels_of_value(name, region, given.left_out, size=size if all(size) else None)
        given.labels += found
        given.empty += [] if found else [name]
    return given


def _regions(control: str, value: Any) -> list[Mapping[str, Any]]:
    """Return what a control says, each as the value of a result."""
    if isinstance(value, str) and value.lstrip().startswith(("[", "{")):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            raise LabelFileError(f"column {control!r}: {value[:60]!r} cannot be read as JSON") from None
    if isinstance(value, dict):
        return [value] if "choices" in value else []
    if isinstance(value, list) and all(isinstance(each, dict) for each in value):
        return value
    if control in _CHOICES and value:
        return [{"choices": value}]
    return []
