"""The format `label-studio`: tasks for Label Studio."""

from curation.export.format import Format, Listing, as_json, one_file


def as_label_studio(listing: Listing) -> str:
    """Return one task a sample, for a labelling setup that reads `$image`; the rest can be shown and filtered by.

    The tool has to serve the folder of pictures as its local storage: `image` is a path in there.
    https://labelstud.io/guide/tasks#Basic-Label-Studio-JSON-format
    """
    tasks = [
        {"data": {"image": place, "weak_label": label}}
        for place, label in zip(listing.samples["location"], listing.samples["label_name"], strict=True)
    ]
    return as_json(tasks)


FORMAT = Format(
    one_file(as_label_studio),
    sentence="tasks for Label Studio",
    source="https://labelstud.io/guide/tasks#Basic-Label-Studio-JSON-format",
    columns=("location", "label_name"),
    target="tasks.json",
    locations=("local-files", "bucket", "web"),
    example={
        "tasks.json": """\
[
  {
    "data": {
      "image": "city/a.jpg",
      "weak_label": "city"
    }
  },
  {
    "data": {
      "image": "drive-07-mp4.png",
      "weak_label": ""
    }
  }
]
""",
    },
)
