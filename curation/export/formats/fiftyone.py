"""The format `fiftyone`: a dataset for FiftyOne."""

import pandas as pd

from curation.core.errors import OutputError
from curation.export.format import Format, as_json, divided, labels_of, one_file


def as_fiftyone(samples: pd.DataFrame) -> str:
    """Return the `labels.json` of a FiftyOneImageClassificationDataset; the pictures belong into `data` beside it.

    https://docs.voxel51.com/user_guide/import_datasets.html#fiftyoneimageclassificationdataset

    Raises:
        OutputError: two pictures differ in their ending only, without which the format names them.
    """
    labels = labels_of(samples)
    index = {name: number for number, name in enumerate(labels)}
    of_sample: dict[str, int | None] = {}
    for filename, label in zip(samples["filename"], samples["label_name"], strict=True):
        stem, _ = divided(filename)
        if stem in of_sample:
            raise OutputError(
                f"two samples would both be {stem!r} for FiftyOne, which names pictures without their ending: export "
                "the images and the list with --format jpg or png, or rename one of the raw files"
            )
        of_sample[stem] = index.get(label)
    return as_json({"classes": labels, "labels": of_sample})


FORMAT = Format(
    one_file(as_fiftyone),
    sentence="labels.json of a FiftyOne image classification dataset, from the weak labels",
    source="https://docs.voxel51.com/user_guide/import_datasets.html#fiftyoneimageclassificationdataset",
    columns=("filename", "label_name"),
    target="labels.json",
    example={
        "labels.json": """\
{
  "classes": [
    "city"
  ],
  "labels": {
    "city/a": 0,
    "drive-07-mp4": null
  }
}
""",
    },
)
