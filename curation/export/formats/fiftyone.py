"""The format `fiftyone`: a dataset for FiftyOne."""

import pandas as pd

from curation.core.errors import OutputError
from curation.export.format import Format, Listing, as_json, divided, one_file


def as_fiftyone(listing: Listing) -> str:
    """Return the `labels.json` of a FiftyOneImageClassificationDataset; the pictures belong into `data` beside it.

    https://docs.voxel51.com/user_guide/import_datasets.html#fiftyoneimageclassificationdataset

    Raises:
        OutputError: two pictures differ in their ending only, without which the format names them.
    """
    of_sample: dict[str, int | None] = {}
    for filename, number in zip(listing.samples["filename"], listing.samples["class_id"], strict=True):
        stem, _ = divided(filename)
        if stem in of_sample:
            raise OutputError(
                f"two samples would both be {stem!r} for FiftyOne, which names pictures without their ending: export "
                "the images and the list with --format jpg or png, or rename one of the raw files"
            )
        of_sample[stem] = None if pd.isna(number) else int(number)
    return as_json({"classes": list(listing.classes), "labels": of_sample})


FORMAT = Format(
    one_file(as_fiftyone),
    sentence="labels.json of a FiftyOne image classification dataset, from the classes",
    source="https://docs.voxel51.com/user_guide/import_datasets.html#fiftyoneimageclassificationdataset",
    columns=("filename", "class_id"),
    target="labels.json",
    example={
        "labels.json": """\
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
