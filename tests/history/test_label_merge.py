"""Uniting the labels that two branches imported."""

from pathlib import Path

import pytest

from curation.core.errors import BaseError
from curation.history.dvc_files import Sides
from curation.history.label_merge import merged_label_file, united_labels
from curation.labels.stored import Annotation, Labelled, as_coco, from_coco

A, B, C = (((Annotation(name, (1.0, 2.0, 3.0, 4.0), None)),) for name in ("a", "b", "c"))
BASE = Labelled({"1": A, "2": A, "3": A, "4": A}, {"1": (9, 9)}, ("a",))
OURS = Labelled({"1": B, "2": A, "3": B, "5": ()}, {"5": (8, 8)}, ("a", "b"))
THEIRS = Labelled({"1": A, "2": C, "3": C, "4": A, "6": C}, {"6": (7, 7)}, ("a", "c"))


class Objects:
    """A cache of DVC's in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, name: str) -> Path:
        return self.folder / name[:2] / name[2:]

    file = path


def test_what_one_side_has_changed_counts_sample_by_sample() -> None:
    both, different = united_labels(BASE, OURS, THEIRS)
    # 4 was taken out by one side; 3 was labelled anew by both.
    assert both.samples == {"1": B, "2": C, "3": B, "5": (), "6": C}
    assert (both.classes, both.sizes) == (("a", "b", "c"), {"5": (8, 8), "6": (7, 7)})
    assert different == ["3"]
    assert united_labels(Labelled(), OURS, Labelled({"1": A})) == (OURS, ["1"])
    assert united_labels(BASE, Labelled(), Labelled({"1": B}))[0].samples == {"1": B}
    assert united_labels(BASE, BASE, BASE) == (BASE, [])


def test_the_merged_file_is_in_the_cache(tmp_path: Path) -> None:
    cache = Objects(tmp_path)
    for name, labels in (("base", BASE), ("ours", OURS), ("theirs", THEIRS)):
        cache.path(name).parent.mkdir(exist_ok=True)
        cache.path(name).write_text(as_coco(labels))
    sides = Sides(*(f"outs:\n- md5: {name}\n  path: cars.json\n" for name in ("base", "ours", "theirs")))
    path = Path("labels/cars.json.dvc")
    text, different = merged_label_file(path, sides, cache)  # type: ignore[arg-type]
    digest = text.partition("md5: ")[2].partition("\n")[0]
    assert from_coco(cache.path(digest).read_text()) == united_labels(BASE, OURS, THEIRS)[0]
    assert text.endswith("  hash: md5\n  path: cars.json\n")
    assert different == ["3"]
    assert merged_label_file(path, sides._replace(base=None), cache)[1] == ["1", "2", "3"]  # type: ignore[arg-type]
    cache.path("ours").write_text("{}")
    for broken in (sides, sides._replace(ours="outs: ["), sides._replace(base="outs: []")):
        with pytest.raises(BaseError, match=r"the labels of labels/cars\.json\.dvc cannot be united"):
            merged_label_file(path, broken, cache)  # type: ignore[arg-type]
