"""Datasets for YOLO: labels where their readers look for them."""

from pathlib import Path

import pandas as pd
import pytest
from PIL import Image

from curation.cli.commands.export import write_files
from curation.core.errors import OutputError
from curation.export.format import Listing
from curation.export.formats.yolo import UNLABELLED, yolo_files
from curation.export.location import Location

NAMES = ("a.jpg", "day 2/Größe #1/ü.png", "images/b.jpg", "images/images/c.d.jpg", "./-rf.jpg")


def listing(*names: str, images: str = "") -> Listing:
    """Return pictures by their filenames."""
    place = Location("folder", images) if images else None
    samples = pd.DataFrame({"filename": names, "location": [place.of(name) if place else name for name in names]})
    return Listing(samples, ("city", "black dress"), place)


def where_labels_are(picture: str) -> str:
    """Return what Ultralytics (`img2label_paths`) and FiftyOne (`_get_yolo_v5_labels_path`) make of a path."""
    return "/labels/".join(picture.rsplit("/images/", 1)).rsplit(".", 1)[0] + ".txt"


def test_labels_are_where_readers_look(tmp_path: Path) -> None:
    write_files(yolo_files(listing(*NAMES), tmp_path))
    for name in NAMES:
        assert Path(where_labels_are(str(tmp_path / "images" / name))).read_text() == UNLABELLED
    assert len([path for path in tmp_path.rglob("*") if path.is_file()]) == len(NAMES) + 1


def test_the_library_that_others_use_finds_pictures_and_labels(tmp_path: Path) -> None:
    from labelformat.formats.yolov8 import YOLOv8ObjectDetectionInput

    for name in NAMES[:2]:
        (tmp_path / "images" / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (6, 4)).save(tmp_path / "images" / name)
    write_files(yolo_files(listing(*NAMES[:2]), tmp_path / "data.yaml"))
    found = YOLOv8ObjectDetectionInput(tmp_path / "data.yaml", "train")
    assert {label.image.filename: len(label.objects) for label in found.get_labels()} == dict.fromkeys(NAMES[:2], 0)
    assert [category.name for category in found.get_categories()] == ["city", "black dress"]


def test_labels_of_people_stay(tmp_path: Path) -> None:
    write_files(yolo_files(listing("a.jpg"), tmp_path))
    (tmp_path / "labels/a.txt").write_text("1 0.5 0.5 0.1 0.1\n")
    write_files(yolo_files(listing("a.jpg", "b.jpg"), tmp_path))
    assert (tmp_path / "labels/a.txt").read_text() == "1 0.5 0.5 0.1 0.1\n"
    assert (tmp_path / "labels/b.txt").read_text() == UNLABELLED


def test_two_pictures_that_would_have_the_same_labels() -> None:
    with pytest.raises(OutputError, match="two samples would both be 'city/b' for YOLO"):
        yolo_files(listing("city/b.jpg", "city/b.png"), Path("dataset"))
    assert len(yolo_files(listing("city/b.jpg", "city/b.png"), Path("train.txt"))) == 1


def test_a_dataset_elsewhere_names_its_folder() -> None:
    (*_, data) = yolo_files(listing("a b.jpg", images="/mnt/my: data/images"), Path("dataset"))
    assert data.text.startswith('path: "/mnt/my: data"\ntrain: images\nval: images\n')
    (lines,) = yolo_files(listing("a b.jpg", images="/mnt/x"), Path("train.txt"))
    assert lines.text == "/mnt/x/a b.jpg\n"
    with pytest.raises(OutputError, match="the folder of pictures has to be called images"):
        yolo_files(listing("a.jpg", images="/mnt/x"), Path("dataset"))
