"""The format `coco`: a COCO dataset."""

from curation.export.format import Format, Listing, as_json, one_file, sizes_of


def as_coco(listing: Listing) -> str:
    """Return a COCO dataset with images, a category for each class, numbered from 1, and no annotations yet.

    https://cocodataset.org/#format-data
    """
    images = [
        {"id": number, "file_name": name, "width": width, "height": height}
        for number, (name, width, height) in enumerate(sizes_of(listing.samples), 1)
    ]
    categories = [{"id": number, "name": name, "supercategory": ""} for number, name in enumerate(listing.classes, 1)]
    return as_json({"images": images, "annotations": [], "categories": categories})


FORMAT = Format(
    one_file(as_coco),
    sentence="a COCO dataset without annotations",
    source="https://cocodataset.org/#format-data",
    columns=("filename", "width", "height"),
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
