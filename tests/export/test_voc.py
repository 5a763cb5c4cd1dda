"""Lists as Pascal VOC's, read back by others' readers."""

import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.cli.commands.export import write_files
from curation.core.errors import OutputError
from curation.export.format import Listing
from curation.export.formats.voc import as_annotation, label_map, voc_files


def table(*rows: tuple[str, str]) -> Listing:
    """Return samples of 60 x 40 pixels by filename and class."""
    samples = pd.DataFrame(rows, columns=["filename", "class_name"]).assign(width=60, height=40)
    return Listing(samples, tuple(sorted({name for _, name in rows if name})))


def main_list(folder: Path, name: str) -> list[str]:
    return (folder / "ImageSets/Main" / f"{name}.txt").read_text().splitlines()


def test_a_dataset_is_read_by_the_library_that_others_use(tmp_path: Path) -> None:
    from labelformat.formats.pascalvoc import PascalVOCObjectDetectionInput

    write_files(voc_files(table(("b.jpg", ""), ("a & <b>.jpg", ""), ("city/c.jpg", "city")), tmp_path))
    for folder, names in (("Annotations", ["a & <b>.jpg", "b.jpg"]), ("Annotations/city", ["city/c.jpg"])):
        dataset = PascalVOCObjectDetectionInput(tmp_path / folder, "city")
        labels = sorted(dataset.get_labels(), key=lambda label: label.image.filename)
        assert [label.image.filename for label in labels] == names
        assert {(label.image.width, label.image.height, len(label.objects)) for label in labels} == {(60, 40, 0)}


def test_lists_name_the_files(tmp_path: Path) -> None:
    samples = table(("city/c.jpg", "city"), ("./-rf.png", ""), ("./=x/d.jpg", "=x"))
    write_files(voc_files(samples, tmp_path))
    stems = main_list(tmp_path, "trainval")
    assert stems == ["city/c", "-rf", "=x/d"]
    for stem, name in zip(stems, samples.samples["filename"], strict=True):
        root = ET.parse(tmp_path / "Annotations" / f"{stem}.xml").getroot()
        assert f"./{root.findtext('filename')}" == f"./{name.removeprefix('./')}"
        assert [element.tag for element in root] == ["folder", "filename", "size", "segmented"]
    assert main_list(tmp_path, "city_trainval") == ["city/c  1", "-rf -1", "=x/d -1"]
    assert main_list(tmp_path, "=x_trainval") == ["city/c -1", "-rf -1", "=x/d  1"]
    assert len([*(tmp_path / "ImageSets/Main").iterdir()]) == 3


def test_classes_are_in_the_order_of_their_numbers_for_readers_that_number_them(tmp_path: Path) -> None:
    named = table(("a.jpg", ""))
    write_files(voc_files(replace(named, classes=("skirt", "black dress")), tmp_path))
    assert (tmp_path / "labelmap.txt").read_text() == "# label:color_rgb:parts:actions\nskirt:::\nblack dress:::\n"
    for name in ("a:b", "#a", " a"):
        assert label_map(replace(named, classes=("skirt", name)), tmp_path) == []


def test_labelled_annotations_stay_and_the_lists_follow(tmp_path: Path) -> None:
    write_files(voc_files(table(("a.jpg", "")), tmp_path))
    (tmp_path / "Annotations/a.xml").write_text("labelled")
    write_files(voc_files(table(("a.jpg", ""), ("b.jpg", "")), tmp_path))
    assert (tmp_path / "Annotations/a.xml").read_text() == "labelled"
    assert main_list(tmp_path, "trainval") == ["a", "b"]
    assert (tmp_path / "Annotations/b.xml").is_file()


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1))
def test_any_name_comes_back_from_the_annotation(name: str) -> None:
    if all(character.isprintable() for character in name):
        root = ET.fromstring(as_annotation(name, 5, 4))
        assert root.findtext("filename") == name.removeprefix("./")
        assert (root.findtext("size/width"), root.findtext("size/height")) == ("5", "4")


@pytest.mark.parametrize("name", ["a\x01.jpg", "a\n.jpg", "a\u2028.jpg", "a\ufffe.jpg"])
def test_what_the_format_cannot_hold_is_told(name: str, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="a character that Pascal VOC cannot hold"):
        voc_files(table((name, "")), tmp_path)


def test_a_class_with_a_slash_is_told(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="has a slash"):
        voc_files(table(("a.jpg", "../x")), tmp_path)


def test_two_pictures_that_the_format_cannot_tell_apart(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="two samples would both be 'b' for Pascal VOC"):
        voc_files(table(("b.jpg", ""), ("b.png", "")), tmp_path)
