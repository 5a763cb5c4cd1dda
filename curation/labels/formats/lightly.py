"""The format `lightly`: predictions as LightlyOne takes them, a folder of JSON files with their `schema.json`."""

from collections.abc import Mapping
from typing import Any

from curation.labels.format import LabelFormat
from curation.labels.given import Given, Label, LabelFileError, box_of, probabilities_of, score_of
from curation.labels.source import Source

_SCHEMA = "schema.json"


def is_lightly(source: Source) -> bool:
    """Tell whether there is a schema."""
    return not source.is_single and _SCHEMA in source.names


def read_lightly(source: Source) -> Given:
    """Read classes and boxes of all files; a file without predictions says that the model sees nothing.

    Raises:
        LabelFileError: the schema or a file is not as described.
    """
    given = Given([])
    try:
        categories = {each["id"]: str(each["name"]) for each in source.json(_SCHEMA)["categories"]}
        for path in source.ending_with(".json"):
            if path != _SCHEMA:
                content = source.json(path)
                name = str(content["file_name"])
                found = [_label(name, item, categories) for item in content["predictions"]]
                given.labels += found
                given.empty += [] if found else [name]
    except (KeyError, TypeError, AttributeError) as error:
        what = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        raise LabelFileError(
            f"it is no such folder of predictions ({what}): it needs categories (id, name) in {_SCHEMA}, and files "
            "with file_name and predictions (category_id, and as it comes bbox, score and probabilities)"
        ) from None
    given.classes = tuple(categories.values())
    return given


def _label(name: str, item: Mapping[str, Any], categories: Mapping[object, str]) -> Label:
    probabilities = probabilities_of(item.get("probabilities"), name, len(categories))
    score = score_of(item.get("score"), name)
    if score is None and probabilities is not None:
        score = max(probabilities)
    return Label(name, categories[item["category_id"]], box_of(item.get("bbox"), name), None, score, probabilities)


LABEL_FORMAT = LabelFormat(
    is_lightly,
    read_lightly,
    sentence="predictions of LightlyOne, the folder `.lightly/predictions/TASK`: schema.json and a JSON file a sample, "
    "with boxes, scores and probabilities",
    source="https://docs.lightly.ai/docs/prediction-format",
    example={
        "schema.json": """\
{"task_type": "object-detection", "categories": [{"id": 1, "name": "car"}, {"id": 2, "name": "bus"}]}
""",
        "city/a.json": """\
{
  "file_name": "city/a.jpg",
  "predictions": [{"category_id": 1, "bbox": [64, 48, 128, 96], "score": 0.75, "probabilities": [0.8, 0.2]}]
}
""",
        "drive-07-mp4.json": """\
{
  "file_name": "drive-07-mp4.png",
  "predictions": [{"category_id": 2, "bbox": [192, 108, 384, 216], "score": 0.5, "probabilities": [0.4, 0.6]}]
}
""",
    },
)
