"""Classes of exported lists: numbers that no later iteration, no choice of samples and no removal moves."""

from functools import partial
from itertools import pairwise
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.core.errors import OutputError
from curation.export.classes import datapool_classes, read_class_list, unlisted, with_classes
from curation.export.images import scaled_size
from curation.export.listing import listing_of
from curation.export.location import parse_location

LEDGER = pd.DataFrame(
    [
        ("pants/1.jpg", "image", 1, 1),
        ("dress/1.jpg", "image", 1, 1),
        ("drive/1.mp4", "video", 1, 9),
        ("broken/1.jpg", "image", 1, 0),
        ("top.jpg", "image", 1, 1),
        ("coat/1.jpg", "image", 2, 1),
        ("pants/2.jpg", "image", 2, 1),
        ("./=odd/1.jpg", "image", 3, 1),
        ("drive/1.jpg", "image", 3, 1),
    ],
    columns=["path", "media", "iteration", "kept"],
)
NONE = pd.DataFrame(columns=["filename", "raw_path", "iteration", "label_name"])
SAMPLES = pd.DataFrame(
    [
        ("pants/1.jpg", "pants/1.jpg", 0, 1, "pants"),
        ("drive/1-3-mp4.png", "drive/1.mp4", 3, 1, "drive"),
        ("top.jpg", "top.jpg", 0, 1, ""),
        ("./=odd/1.jpg", "./=odd/1.jpg", 0, 3, "./=odd"),
    ],
    columns=["filename", "raw_path", "frame", "iteration", "label_name"],
).assign(time_s=0.5, rank=0, label=0, width=960, height=540)


def test_classes_are_in_the_order_in_which_the_datapool_numbers_them() -> None:
    assert datapool_classes(LEDGER, NONE, of_videos=False) == ("dress", "pants", "coat", "=odd", "drive")
    assert datapool_classes(LEDGER, NONE, of_videos=True) == ("dress", "drive", "pants", "coat", "=odd")
    assert datapool_classes(LEDGER[:0], NONE, of_videos=True) == ()


@given(st.data())
@settings(max_examples=20)
def test_an_earlier_revision_has_the_beginning_of_a_later_one(data: st.DataObject) -> None:
    row = st.tuples(st.sampled_from("abcdefgh"), st.sampled_from(["image", "video"]), st.integers(1, 5), st.booleans())
    rows = data.draw(st.lists(row, max_size=20))
    ledger = pd.DataFrame(
        [(f"{name}/{number}", media, iteration, kept) for number, (name, media, iteration, kept) in enumerate(rows)],
        columns=["path", "media", "iteration", "kept"],
    )
    for of_videos in (False, True):
        lists = [
            datapool_classes(ledger[ledger["iteration"] <= last], NONE, of_videos=of_videos) for last in range(1, 6)
        ]
        assert all(later[: len(one)] == one for one, later in pairwise(lists))


def test_a_sample_that_the_ledger_counts_elsewhere_has_its_class_too() -> None:
    ledger = LEDGER[LEDGER["path"] != "pants/1.jpg"].assign(kept=[0, *LEDGER["kept"][2:]])
    assert datapool_classes(ledger, SAMPLES, of_videos=False) == ("pants", "coat", "=odd", "drive")


def test_the_folder_of_a_video_is_no_class_unless_asked_for() -> None:
    classes = ("pants", "drive", "=odd")
    plain = with_classes(SAMPLES, classes, of_videos=False)
    assert list(plain["class_name"]) == ["pants", "", "", "=odd"]
    assert [None if pd.isna(number) else number for number in plain["class_id"]] == [0, None, None, 2]
    assert list(with_classes(SAMPLES, classes, of_videos=True)["class_name"]) == ["pants", "drive", "", "=odd"]
    assert with_classes(SAMPLES[:0], classes, of_videos=False)["class_id"].empty


def test_a_list_of_the_users_own_stands_above(tmp_path: Path) -> None:
    path = tmp_path / "classes.txt"
    assert read_class_list(path) is None
    path.write_bytes("\ufeffskirt\r\n\r\nblack dress \n=odd".encode())
    own = read_class_list(path)
    assert own == ("skirt", "black dress", "=odd")
    assert unlisted(SAMPLES, own, of_videos=False) == {"pants": 1}
    assert unlisted(SAMPLES, own, of_videos=True) == {"drive": 1, "pants": 1}
    assert list(with_classes(SAMPLES, own, of_videos=True)["class_name"]) == ["", "", "", "=odd"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a\nb\na\n", "names 'a' twice"),
        (b"\n \n", "names no class"),
        (b"a\tb\n", "has a character that no class can have"),
        (b"caf\xe9\n", "in UTF-8"),
    ],
)
def test_a_list_that_is_none_is_told(content: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / "classes.txt").write_bytes(content)
    with pytest.raises(OutputError, match=message):
        read_class_list(tmp_path / "classes.txt")


def test_a_listing_has_the_exported_size_and_place_and_the_name_of_the_sample() -> None:
    names = [f"{name}.jpg" for name in SAMPLES["filename"]]
    rows = listing_of(
        SAMPLES, names, ("pants",), images=parse_location("s3://b/p"), scale=partial(scaled_size, size=360)
    ).samples
    assert list(rows["filename"]) == names
    assert list(rows["sample"]) == list(SAMPLES["filename"])
    assert rows["location"][3] == "s3://b/p/=odd/1.jpg.jpg"
    assert {*zip(rows["width"], rows["height"], strict=True)} == {(640, 360)}
    lost = listing_of(SAMPLES.assign(width=None), names, ("pants",), scale=partial(scaled_size, size=360)).samples
    assert lost["width"].isna().all()
    assert list(listing_of(SAMPLES, names, ()).samples["location"]) == names
    assert listing_of(SAMPLES[:0], [], (), scale=partial(scaled_size, size=360)).samples.empty
