"""The paths of further video tracks, inside the path of their file."""

from pathlib import Path

import pytest

from curation.raw.naming import label_name
from curation.raw.tracks import file_and_track, file_path, file_paths, track_hash, track_path


@pytest.mark.parametrize("path", ["cam.mp4", "city/cam.MP4", "./=cam.v2.mkv", "a.mkv/b.mkv"])
def test_a_track_is_inside_its_file_and_has_the_label_of_that(tmp_path: Path, path: str) -> None:
    inside = track_path(path, 12)
    assert (inside, file_path(inside), file_path(path)) == (f"{path}/track-12.{path.rpartition('.')[2]}", path, path)
    assert label_name(inside) == label_name(path)
    assert file_paths([inside, path]) == {path}
    assert file_and_track(tmp_path / inside) == (tmp_path / path, 12)


@pytest.mark.parametrize("path", ["city/track-2.mp4", "a.mp4/track-2.mkv", "a.mp4/track-02.mp4", "a.mp4/track-2-x.mp4"])
def test_other_names_are_no_tracks(tmp_path: Path, path: str) -> None:
    assert file_path(path) == path
    assert file_and_track(tmp_path / path) == (tmp_path / path, 0)


def test_a_folder_that_is_called_like_a_video_is_one(tmp_path: Path) -> None:
    (tmp_path / "cam.mp4").mkdir()
    assert file_and_track(tmp_path / "cam.mp4/track-2.mp4") == (tmp_path / "cam.mp4/track-2.mp4", 0)


def test_each_track_of_each_content_has_a_hash_of_its_own() -> None:
    hashes = {track_hash(content * 64, number) for content in "ab" for number in (1, 2)}
    assert len(hashes | {"a" * 64}) == 5
    assert {len(each) for each in hashes} == {64}
