"""The format `coco`: a COCO dataset."""

from pathlib import Path

from curation.export.format import Format, Listing, TextFile, as_json, sizes_of

DETECTION = "annotations/instances_default.json"
"""Where readers of whole COCO datasets, such as Datumaro's and CVAT's, look for boxes."""


def coco_files(listing: Listing, target: Path) -> list[TextFile]:
    """Return TARGET, or the file of annotations in it if that is a folder."""
    return [TextFile(target if target.suffix else target / DETECTION, as_coco(listing))]


def as_coco(listing: Listing) -> str:
    """Return a COCO dataset with images, a category for each class, numbered from 1, and no annotations yet.

    Names of files are relative to the folder of pictures, or absolute if the user says where that is.
    https://cocodataset.org/#format-data
    """
    images = [
        {"id": number, "file_name": place, "width": width, "height": height}
        for number, (place, (_, width, height)) in enumerate(
            zip(listing.samples["location"], sizes_of(listing.samples), strict=True), 1
        )
    ]
    categories = [{"id": number, "name": name, "supercategory": ""} for number, name in enumerate(listing.classes, 1)]
    return as_json({"images": images, "annotations": [], "categories": categories})


FORMAT = Format(
    coco_files,
    sentence="a COCO dataset without annotations: a file, or the folder TARGET for images exported to `images` in it",
    source="https://cocodataset.org/#format-data",
    columns=("filename", "width", "height", "location"),
    target="dataset",
    locations=("folder",),
    example={
        "dataset/annotations/instances_default.json": """\
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
      "name": "beach",
      "supercategory": ""
    },
    {
      "id": 2,
      "name": "city",
      "supercategory": ""
    }
  ]
}
""",
    },
)
