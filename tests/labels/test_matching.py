"""Finding the samples that names in a file mean."""

from pathlib import PurePosixPath

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.export.images import target_name
from curation.labels.matching import BEGUN, END, EXPORTED, STEM, WHOLE, forms_of, match_names

SAMPLES = {"city/a.jpg", "night/b.jpg", "night/drive-07-mp4.png", "x/c.jpg", "y/c.jpg", "d.png", "d.jpg"}


@pytest.mark.parametrize(
    ("name", "sample", "way"),
    [
        ("city/a.jpg", "city/a.jpg", WHOLE),
        ("city\\a.jpg", "city/a.jpg", WHOLE),
        ("city/a.jpg.png", "city/a.jpg", EXPORTED),
        ("night/drive-07-mp4.jpg", "night/drive-07-mp4.png", EXPORTED),
        ("city/a", "city/a.jpg", STEM),
        ("night/drive-07-mp4", "night/drive-07-mp4.png", STEM),
        ("a.jpg", "city/a.jpg", END),
        ("drive-07-mp4.jpg", "night/drive-07-mp4.png", END),
        ("a", "city/a.jpg", END),
        ("../../srv/files/city/a.jpg", "city/a.jpg", BEGUN),
        ("/srv/night/drive-07-mp4", "night/drive-07-mp4.png", BEGUN),
        ("C:\\files\\city\\a.jpg", "city/a.jpg", BEGUN),
        ("'=d.jpg", "=d.jpg", EXPORTED),
    ],
)
def test_a_name_means_a_sample(name: str, sample: str, way: int) -> None:
    match = match_names([name], SAMPLES | {"=d.jpg"})
    assert (match.samples, match.ways) == ({name: sample}, {name: way})


def test_what_is_ambiguous_or_unknown_is_told_and_means_nothing() -> None:
    match = match_names(["c.jpg", "d", "city/other.jpg", "ity/a.jpg", "y/c.jpg.jpg", "a"], SAMPLES)
    assert match.samples == {"a": "city/a.jpg"}
    assert match.ambiguous == {"c.jpg": ("x/c.jpg", "y/c.jpg"), "d": ("d.jpg", "d.png")}
    assert match.unmatched == ("city/other.jpg", "ity/a.jpg", "y/c.jpg.jpg")
    assert match.told("f") == (
        "f: 1 of 6 names are samples (1 by the end of their path, 'a' is 'city/a.jpg'); 2 are ambiguous: "
        "'c.jpg' ('x/c.jpg' or 'y/c.jpg'), 'd' ('d.jpg' or 'd.png'); 3 are no sample: 'city/other.jpg', 'ity/a.jpg', "
        "'y/c.jpg.jpg'"
    )


def test_the_longest_sample_is_the_one_that_a_path_ends_with() -> None:
    match = match_names(["srv/city/a.jpg", "srv/a.jpg"], {"city/a.jpg", "a.jpg"})
    assert match.samples == {"srv/city/a.jpg": "city/a.jpg", "srv/a.jpg": "a.jpg"}


def test_a_longer_name_is_another_picture_where_others_are_whole() -> None:
    match = match_names(["a.jpg", "dropped/b.jpg"], {"a.jpg", "b.jpg"})
    assert (match.samples, match.unmatched) == ({"a.jpg": "a.jpg"}, ("dropped/b.jpg",))


def test_two_names_never_share_a_sample() -> None:
    match = match_names(["p/a.jpg", "q/a.jpg"], {"a.jpg"})
    assert (match.samples, match.ambiguous) == ({}, {"p/a.jpg": ("a.jpg",), "q/a.jpg": ("a.jpg",)})
    match = match_names(["city/a", "a.jpg"], {"city/a.jpg"})
    assert (match.samples, match.unmatched) == ({"city/a": "city/a.jpg"}, ("a.jpg",))


@pytest.mark.parametrize(("name", "is_frame"), [("a.JPG", False), ("b.tiff", False), ("c.png", False), ("d.png", True)])
def test_all_names_in_exports_are_known(name: str, is_frame: bool) -> None:
    exported = {target_name(name, is_frame=is_frame, picture_format=form) for form in ("original", "png", "jpg")}
    assert exported <= set(forms_of(name))


NAMES = st.sets(st.from_regex(r"([ab]/){0,2}[abc](\.jpg|\.png)?", fullmatch=True), max_size=8)


@pytest.mark.thorough
@settings(max_examples=300)
@given(NAMES, NAMES)
def test_every_name_has_one_outcome_and_every_sample_at_most_one_name(names: set[str], samples: set[str]) -> None:
    match = match_names(names, samples)
    assert sorted([*match.samples, *match.ambiguous, *match.unmatched]) == sorted(names)
    assert len(set(match.samples.values())) == len(match.samples)
    assert names & samples <= match.samples.keys()
    for name, sample in match.samples.items():
        one, other = (set(PurePosixPath(path).with_suffix("").parts) for path in (name, sample))
        assert one <= other or other <= one
