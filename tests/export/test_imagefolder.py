"""Datasets for Hugging Face's `datasets`."""

import json
from dataclasses import replace
from pathlib import Path

from curation.export.format import EXAMPLE
from curation.export.formats.imagefolder import as_metadata, imagefolder_files


def test_rows_say_where_pictures_are_and_what_is_known_of_them() -> None:
    samples = EXAMPLE.samples.assign(filename=["./-day 2/ü\u2028\n.jpg", "b.png"], width=[640, float("nan")])
    rows = [json.loads(line) for line in as_metadata(replace(EXAMPLE, samples=samples)).split("\n")[:-1]]
    assert [row["file_name"] for row in rows] == ["images/-day 2/ü\u2028\n.jpg", "images/b.png"]
    assert [(row["label"], row["class_id"], row["width"]) for row in rows] == [("city", 1, 640), (None, None, None)]
    assert rows[1] | {"time_s": 0.28, "frame": 7, "iteration": 1, "rank": 1, "sample": "drive-07-mp4.png"} == rows[1]
    assert len({tuple(row) for row in rows}) == 1


def test_classes_are_in_the_order_of_their_numbers() -> None:
    classes, _ = imagefolder_files(EXAMPLE, Path("to"))
    assert (classes.path, json.loads(classes.text)) == (Path("to/classes.json"), ["beach", "city"])
