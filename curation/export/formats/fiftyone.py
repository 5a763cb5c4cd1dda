"""The format `fiftyone`: a dataset for FiftyOne."""

from pathlib import Path

import pandas as pd

from curation.core.errors import OutputError
from curation.export.format import Format, Listing, TextFile, as_json, divided


def fiftyone_files(listing: Listing, target: Path) -> list[TextFile]:
    """Return TARGET, or `labels.json` in it if that is a folder."""
    return [TextFile(target if target.suffix else target / "labels.json", as_fiftyone(listing))]


def as_fiftyone(listing: Listing) -> str:
    """Return the `labels.json` of a FiftyOneImageClassificationDataset.

    Pictures belong into `data` beside it and are named without their ending; or, if the user says where they are, each
    is named by its absolute path. https://docs.voxel51.com/user_guide/import_datasets.html#fiftyoneimageclassificationdataset

    Raises:
        OutputError: two pictures in `data` differ in their ending only.
    """
    samples, is_beside = listing.samples, listing.images is None
    of_sample: dict[str, int | None] = {}
    for filename, place, number in zip(samples["filename"], samples["location"], samples["class_id"], strict=True):
        name = divided(filename)[0] if is_beside else place
        if name in of_sample:
            raise OutputError(
                f"two samples would both be {name!r} for FiftyOne, which names pictures without their ending: export "
                "the images and the list with --format jpg or png, say with --images where they are, or rename one of "
                "the raw files"
            )
        of_sample[name] = None if pd.isna(number) else int(number)
    return as_json({"classes": list(listing.classes), "labels": of_sample})


FORMAT = Format(
    fiftyone_files,
    sentence="labels.json of a FiftyOne image classification dataset, for images exported to `data` beside it, or "
    "with --images for those in any folder",
    source="https://docs.voxel51.com/user_guide/import_datasets.html#fiftyoneimageclassificationdataset",
    columns=("filename", "class_id", "location"),
    target="dataset",
    locations=("folder",),
    example={
        "dataset/labels.json": """\
{
  "classes": [
    "beach",
    "city"
  ],
  "labels": {
    "city/a": 1,
    "drive-07-mp4": null
  }
}
""",
    },
)
