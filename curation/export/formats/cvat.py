"""The format `cvat`: a manifest for CVAT."""

import json
from pathlib import Path
from typing import Any

from curation.core.errors import OutputError
from curation.export.format import Format, Listing, TextFile, as_json, divided, sizes_of

MANIFEST, LABELS = "manifest.jsonl", "labels.json"


def cvat_files(listing: Listing, target: Path) -> list[TextFile]:
    """Return the manifest, and beside it the labels, where TARGET is a folder; else the manifest alone.

    Raises:
        OutputError: CVAT would not take the file for a manifest.
    """
    if not target.suffix:
        return [TextFile(target / MANIFEST, as_manifest(listing)), TextFile(target / LABELS, as_labels(listing))]
    if target.suffix != ".jsonl":
        raise OutputError(
            f"CVAT knows a manifest by the ending .jsonl: give {target.with_name(MANIFEST)}, or the folder "
            f"{target.with_suffix('')} to get one in there"
        )
    return [TextFile(target, as_manifest(listing))]


def as_manifest(listing: Listing) -> str:
    """Return a manifest of images, one JSON object a line, that belongs into the folder of the pictures.

    CVAT takes names as they are seen from the manifest, wherever in a bucket or share that is.
    https://docs.cvat.ai/docs/dataset_management/dataset_manifest/
    """
    lines: list[dict[str, Any]] = [{"version": "1.1"}, {"type": "images"}]
    for name, width, height in sizes_of(listing.samples):
        stem, ending = divided(name)
        lines.append({"name": stem, "extension": ending, "width": width, "height": height})
    # Escaped as CVAT writes it itself: its servers read the file in whatever encoding they run with.
    return "".join(json.dumps(line) + "\n" for line in lines)


def as_labels(listing: Listing) -> str:
    """Return the classes as labels of a new project or task.

    https://docs.cvat.ai/docs/api_sdk/cli/
    """
    return as_json([{"name": name, "attributes": []} for name in listing.classes])


FORMAT = Format(
    cvat_files,
    sentence="a manifest of images for CVAT, to be put beside the images; labels for a new project beside it if TARGET "
    "is a folder",
    source="https://docs.cvat.ai/docs/dataset_management/dataset_manifest/",
    columns=("filename", "width", "height"),
    target="selected",
    example={
        "selected/manifest.jsonl": """\
{"version": "1.1"}
{"type": "images"}
{"name": "city/a", "extension": ".jpg", "width": 640, "height": 480}
{"name": "drive-07-mp4", "extension": ".png", "width": 1920, "height": 1080}
""",
        "selected/labels.json": """\
[
  {
    "name": "beach",
    "attributes": []
  },
  {
    "name": "city",
    "attributes": []
  }
]
""",
    },
)
