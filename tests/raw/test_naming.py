"""Names of samples and weak labels."""

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.raw.naming import label_indices, label_name, sample_name
from curation.raw.weak_labels import label_names


@pytest.mark.parametrize(
    ("path", "media", "frame", "frames", "name"),
    [
        ("city/my_video.mp4", "video", 153, 1000, "city/my_video-0153-mp4.png"),
        ("city/my_video.mp4", "video", 153, 999, "city/my_video-153-mp4.png"),
        ("a.b.MOV", "video", 0, 1, "a.b-0-MOV.png"),
        ("./=x.mp4", "video", 9, 10, "./=x-09-mp4.png"),
        ("x.y/z.jpg", "image", 0, 1, "x.y/z.jpg"),
    ],
)
def test_sample_name(path: str, media: str, frame: int, frames: int, name: str) -> None:
    assert sample_name(path, media, frame, frames) == name


@given(st.integers(1, 5000))
def test_names_of_a_video_sort_as_its_frames(frames: int) -> None:
    names = [sample_name("v.mp4", "video", frame, frames) for frame in range(frames)]
    assert names == sorted(set(names))


@pytest.mark.parametrize(
    ("path", "name"),
    [("a/b/c.png", "a"), ("c.png", ""), ("./=c.png", ""), ("./-a/c.png", "./-a"), ("a b/c.png", "a b")],
)
def test_label_name(path: str, name: str) -> None:
    assert label_name(path) == name


@given(
    st.lists(st.text("./-t\nx", max_size=6) | st.sampled_from(["a/track-2.mp4", "a.mp4/track-2.mp4", "b/track-1/c"]))
)
def test_labels_of_many_files_are_those_of_each(paths: list[str]) -> None:
    column = pd.Series(paths, dtype=str)
    assert label_names(column) == {label_name(path) for path in paths}
    assert label_names(pd.concat([column, column])) == label_names(column)


def test_labels_begin_in_sorted_order_and_never_change() -> None:
    first = label_indices(["dog", "cat", ""], {})
    assert first == {"": 0, "cat": 0, "dog": 1}
    assert label_indices(["dog", "ant", "bee"], first) == {"": 0, "cat": 0, "dog": 1, "ant": 2, "bee": 3}
    assert label_indices(["a"], {"": 0}) == {"": 0, "a": 0}
    assert label_indices([], {"z": 7}) == {"": 0, "z": 7}
