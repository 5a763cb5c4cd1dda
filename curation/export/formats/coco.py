"""The format `coco`: a COCO dataset."""

import pandas as pd

from curation.export.format import Format, as_json, labels_of, one_file, sizes_of


def as_coco(samples: pd.DataFrame) -> str:
    """Return a COCO dataset with images, a category for each weak label, and no annotations yet.

    https://cocodataset.org/#format-data
    """
    labels = labels_of(samples)
    images = [
        {"id": number, "file_name": name, "width": width, "height": height}
        for number, (name, width, height) in enumerate(sizes_of(samples), 1)
    ]
    categories = [{"id": number, "name": name, "supercategory": ""} for number, name in enumerate(labels, 1)]
    return as_json({"images": images, "annotations": [], "categories": categories})


FORMAT = Format(
    one_file(as_coco),
    sentence="a COCO dataset without annotations",
    source="https://cocodataset.org/#format-data",
    columns=("filename", "label_name", "width", "height"),
    target="selected.json",
    example={
        "selected.json": """\
{
  "images": [
    {
      "id": 1,
      "file_name": "city/a.jpg",
      "width": 640,
      "height": 480
    },
    {
      "id": 2,
      "file_name": "drive-07-mp4.png",
      "width": 1920,
      "height": 1080
    }
  ],
  "annotations": [],
  "categories": [
    {
      "id": 1,
      "name": "city",
      "supercategory": ""
    }
  ]
}
""",
    },
)
