"""The format `label-studio`: tasks for Label Studio, with predictions as pre-annotations."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr

import pandas as pd

from curation.core.errors import OutputError
from curation.export.format import Format, Listing, TextFile, as_json
from curation.export.predictions import Predicted

CHOICES, BOXES, IMAGE = "choice", "label", "image"
"""Names of the controls and the picture in the labelling interface, as in Label Studio's own templates."""


def label_studio_files(listing: Listing, target: Path) -> list[TextFile]:
    """Return the tasks, and beside them the labelling interface, where TARGET is a folder; else the tasks alone."""
    if target.suffix:
        return [TextFile(target, as_tasks(listing))]
    return [
        TextFile(target / "tasks.json", as_tasks(listing)),
        TextFile(target / "labelling.xml", as_interface(class_names(listing))),
    ]


def as_tasks(listing: Listing) -> str:
    """Return one task a sample, for an interface that reads `$image`; the rest can be shown and filtered by.

    https://labelstud.io/guide/tasks#Basic-Label-Studio-JSON-format

    Raises:
        OutputError: Label Studio cannot open one of the pictures where they are.
    """
    columns = ("location", "sample", "label_name", "iteration", "width", "height")
    return as_json(
        [_task(listing, *values) for values in zip(*(listing.samples[name].tolist() for name in columns), strict=True)]
    )


def _task(
    listing: Listing, location: str, sample: str, label: str, iteration: int, width: float | None, height: float | None
) -> dict[str, Any]:
    if listing.images is not None and listing.images.kind == "bucket" and "?" in location:
        raise OutputError(
            f"{location!r}: Label Studio takes a ? in a bucket for the end of the name: rename the raw file, or serve "
            "the pictures with https://"
        )
    data: dict[str, Any] = {"image": location, "sample": sample, "weak_label": label, "iteration": int(iteration)}
    is_known = not (pd.isna(width) or pd.isna(height))
    size = (int(width), int(height)) if is_known else None  # type: ignore[arg-type]
    if size is not None:
        data |= {"width": size[0], "height": size[1]}
    predicted = listing.predictions.get(sample, ())
    return {"data": data} | ({"predictions": [as_prediction(predicted, listing.model, size)]} if predicted else {})


def as_prediction(predicted: Sequence[Predicted], model: str, size: tuple[int, int] | None) -> dict[str, Any]:
    """Return a prediction of one picture: boxes, or the class of all of it.

    https://labelstud.io/guide/predictions

    Args:
        predicted: one class at least, the highest score first.
        model: what predicted them.
        size: width and height of the picture in pixels, if known.
    """
    sizes = {} if size is None else {"original_width": size[0], "original_height": size[1], "image_rotation": 0}
    result = [
        {"id": f"predicted-{number}", "from_name": BOXES if one.box else CHOICES, "to_name": IMAGE}
        | sizes
        | ({"type": "rectanglelabels"} if one.box else {"type": "choices"})
        | {"value": _value(one), "score": one.score}
        for number, one in enumerate(predicted, 1)
    ]
    return {"model_version": model, "score": predicted[0].score, "result": result}


def _value(one: Predicted) -> dict[str, Any]:
    """Return a class, with its box in percent of the picture."""
    if one.box is None:
        return {"choices": [one.name]}
    edges = dict(zip(("x", "y", "width", "height"), (round(100 * share, 4) for share in one.box), strict=True))
    return {**edges, "rotation": 0, "rectanglelabels": [one.name]}


def class_names(listing: Listing) -> list[str]:
    """Return the classes by number, and after them those that are only predicted."""
    predicted = {one.name for found in listing.predictions.values() for one in found}
    return [*listing.classes, *sorted(predicted - {*listing.classes})]


def as_interface(names: Sequence[str]) -> str:
    """Return a labelling interface with a class for the whole picture, and boxes with classes.

    https://labelstud.io/tags/
    """
    choices = "".join(f"    <Choice value={quoteattr(name)}/>\n" for name in names)
    labels = "".join(f"    <Label value={quoteattr(name)}/>\n" for name in names)
    return (
        "<View>\n"
        f'  <Image name="{IMAGE}" value="$image" zoom="true"/>\n'
        f'  <Choices name="{CHOICES}" toName="{IMAGE}">\n{choices}  </Choices>\n'
        f'  <RectangleLabels name="{BOXES}" toName="{IMAGE}">\n{labels}  </RectangleLabels>\n'
        "</View>\n"
    )


FORMAT = Format(
    label_studio_files,
    sentence="tasks for Label Studio, with the predictions of select.predictions_file; a labelling interface beside "
    "them if TARGET is a folder",
    source="https://labelstud.io/guide/tasks#Basic-Label-Studio-JSON-format",
    columns=("location", "sample", "label_name", "iteration", "width", "height"),
    target="labelling",
    locations=("local-files", "bucket", "web"),
    reads_predictions=True,
    without_images="Label Studio opens no picture by its bare name: say with --images where it finds them",
    example={
        "labelling/tasks.json": """\
[
  {
    "data": {
      "image": "city/a.jpg",
      "sample": "city/a.jpg",
      "weak_label": "city",
      "iteration": 1,
      "width": 640,
      "height": 480
    }
  },
  {
    "data": {
      "image": "drive-07-mp4.png",
      "sample": "drive-07-mp4.png",
      "weak_label": "",
      "iteration": 1,
      "width": 1920,
      "height": 1080
    }
  }
]
""",
        "labelling/labelling.xml": """\
<View>
  <Image name="image" value="$image" zoom="true"/>
  <Choices name="choice" toName="image">
    <Choice value="beach"/>
    <Choice value="city"/>
  </Choices>
  <RectangleLabels name="label" toName="image">
    <Label value="beach"/>
    <Label value="city"/>
  </RectangleLabels>
</View>
""",
    },
)
