"""Labels that are kept with the datapool."""

import json
from pathlib import Path

import pytest

from curation.labels.given import LabelFileError
from curation.labels.reading import read_labels
from curation.labels.stored import Annotation, Labelled, as_coco, from_coco, united

CAR, BUS = Annotation("car", (1.0, 2.0, 3.5, 4.0), None), Annotation("bus", None, 0.5)
ONE = Labelled({"a.jpg": (CAR, BUS), "b.jpg": ()}, {"a.jpg": (64, 48)}, ("car", "bus"))
OTHER = Labelled({"a.jpg": (CAR,), "c.jpg": (Annotation("van", None, None), CAR)}, {"c.jpg": (9, 9)}, ("van", "car"))


def test_what_is_stored_is_read_again_and_is_coco(tmp_path: Path) -> None:
    text = as_coco(ONE)
    assert from_coco(text) == ONE
    assert as_coco(from_coco(text)) == text
    (tmp_path / "a.json").write_text(text)
    assert [label[:3] for label in read_labels(tmp_path / "a.json").labels] == [
        ("a.jpg", "car", CAR.box),
        ("a.jpg", "bus", None),
    ]
    content = json.loads(text)
    assert content["annotations"][0] == {
        "id": 1, "image_id": 1, "category_id": 1, "bbox": [1.0, 2.0, 3.5, 4.0], "area": 14.0, "iscrowd": 0,
    }  # fmt: skip
    assert [image["file_name"] for image in content["images"]] == ["a.jpg", "b.jpg"]


def test_new_labels_of_a_sample_replace_its_former_ones() -> None:
    both = united(ONE, OTHER)
    assert both.samples == {"a.jpg": (CAR,), "b.jpg": (), "c.jpg": OTHER.samples["c.jpg"]}
    assert (both.classes, both.sizes) == (("car", "bus", "van"), {"a.jpg": (64, 48), "c.jpg": (9, 9)})
    assert both.counts(["a.jpg", "c.jpg", "d.jpg"]) == {"car": 2, "van": 1}


def test_samples_can_be_left_out() -> None:
    assert ONE.without({"a.jpg"}) == Labelled({"b.jpg": ()}, {}, ONE.classes)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"images": [], "categories": [], "annotations": [{"image_id": 1}]}'])
def test_what_is_no_such_file_is_told(text: str) -> None:
    with pytest.raises(LabelFileError, match="it holds no labels that were imported"):
        from_coco(text)
