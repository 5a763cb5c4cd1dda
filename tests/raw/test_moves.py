"""What became of listed raw files: gone, moved, or new."""

from typing import Any

import pandas as pd

from curation.raw.moves import came_back, changes, paired
from curation.tables.samples import RAW_FILES

NO_OBJECT = ("", "", "")


def listing(**files: object) -> pd.DataFrame:
    """Return a listing: a text is an image's content, a number the size of a file that is ignored."""
    rows: list[tuple[Any, ...]] = [
        (path, "image", "", 1, content, 1, *NO_OBJECT)
        if isinstance(content, str)
        else (path, "ignored", "no", content, "", 0, *NO_OBJECT)
        for path, content in sorted(files.items())
    ]
    return pd.DataFrame(rows, columns=RAW_FILES.names)


def test_files_with_equal_content_elsewhere_have_moved() -> None:
    former = listing(**{"a/x": "X", "a/y": "Y", "a/notes": 5, "z": "Z"})
    found = changes(former, listing(**{"b/x": "X", "b/other_name": "Y", "b/notes": 5, "new": "N"}))
    assert found.moved == {"b/x": "a/x", "b/other_name": "a/y", "b/notes": "a/notes"}
    assert (found.listed, found.gone, found.new) == (4, ("z",), ("new",))


def test_nothing_has_changed() -> None:
    found = changes(listing(a="A", b=3), listing(a="A", b=3))
    assert (found.moved, found.gone, found.new) == ({}, (), ())


def test_everything_is_gone_or_new() -> None:
    assert changes(listing(a="A"), listing()).gone == ("a",)
    assert changes(listing(), listing(a="A")).new == ("a",)


def test_a_copy_of_what_is_still_there_is_new() -> None:
    found = changes(listing(a="A"), listing(a="A", copy="A"))
    assert (found.moved, found.gone, found.new) == ({}, (), ("copy",))


def test_what_takes_the_place_of_another_is_new() -> None:
    found = changes(listing(a="A", b="B"), listing(b="A"))
    assert (found.moved, found.gone, found.new) == ({}, ("a",), ("b",))


def test_a_file_that_was_not_read_and_is_now_is_new() -> None:
    found = changes(listing(**{"a/x": 1}), listing(**{"b/x": "X"}))
    assert (found.moved, found.new) == ({}, ("b/x",))
    found = changes(listing(**{"a/x": "X"}), listing(**{"b/x": 1}))
    assert (found.moved, found.new) == ({"b/x": "a/x"}, ()), "what the list leaves out now is not processed"


def test_each_former_file_stands_for_one() -> None:
    assert paired({"a/x": 1, "a/y": 1}, {"b/y": 1, "b/z": 1, "c": 1, "d": 2}) == {"b/y": "a/y", "b/z": "a/x"}


def test_only_what_was_processed_and_had_gone_comes_back() -> None:
    former = listing(a="A")
    for present, processed, expected in (
        (listing(a="A", old="O"), {"A", "O"}, True),
        (listing(a="A", old="O", new="N"), {"A", "O"}, False),
        (listing(a="A", copy="A"), {"A"}, False),
        (listing(a="A", ignored=5), {"A", ""}, False),
        (listing(a="A"), {"A"}, False),
    ):
        assert came_back(changes(former, present), former, present, processed) == expected


def objects(**ids: str) -> pd.DataFrame:
    """Return a listing of images in a bucket: path and etag."""
    rows = [(path, "image", "", 1, "", 0, etag, "", f"s3://b/{path}") for path, etag in sorted(ids.items())]
    return pd.DataFrame(rows, columns=RAW_FILES.names)


def test_an_object_is_unchanged_where_its_path_and_id_are() -> None:
    former = objects(**{"a": "1", "b": "2", "old/c": "3"})
    moved_bucket = objects(**{"a": "1", "b": "2", "old/c": "3"}).assign(address="remote://storage/x")
    found = changes(former, moved_bucket)
    assert (found.moved, found.gone, found.new) == ({}, (), ())
    found = changes(former, objects(**{"a": "1", "b": "other", "new/c": "3"}))
    assert (found.moved, found.gone, found.new) == ({}, ("old/c",), ("b", "new/c")), "no content is known to be equal"


def test_an_object_in_place_of_a_file_is_new_and_a_file_in_place_of_an_object() -> None:
    file, there = listing(a="A"), objects(a="1")
    assert changes(file, there).new == ("a",)
    assert changes(there, file).new == ("a",)
    assert not came_back(changes(file, there), file, there, {"A"})
