"""The format `imagefolder`: a dataset for Hugging Face's `datasets`, with what is known of each picture."""

import json
from pathlib import Path

import pandas as pd

from curation.export.format import Format, Listing, TextFile, as_json

_READ = ("class_id", "sample", "raw_path", "frame", "time_s", "iteration", "rank", "width", "height")


def imagefolder_files(listing: Listing, target: Path) -> list[TextFile]:
    """Return the files that make the folder TARGET a dataset, beside its folder `images`.

    `datasets` finds a picture by `file_name`, and takes the rest for columns.
    https://huggingface.co/docs/datasets/image_dataset#imagefolder

    Args:
        listing: with the columns that `FORMAT` names.
        target: folder of the dataset; the pictures belong into `images` in it.
    """
    return [
        TextFile(target / "classes.json", as_json(list(listing.classes))),
        TextFile(target / "metadata.jsonl", as_metadata(listing)),
    ]


def as_metadata(listing: Listing) -> str:
    """Return one JSON object a picture; what is not known is null."""
    rows = listing.samples
    names = [f"images/{name.removeprefix('./')}" for name in rows["filename"]]
    columns: dict[str, list[object]] = {
        "file_name": list(names),
        "label": [name or None for name in rows["class_name"]],
        **{column: [None if pd.isna(value) else value for value in rows[column].tolist()] for column in _READ},
    }
    lines = (dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True))
    return "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)


FORMAT = Format(
    imagefolder_files,
    sentence="metadata.jsonl of a Hugging Face image dataset in the folder TARGET, and classes.json, for images "
    "exported to `images` in it",
    source="https://huggingface.co/docs/datasets/image_dataset#imagefolder",
    columns=("filename", "class_name", *_READ),
    target="dataset",
    example={
        "dataset/classes.json": """\
[
  "beach",
  "city"
]
""",
        "dataset/metadata.jsonl": """\
{"file_name": "images/city/a.jpg", "label": "city", "class_id": 1, "sample": "city/a.jpg", \
"raw_path": "city/a.jpg", "frame": 0, "time_s": null, "iteration": 1, "rank": 0, "width": 640, "height": 480}
{"file_name": "images/drive-07-mp4.png", "label": null, "class_id": null, "sample": "drive-07-mp4.png", \
"raw_path": "drive.mp4", "frame": 7, "time_s": 0.28, "iteration": 1, "rank": 1, "width": 1920, "height": 1080}
""",
    },
)
