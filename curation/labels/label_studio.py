"""What Label Studio's exports have in common: names of pictures, and the values of its controls."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

from curation.labels.given import Box, Label, LabelFileError, around, box_of, number, score_of
from curation.labels.outlines import around_ellipse, turned

PERCENT = (100.0, 100.0)
"""The extent of boxes in percent of the picture's width and height."""
_NO_BOX = {"brushlabels": "brush masks", "keypointlabels": "keypoints"}
_PICTURES = {".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".heic", ".heif", ".avif"}
_LOCAL = re.compile(r"/data/local-files/?\?(?:.*&)?d=([^&]*)")
_UPLOAD = re.compile(r"(?:^|/)upload/\d+/(?:[0-9a-f]{8}-)?([^/]+)$")


def picture_of(data: Mapping[str, Any]) -> str:
    """Return the name of a task's picture: what our exports call `sample`, or the place of its image.

    Raises:
        LabelFileError: it has none.
    """
    if isinstance(data.get("sample"), str):
        return str(data["sample"])
    if isinstance(data.get("image"), str):
        return name_of_place(data["image"])
    for value in data.values():
        if isinstance(value, str) and PurePosixPath(urlsplit(value).path).suffix.lower() in _PICTURES:
            return name_of_place(value)
    raise LabelFileError(f"a task has no picture: its data are {', '.join(map(repr, list(data)[:10])) or 'empty'}")


def name_of_place(place: str) -> str:
    """Return the path in a URL, as far as it can be the name of a picture."""
    if local := _LOCAL.search(place):
        return unquote(local[1])
    if place.startswith(("http://", "https://")):
        place = unquote(urlsplit(place).path)
    elif "://" in place:
        place = place.partition("://")[2].partition("/")[2]
    if upload := _UPLOAD.search(place):
        return unquote(upload[1])
    return place


def labels_of_value(
    name: str, value: Mapping[str, Any], left_out: Counter[str], score: object = None, size: object = None
) -> Iterator[Label]:
    """Yield the labels of one region, or of the classes of a whole picture.

    Args:
        name: of the picture.
        value: what the control says: `choices`, or `…labels` with a shape in percent.
        left_out: counts shapes without a box.
        score: of a prediction.
        size: width and height of the picture in pixels, which turned shapes need.

    Raises:
        LabelFileError: a shape is incomplete.
    """
    kind = next((key for key in value if key == "choices" or key.endswith("labels")), None)
    if kind is None:
        return
    named = value[kind] if isinstance(value[kind], list) else [value[kind]]
    categories = [str(each) for each in named]
    if kind in _NO_BOX:
        left_out[_NO_BOX[kind]] += 1
        return
    box = None if kind == "choices" or not _SHAPES & value.keys() else _box(name, value, size)
    for category in categories:
        yield Label(name, category, box, PERCENT if box else None, score_of(score, name))


_SHAPES = {"x", "points"}


def _box(name: str, value: Mapping[str, Any], size: object) -> Box | None:
    def at(key: str, default: float | None = None) -> float:
        return number(value.get(key, default), f"{name!r}: {key} of a region")

    if "points" in value:
        return around(
            [(number(x, f"{name!r}: a point"), number(y, f"{name!r}: a point")) for x, y in value["points"]], name
        )
    # Angles are those of the picture, whose pixels are square.
    wide, high = (number(edge, f"{name!r}: its size") / 100 for edge in size) if isinstance(size, tuple) else (1.0, 1.0)
    turn = at("rotation", 0)
    if "radiusX" in value:
        left, top, width, height = around_ellipse(
            at("x") * wide, at("y") * high, at("radiusX") * wide, at("radiusY") * high, turn
        )
    elif (box := box_of([at(key) for key in ("x", "y", "width", "height")], name)) and turn % 360 == 0:
        return box
    else:
        assert box is not None
        pixels = (box[0] * wide, box[1] * high, box[2] * wide, box[3] * high)
        left, top, width, height = turned(pixels, turn, about_centre=False)
    return left / wide, top / high, width / wide, height / high


def later_of_each(
    annotations: list[tuple[str, Mapping[str, Any]]], left_out: Counter[str]
) -> dict[str, Mapping[str, Any]]:
    """Return one annotation a picture: the ground truth if one is, else the one that was changed last.

    Args:
        annotations: each with the name of its picture.
        left_out: counts the others.
    """
    found: dict[str, Mapping[str, Any]] = {}
    for name, annotation in sorted(annotations, key=lambda each: _order(each[1])):
        if name in found:
            left_out["annotations beside a later one of the same picture"] += 1
        found[name] = annotation
    return dict(sorted(found.items()))


def _order(annotation: Mapping[str, Any]) -> tuple[bool, str]:
    return annotation.get("ground_truth") is True, str(annotation.get("updated_at") or "")
