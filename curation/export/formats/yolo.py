"""The format `yolo`: a dataset for YOLO."""

import json
from pathlib import Path

from curation.export.format import Format, Listing, TextFile


def yolo_files(listing: Listing, target: Path) -> list[TextFile]:
    """Return the dataset's `data.yaml` where TARGET has such an ending, and else the list of its pictures."""
    is_dataset = target.suffix in (".yaml", ".yml")
    return [TextFile(target, as_yolo_dataset(listing) if is_dataset else as_yolo(listing))]


def as_yolo(listing: Listing) -> str:
    """Return the list of pictures that a YOLO dataset's `train:` names, one path a line, below `images`.

    https://docs.ultralytics.com/datasets/detect/
    """
    return "".join(f"./images/{name}\n" for name in listing.samples["filename"])


def as_yolo_dataset(listing: Listing) -> str:
    """Return the `data.yaml` of a YOLO dataset whose pictures are in `images` beside it, with the classes as names.

    There are no labels yet, and so no validation set: `val`, which the format asks for, is the same folder. Without
    `path`, paths count from the file itself. https://docs.ultralytics.com/datasets/detect/
    """
    names = [f"  {number}: {json.dumps(label, ensure_ascii=False)}\n" for number, label in enumerate(listing.classes)]
    return "train: images\nval: images\n" + ("names:\n" + "".join(names) if names else "names: {}\n")


FORMAT = Format(
    yolo_files,
    sentence="the list of training images of a YOLO dataset; if TARGET ends with .yaml, the dataset's data.yaml, "
    "for images exported to `images` beside it",
    source="https://docs.ultralytics.com/datasets/detect/",
    columns=("filename",),
    target="data.yaml",
    example={
        "data.yaml": """\
train: images
val: images
names:
  0: "beach"
  1: "city"
""",
    },
)
