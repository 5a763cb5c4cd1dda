"""The format `cvat`: a manifest for CVAT."""

import json
from typing import Any

from curation.export.format import Format, Listing, divided, one_file, sizes_of


def as_cvat(listing: Listing) -> str:
    """Return a manifest of images, one JSON object a line.

    https://docs.cvat.ai/docs/dataset_management/dataset_manifest/
    """
    lines: list[dict[str, Any]] = [{"version": "1.1"}, {"type": "images"}]
    for name, width, height in sizes_of(listing.samples):
        stem, ending = divided(name)
        lines.append({"name": stem, "extension": ending, "width": width, "height": height})
    return "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)


FORMAT = Format(
    one_file(as_cvat),
    sentence="a manifest of images for CVAT",
    source="https://docs.cvat.ai/docs/dataset_management/dataset_manifest/",
    columns=("filename", "width", "height"),
    target="manifest.jsonl",
    example={
        "manifest.jsonl": """\
{"version": "1.1"}
{"type": "images"}
{"name": "city/a", "extension": ".jpg", "width": 640, "height": 480}
{"name": "drive-07-mp4", "extension": ".png", "width": 1920, "height": 1080}
""",
    },
)
