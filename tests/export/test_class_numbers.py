"""Classes have the same number in every format, every iteration and every choice of samples."""

import csv
import io
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from ruamel.yaml import YAML

from curation.export.classes import datapool_classes
from curation.export.formats.registry import FORMATS
from curation.export.listing import listing_of

ADDED = (["skirt", "dress"], ["coat", "skirt"], ["zebra", "apron", "dress"])
"""Folders of the images that each iteration processed, and selected one of."""


def datapool(iterations: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the ledger and the samples of a datapool after so many iterations."""
    rows = [
        (f"{folder}/{number}.jpg", number, folder)
        for number, folders in enumerate(ADDED[:iterations], 1)
        for folder in folders
    ]
    paths = pd.DataFrame(rows, columns=["path", "iteration", "label_name"])
    ledger = paths.assign(media="image", kept=1)
    samples = paths.assign(filename=paths["path"], raw_path=paths["path"], frame=0, time_s=None, rank=0, label=0)
    return ledger, samples.assign(width=64, height=48)


def numbers_in_csv(text: str) -> dict[str, int]:
    rows = csv.DictReader(io.StringIO(text))
    return {row["class_name"]: int(row["class_id"]) for row in rows}


def numbers_in_metadata(files: Mapping[str, str]) -> dict[str, int]:
    named = {name: number for number, name in enumerate(json.loads(files["classes.json"]))}
    rows = [json.loads(line) for line in files["metadata.jsonl"].splitlines()]
    assert all(named[row["label"]] == row["class_id"] for row in rows)
    return named


def in_order(names: list[str]) -> dict[str, int]:
    return {name: number for number, name in enumerate(names)}


READERS: dict[str, Callable[[Mapping[str, str]], dict[str, int]]] = {
    "coco": lambda files: {
        each["name"]: each["id"] - 1 for each in json.loads(files["instances_default.json"])["categories"]
    },
    "csv": lambda files: numbers_in_csv(next(iter(files.values()))),
    "cvat": lambda files: in_order([each["name"] for each in json.loads(files["labels.json"])]),
    "fiftyone": lambda files: in_order(json.loads(files["labels.json"])["classes"]),
    "imagefolder": numbers_in_metadata,
    "label-studio": lambda files: in_order(re.findall('<Label value="(.*)"/>', files["labelling.xml"])),
    "voc": lambda files: in_order([line.removesuffix(":::") for line in files["labelmap.txt"].splitlines()[1:]]),
    "yolo": lambda files: {name: number for number, name in YAML(typ="safe").load(files["data.yaml"])["names"].items()},
}
"""What reads the numbers of classes, from 0, out of the files of a format by their names."""


@pytest.mark.parametrize("name", READERS)
def test_a_class_keeps_its_number_in_every_export(name: str) -> None:
    known: dict[str, int] = {}
    for iterations in (1, 2, 3):
        ledger, samples = datapool(iterations)
        classes = datapool_classes(ledger, samples, of_videos=False)
        subsets = [samples, samples[samples["iteration"] == iterations], samples[samples["iteration"] > 1], samples[:1]]
        for subset in subsets:
            rows = subset.reset_index(drop=True)
            listing = listing_of(rows, list(rows["filename"]), classes)
            part = replace(listing, samples=listing.samples[list(FORMATS[name].columns)])
            target = Path(FORMATS[name].target)
            found = READERS[name]({file.path.name: file.text for file in FORMATS[name].files(part, target)})
            assert found.items() <= in_order(list(classes)).items()
            assert known.items() <= in_order(list(classes)).items()
            assert len(found) == (rows["label_name"].nunique() if name == "csv" else len(classes))
            known |= found
    assert known == in_order(["dress", "skirt", "coat", "apron", "zebra"])
