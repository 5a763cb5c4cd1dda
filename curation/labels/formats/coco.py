"""The format `coco`: COCO datasets, and lists of results with or without their dataset.

A list of results names pictures by the numbers of its dataset, by file names, or as ultralytics does by names without
endings. Masks count by their boxes.
"""

from collections.abc import Mapping
from typing import Any

from curation.labels.format import LabelFormat
from curation.labels.given import Box, Given, Label, LabelFileError, around, box_of, score_of
from curation.labels.rle import box_of_mask
from curation.labels.source import Source


def is_coco(source: Source) -> bool:
    """Tell whether there is a dataset or a list of results."""
    return any(_is_dataset(content) or _is_results(content) for content in source.jsons.values())


def _is_dataset(content: object) -> bool:
    return isinstance(content, dict) and "images" in content and ("annotations" in content or "categories" in content)


def _is_results(content: object) -> bool:
    return isinstance(content, list) and bool(content) and isinstance(content[0], dict) and "image_id" in content[0]


def read_coco(source: Source) -> Given:
    """Read results, by their dataset where there is one, or else the annotations of all datasets.

    Raises:
        LabelFileError: something is missing, or results do not say which pictures they are of.
    """
    try:
        datasets = [_Dataset(content) for content in source.jsons.values() if _is_dataset(content)]
        results = [content for content in source.jsons.values() if _is_results(content)]
        if not results:
            labels = [label for dataset in datasets for label in dataset.labels(dataset.annotations)]
        elif len(datasets) > 1:
            raise LabelFileError("there are results and several datasets, so that it is open whose they are")
        else:
            dataset = datasets[0] if datasets else _Dataset({"images": [], "categories": None, "annotations": []})
            labels = [label for content in results for label in dataset.labels(content)]
    except (KeyError, TypeError, AttributeError) as error:
        what = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        raise LabelFileError(
            f"it is not a COCO file ({what}): it needs images (id, file_name), categories (id, name) and annotations "
            "(image_id, category_id, perhaps bbox and score), or a list of image_id, category_id and score"
        ) from None
    names = (name for dataset in datasets for name in dataset.categories.values())
    return Given(labels, classes=tuple(dict.fromkeys(names)))


class _Dataset:
    """Pictures and classes by their numbers."""

    def __init__(self, content: Mapping[str, Any]) -> None:
        self.images = {image["id"]: image for image in content["images"]}
        self.has_categories = content["categories"] is not None
        self.categories = {each["id"]: str(each["name"]) for each in content["categories"] or ()}
        self.annotations = content["annotations"]

    def labels(self, annotations: list[dict[str, Any]]) -> list[Label]:
        return [self._label(item) for item in annotations]

    def _label(self, item: dict[str, Any]) -> Label:
        number, category = item["image_id"], item["category_id"]
        name = self._name(item, number)
        image = self.images.get(number, {})
        width, height = image.get("width"), image.get("height")
        return Label(
            name,
            self.categories[category] if self.has_categories else str(category),
            box_of(item.get("bbox"), name) or _box_of_outline(item.get("segmentation"), name),
            (float(width), float(height)) if width and height else None,
            score_of(item.get("score"), name),
        )

    def _name(self, item: Mapping[str, Any], number: object) -> str:
        """Return the name of the picture that an annotation is of.

        Raises:
            KeyError: the dataset has no such picture.
            LabelFileError: there is no dataset, and the number alone.
        """
        if number in self.images:
            return str(self.images[number]["file_name"])
        if isinstance(item.get("file_name"), str):
            return str(item["file_name"])
        if isinstance(number, str):
            return number
        if self.has_categories:
            raise KeyError(number)
        raise LabelFileError(
            "its image_id are numbers, which only its dataset explains: put the file into one folder with the dataset "
            "(images with id and file_name), and name the folder"
        )


def _box_of_outline(outline: object, name: str) -> Box | None:
    if not outline:
        return None
    if isinstance(outline, dict):
        return box_of_mask(outline, name)
    if not isinstance(outline, list):
        raise LabelFileError(f"{name!r}: its segmentation is neither polygons nor a mask")
    polygons = outline if isinstance(outline[0], list) else [outline]
    return around(
        [(float(x), float(y)) for each in polygons for x, y in zip(each[::2], each[1::2], strict=False)], name
    )


LABEL_FORMAT = LabelFormat(
    is_coco,
    read_coco,
    sentence="a COCO dataset, or a list of results (in one folder with its dataset, where it numbers pictures); masks "
    "count by their boxes",
    source="https://cocodataset.org/#format-data",
    example={
        "predictions.json": """\
{
  "images": [
    {"id": 1, "file_name": "city/a.jpg", "width": 640, "height": 480},
    {"id": 2, "file_name": "drive-07-mp4.png", "width": 1920, "height": 1080}
  ],
  "categories": [{"id": 1, "name": "car"}, {"id": 2, "name": "bus"}],
  "annotations": [
    {"id": 1, "image_id": 1, "category_id": 1, "bbox": [64, 48, 128, 96], "score": 0.75},
    {"id": 2, "image_id": 2, "category_id": 2, "bbox": [192, 108, 384, 216], "score": 0.5}
  ]
}
"""
    },
)
