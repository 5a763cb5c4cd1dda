"""From keys, which may be any text, to paths of raw files."""

from curation.buckets.addresses import parse_folder
from curation.buckets.keys import Keys, take
from curation.buckets.store import Entry


def test_control_characters_are_shown_and_not_used() -> None:
    keys = Keys()
    take(keys, [Entry("a\n\x1b.png", 1, "e", "v")], parse_folder("s3://b/raw"), "")
    [(path, *_, address, reason)] = keys.rows
    assert path == "a\\x0a\\x1b.png"
    assert address == "s3://b/raw/a\n\x1b.png"
    assert "control character" in reason


def test_folders_and_what_is_no_path_are_counted() -> None:
    keys = Keys()
    found = [Entry(key, 0, "e", "") for key in ("", "a/", "a/./b", "a/b/", "..")] + [Entry("c/", 5, "e", "")]
    take(keys, found, parse_folder("remote://there"), "deep")
    assert keys.rows == []
    assert keys.folders == 3
    assert keys.misfits == ["remote://there/a/./b", "remote://there/..", "remote://there/c/"]
