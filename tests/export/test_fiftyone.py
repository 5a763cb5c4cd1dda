"""Datasets for FiftyOne whose pictures are anywhere."""

import json
from dataclasses import replace
from pathlib import Path

from curation.export.format import EXAMPLE
from curation.export.formats.fiftyone import as_fiftyone, fiftyone_files
from curation.export.location import Location


def test_pictures_elsewhere_are_named_by_their_whole_path() -> None:
    place = Location("folder", "/mnt/my data")
    names = ["b/a.jpg", "b/a.png"]
    samples = EXAMPLE.samples.assign(filename=names, location=[place.of(name) for name in names])
    content = json.loads(as_fiftyone(replace(EXAMPLE, samples=samples, images=place)))
    assert content == {
        "classes": ["beach", "city"],
        "labels": {"/mnt/my data/b/a.jpg": 1, "/mnt/my data/b/a.png": None},
    }


def test_a_folder_gets_the_file_that_the_tool_looks_for() -> None:
    assert [file.path.as_posix() for file in fiftyone_files(EXAMPLE, Path("x"))] == ["x/labels.json"]
    assert [file.path.as_posix() for file in fiftyone_files(EXAMPLE, Path("x/y.json"))] == ["x/y.json"]
