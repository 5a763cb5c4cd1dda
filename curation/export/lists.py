"""Lists of samples in the formats of labelling tools, as plain data: each function says where its format is described.

All take rows with `filename` (path of the picture), `label_name` (weak label, may be empty), `width` and `height`.
"""

import csv
import io
import json
from collections.abc import Callable
from pathlib import PurePosixPath
from typing import Any

import pandas as pd

from curation.core.errors import OutputError

LIST_COLUMNS = (
    "filename",
    "raw_path",
    "frame",
    "time_s",
    "iteration",
    "rank",
    "label",
    "label_name",
    "width",
    "height",
)
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def as_csv(samples: pd.DataFrame) -> str:
    """Return a table with a header; a name that a spreadsheet would take for a formula begins with an apostrophe."""
    lines = io.StringIO()
    writer = csv.writer(lines, lineterminator="\n")
    writer.writerow(LIST_COLUMNS)
    for row in samples[list(LIST_COLUMNS)].itertuples(index=False):
        writer.writerow([_cell(value) for value in row])
    return lines.getvalue()


def _cell(value: object) -> object:
    if isinstance(value, str):
        return f"'{value}" if value.startswith(_FORMULA) else value
    return "" if pd.isna(value) else value  # type: ignore[call-overload]


def as_coco(samples: pd.DataFrame) -> str:
    """Return a COCO dataset with images, a category for each weak label, and no annotations yet.

    https://cocodataset.org/#format-data
    """
    labels = _labels(samples)
    images = [
        {"id": number, "file_name": name, "width": width, "height": height}
        for number, (name, width, height) in enumerate(_sizes(samples), 1)
    ]
    categories = [{"id": number, "name": name, "supercategory": ""} for number, name in enumerate(labels, 1)]
    return _json({"images": images, "annotations": [], "categories": categories})


def as_label_studio(samples: pd.DataFrame) -> str:
    """Return one task a sample, for a labelling setup that reads `$image`; the rest can be shown and filtered by.

    The tool has to serve the folder of pictures as its local storage: `image` is a path in there.
    https://labelstud.io/guide/tasks#Basic-Label-Studio-JSON-format
    """
    tasks = [
        {"data": {"image": name, "weak_label": label}}
        for name, label in zip(samples["filename"], samples["label_name"], strict=True)
    ]
    return _json(tasks)


def as_cvat(samples: pd.DataFrame) -> str:
    """Return a manifest of images, one JSON object a line.

    https://docs.cvat.ai/docs/dataset_management/dataset_manifest/
    """
    lines: list[dict[str, Any]] = [{"version": "1.1"}, {"type": "images"}]
    for name, width, height in _sizes(samples):
        stem, ending = _divided(name)
        lines.append({"name": stem, "extension": ending, "width": width, "height": height})
    return "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)


def as_fiftyone(samples: pd.DataFrame) -> str:
    """Return the `labels.json` of a FiftyOneImageClassificationDataset; the pictures belong into `data` beside it.

    https://docs.voxel51.com/user_guide/import_datasets.html#fiftyoneimageclassificationdataset

    Raises:
        OutputError: two pictures differ in their ending only, without which the format names them.
    """
    labels = _labels(samples)
    index = {name: number for number, name in enumerate(labels)}
    of_sample: dict[str, int | None] = {}
    for filename, label in zip(samples["filename"], samples["label_name"], strict=True):
        stem, _ = _divided(filename)
        if stem in of_sample:
            raise OutputError(
                f"two samples would both be {stem!r} for FiftyOne, which names pictures without their ending: export "
                "the images and the list with --format jpg or png, or rename one of the raw files"
            )
        of_sample[stem] = index.get(label)
    return _json({"classes": labels, "labels": of_sample})


def as_yolo(samples: pd.DataFrame) -> str:
    """Return the list of pictures that a YOLO dataset's `train:` names, one path a line, below `images`.

    https://docs.ultralytics.com/datasets/detect/
    """
    return "".join(f"./images/{name}\n" for name in samples["filename"])


def as_yolo_dataset(samples: pd.DataFrame) -> str:
    """Return the `data.yaml` of a YOLO dataset whose pictures are in `images` beside it, with the weak labels as names.

    There are no labels yet, and so no validation set: `val`, which the format asks for, is the same folder. Without
    `path`, paths count from the file itself. https://docs.ultralytics.com/datasets/detect/
    """
    names = [f"  {number}: {json.dumps(label, ensure_ascii=False)}\n" for number, label in enumerate(_labels(samples))]
    return "train: images\nval: images\n" + ("names:\n" + "".join(names) if names else "names: {}\n")


LISTS: dict[str, Callable[[pd.DataFrame], str]] = {
    "csv": as_csv,
    "coco": as_coco,
    "label-studio": as_label_studio,
    "cvat": as_cvat,
    "fiftyone": as_fiftyone,
    "yolo": as_yolo,
}
"""What writes a list, by the name of its format."""


def _divided(name: str) -> tuple[str, str]:
    """Return the name of a picture on the disk without its ending, and the ending."""
    ending = PurePosixPath(name).suffix
    return name.removeprefix("./").removesuffix(ending), ending


def _labels(samples: pd.DataFrame) -> list[str]:
    return sorted({label for label in samples["label_name"] if label})


def _sizes(samples: pd.DataFrame) -> list[tuple[str, int, int]]:
    columns = [samples[name].tolist() for name in ("filename", "width", "height")]
    return [(name, int(width), int(height)) for name, width, height in zip(*columns, strict=True)]


def _json(content: object) -> str:
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"
