"""COCO datasets, beside their pictures and elsewhere."""

import json
from pathlib import Path

import pandas as pd
from PIL import Image

from curation.cli.commands.export import write_files
from curation.export.format import Listing
from curation.export.formats.coco import as_coco, coco_files
from curation.export.location import Location

NAMES = ["a.jpg", "day 2/Größe #1 100%/ü.png"]


def listing(place: Location | None = None) -> Listing:
    samples = pd.DataFrame({"filename": NAMES, "width": 6, "height": 4})
    return Listing(samples.assign(location=[place.of(name) if place else name for name in NAMES]), ("city",), place)


def test_pictures_open_beside_the_file(tmp_path: Path) -> None:
    from pycocotools.coco import COCO

    for name in NAMES:
        (tmp_path / "images" / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (6, 4)).save(tmp_path / "images" / name)
    write_files(coco_files(listing(), tmp_path))
    write_files(coco_files(listing(Location("folder", str(tmp_path / "images"))), tmp_path / "elsewhere.json"))
    for file, folder in (("annotations/instances_default.json", tmp_path / "images"), ("elsewhere.json", Path())):
        coco = COCO(str(tmp_path / file))
        for entry in coco.loadImgs(coco.getImgIds()):
            with Image.open(folder / entry["file_name"]) as picture:
                assert picture.size == (entry["width"], entry["height"])


def test_names_are_absolute_if_the_user_says_where_pictures_are() -> None:
    images = json.loads(as_coco(listing(Location("folder", "/mnt/my data"))))["images"]
    assert [image["file_name"] for image in images] == [f"/mnt/my data/{name}" for name in NAMES]
