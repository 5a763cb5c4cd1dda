"""The format `label-studio`: Label Studio's exports as JSON, and as JSON-MIN."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from curation.labels.format import LabelFormat
from curation.labels.given import Given, Label
from curation.labels.label_studio import labels_of_value, later_of_each, picture_of
from curation.labels.label_studio_rows import labels_of_rows
from curation.labels.source import Source


def is_label_studio(source: Source) -> bool:
    """Tell whether there is a list of tasks."""
    return any(_is_full(content) or _is_short(content) for content in source.jsons.values())


def _is_full(content: object) -> bool:
    first = content[0] if isinstance(content, list) and content else None
    return isinstance(first, dict) and isinstance(first.get("data"), dict)


def _is_short(content: object) -> bool:
    first = content[0] if isinstance(content, list) and content else None
    return isinstance(first, dict) and "annotation_id" in first


def read_label_studio(source: Source) -> Given:
    """Read the annotations of all tasks, or if there is none, the predictions.

    Raises:
        LabelFileError: a task has no picture, or a region is incomplete.
    """
    given = Given([])
    for content in source.jsons.values():
        if _is_short(content):
            found = labels_of_rows(content)
            given.labels += found.labels
            given.empty += found.empty
            given.left_out += found.left_out
        elif _is_full(content):
            _add_tasks(given, content)
    given.classes = tuple(sorted({label.category for label in given.labels}))
    return given


def _add_tasks(given: Given, tasks: list[Mapping[str, Any]]) -> None:
    for kind in ("annotations", "predictions"):
        every: list[tuple[str, Mapping[str, Any]]] = [
            (picture_of(task["data"]), each)
            for task in tasks
            for each in task.get(kind) or ()
            if isinstance(each, dict) and not each.get("was_cancelled")
        ]
        if every:
            given.is_predicted = kind == "predictions"
            for name, each in later_of_each(every, given.left_out).items():
                found = _labels(name, each, given.left_out, is_predicted=given.is_predicted)
                given.labels += found
                given.empty += [] if found else [name]
            return


def _labels(name: str, annotation: Mapping[str, Any], left_out: Counter[str], *, is_predicted: bool) -> list[Label]:
    found: list[Label] = []
    for item in annotation.get("result") or ():
        if isinstance(item, dict) and isinstance(item.get("value"), dict):
            score = item.get("score", annotation.get("score")) if is_predicted else None
            width, height = item.get("original_width"), item.get("original_height")
            size = (width, height) if width and height else None
            found += labels_of_value(name, item["value"], left_out, score, size)
    return found


LABEL_FORMAT = LabelFormat(
    is_label_studio,
    read_label_studio,
    sentence="Label Studio's export as JSON or JSON-MIN: rectangles and choices; polygons and ellipses count by their "
    "boxes",
    source="https://labelstud.io/guide/export",
    example={
        "export.json": """\
[
  {
    "id": 1,
    "data": {"image": "/data/local-files/?d=pictures/city/a.jpg", "sample": "city/a.jpg"},
    "annotations": [
      {
        "id": 1,
        "was_cancelled": false,
        "result": [
          {
            "type": "rectanglelabels",
            "original_width": 640,
            "original_height": 480,
            "value": {"x": 10, "y": 10, "width": 20, "height": 20, "rotation": 0, "rectanglelabels": ["car"]}
          }
        ]
      }
    ]
  },
  {
    "id": 2,
    "data": {"image": "/data/local-files/?d=pictures/drive-07-mp4.png", "sample": "drive-07-mp4.png"},
    "annotations": [
      {
        "id": 2,
        "was_cancelled": false,
        "result": [
          {
            "type": "rectanglelabels",
            "original_width": 1920,
            "original_height": 1080,
            "value": {"x": 10, "y": 10, "width": 20, "height": 20, "rotation": 0, "rectanglelabels": ["bus"]}
          }
        ]
      }
    ]
  }
]
"""
    },
)
