"""Labels that are kept with the datapool: a COCO dataset for each task, whose pictures are the labelled samples.

A picture in it without annotations was labelled, and shows nothing of any class. Boxes are in pixels of the sample in
full size. An annotation of a whole picture has no `bbox`.
"""

import json
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from math import isnan
from typing import Any, NamedTuple

import pandas as pd

from curation.labels.given import LabelFileError


class Annotation(NamedTuple):
    """A class of a sample, or of an object in it.

    Attributes:
        category: the class.
        box: left, top, width and height in pixels; None for the sample as a whole.
        score: None where the file had none.
    """

    category: str
    box: tuple[float, float, float, float] | None
    score: float | None


@dataclass(frozen=True)
class Labelled:
    """The labels of one task.

    Attributes:
        samples: the annotations of each labelled sample, which may be none.
        sizes: width and height in pixels of samples, as far as they are known.
        classes: in the order of their numbers, which stay as they are.
    """

    samples: Mapping[str, tuple[Annotation, ...]] = field(default_factory=dict)
    sizes: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    classes: tuple[str, ...] = ()

    def without(self, names: Collection[str]) -> "Labelled":
        """Return the labels of all samples but some, such as those that were taken out for good."""
        return Labelled(
            {name: found for name, found in self.samples.items() if name not in names},
            {name: size for name, size in self.sizes.items() if name not in names},
            self.classes,
        )

    def counts(self, names: Iterable[str]) -> dict[str, int]:
        """Return how many of some samples have each class, most first; and in alphabetical order."""
        found = Counter(category for name in names for category in {one.category for one in self.samples.get(name, ())})
        return dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))


def labelled_by(
    table: pd.DataFrame, empty: Iterable[str], classes: Iterable[str], sizes: Mapping[str, tuple[int, int]]
) -> Labelled:
    """Return the labels of a table.

    Args:
        table: as `curation.labels.samples.label_table` returns it.
        empty: samples that are labelled, and show nothing of any class.
        classes: in the order of their numbers.
        sizes: width and height of samples in pixels, as far as they are known.
    """
    samples: dict[str, list[Annotation]] = {name: [] for name in empty}
    columns = (table[name].tolist() for name in ("sample", "category", "x", "y", "width", "height", "score"))
    for sample, category, left, top, width, height, score in zip(*columns, strict=True):
        box = None if isnan(left) else (left, top, width, height)
        samples.setdefault(sample, []).append(Annotation(category, box, None if isnan(score) else score))
    found = {name: tuple(each) for name, each in sorted(samples.items())}
    return Labelled(
        found,
        {name: sizes[name] for name in found if name in sizes},
        tuple(dict.fromkeys([*classes, *sorted(set(table["category"]))])),
    )


def united(one: Labelled, other: Labelled) -> Labelled:
    """Return the labels of both; of a sample that both have, those of the second. Classes of the first keep numbers."""
    return Labelled(
        dict(sorted({**one.samples, **other.samples}.items())),
        {**one.sizes, **other.sizes},
        tuple(dict.fromkeys([*one.classes, *other.classes])),
    )


def as_coco(labels: Labelled) -> str:
    """Return labels as a COCO dataset; the same labels give the same text."""
    numbers = {name: number for number, name in enumerate(labels.classes, 1)}
    images, annotations = list[dict[str, Any]](), list[dict[str, Any]]()
    for number, (name, found) in enumerate(labels.samples.items(), 1):
        width, height = labels.sizes.get(name, (None, None))
        size = {} if width is None else {"width": width, "height": height}
        images.append({"id": number, "file_name": name, **size})
        for one in found:
            annotation: dict[str, Any] = {"id": len(annotations) + 1, "image_id": number}
            annotation["category_id"] = numbers[one.category]
            if one.box is not None:
                box = [round(edge, 3) for edge in one.box]
                annotation |= {"bbox": box, "area": round(box[2] * box[3], 3), "iscrowd": 0}
            annotations.append(annotation | ({} if one.score is None else {"score": one.score}))
    categories = [{"id": number, "name": name} for name, number in numbers.items()]
    parts = {"categories": categories, "images": images, "annotations": annotations}
    lines = (
        f'"{part}": [\n' + ",\n".join(json.dumps(each, ensure_ascii=False) for each in rows) + "\n]"
        for part, rows in parts.items()
    )
    return "{\n" + ",\n".join(lines) + "\n}\n"


def from_coco(text: str) -> Labelled:
    """Read what `as_coco` has written.

    Raises:
        LabelFileError: it is something else.
    """
    try:
        content = json.loads(text)
        classes = {each["id"]: str(each["name"]) for each in content["categories"]}
        names = {each["id"]: str(each["file_name"]) for each in content["images"]}
        sizes = {
            names[each["id"]]: (int(each["width"]), int(each["height"]))
            for each in content["images"]
            if "width" in each
        }
        found: dict[str, list[Annotation]] = {name: [] for name in names.values()}
        for each in content["annotations"]:
            box = tuple(map(float, each["bbox"])) if "bbox" in each else None
            found[names[each["image_id"]]].append(
                Annotation(classes[each["category_id"]], box, each.get("score"))  # type: ignore[arg-type]
            )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise LabelFileError(f"it holds no labels that were imported ({type(error).__name__}: {error})") from None
    return Labelled({name: tuple(each) for name, each in found.items()}, sizes, tuple(classes.values()))
