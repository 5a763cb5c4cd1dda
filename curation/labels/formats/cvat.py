"""The format `cvat`: CVAT for images 1.1, an XML file of all pictures."""

from collections import Counter
from xml.etree.ElementTree import Element

from curation.labels.format import LabelFormat
from curation.labels.given import Box, Given, Label, LabelFileError, around, box_of, number
from curation.labels.outlines import around_ellipse, turned
from curation.labels.source import Source
from curation.labels.xml import elements, root_of

_NO_BOX = {"polyline": "polylines", "points": "points", "cuboid": "cuboids", "skeleton": "skeletons"}


def is_cvat(source: Source) -> bool:
    """Tell whether there is an XML file of annotations in the plural."""
    names = source.ending_with(".xml")
    return 0 < len(names) <= 20 and any(root_of(source.read(name))[0] == "annotations" for name in names)


def read_cvat(source: Source) -> Given:
    """Read boxes, tags, and what has a box: polygons, masks and ellipses.

    Raises:
        LabelFileError: a shape is incomplete, or it is CVAT for video.
    """
    given = Given([])
    for name in source.ending_with(".xml"):
        content = source.read(name)
        root, children = root_of(content)
        if root != "annotations":
            continue
        if "track" in children or any(True for _ in elements(content, "track")):
            raise LabelFileError("it is CVAT for video: export the task as `CVAT for images 1.1`")
        for image in elements(content, "image"):
            given.labels += labels_of(image, given.left_out)
    given.classes = tuple(sorted({label.category for label in given.labels}))
    return given


def labels_of(image: Element, left_out: Counter[str]) -> list[Label]:
    """Return the labels of one picture.

    Args:
        image: its element.
        left_out: counts shapes without a box.
    """
    name = image.get("name")
    if name is None:
        raise LabelFileError("an <image> has no name")
    width, height = image.get("width"), image.get("height")
    what = f"width and height of {name!r}"
    extent = (number(width, what), number(height, what)) if width and height else None
    labels = []
    for shape in image:
        if shape.tag in _NO_BOX:
            left_out[_NO_BOX[shape.tag]] += 1
        elif shape.tag in ("box", "polygon", "mask", "ellipse", "tag"):
            category = shape.get("label")
            if category is None:
                raise LabelFileError(f"{name!r}: a <{shape.tag}> has no label")
            box = None if shape.tag == "tag" else _box(shape, name)
            labels.append(Label(name, category, box, extent))
    return labels


def _box(shape: Element, name: str) -> Box | None:
    def value(key: str, default: str | None = None) -> float:
        return number(shape.get(key, default), f"{name!r}: {key} of a <{shape.tag}>")

    if shape.tag == "polygon":
        pairs = [pair.split(",") for pair in (shape.get("points") or "").split(";") if pair.strip()]
        what = f"{name!r}: a point of a <polygon>"
        if any(len(pair) != 2 for pair in pairs):
            raise LabelFileError(f"{what} is not x,y")
        return around([(number(x, what), number(y, what)) for x, y in pairs], name)
    if shape.tag == "mask":
        return box_of([value(key) for key in ("left", "top", "width", "height")], name)
    turn = value("rotation", "0")
    if shape.tag == "ellipse":
        return around_ellipse(value("cx"), value("cy"), value("rx"), value("ry"), turn)
    left, top = value("xtl"), value("ytl")
    box = box_of([left, top, value("xbr") - left, value("ybr") - top], name)
    return box and turned(box, turn, about_centre=True)


LABEL_FORMAT = LabelFormat(
    is_cvat,
    read_cvat,
    sentence="CVAT for images 1.1: boxes and tags; polygons, masks and ellipses count by their boxes",
    source="https://docs.cvat.ai/docs/dataset_management/formats/format-cvat/",
    example={
        "annotations.xml": """\
<?xml version="1.0" encoding="utf-8"?>
<annotations>
  <version>1.1</version>
  <image id="0" name="city/a.jpg" width="640" height="480">
    <box label="car" source="manual" occluded="0" xtl="64.00" ytl="48.00" xbr="192.00" ybr="144.00" z_order="0"></box>
  </image>
  <image id="1" name="drive-07-mp4.png" width="1920" height="1080">
    <box label="bus" source="manual" occluded="0" xtl="192.00" ytl="108.00" xbr="576.00" ybr="324.00" z_order="0"></box>
  </image>
</annotations>
"""
    },
)
