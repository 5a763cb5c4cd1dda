"""Chosen samples are decoded from the raw files again."""

from pathlib import Path

import numpy as np

from stages.media.raw_samples import read_raw_samples
from tests.media_files import picture, write_image, write_video


def test_samples_come_back_in_order_and_what_is_gone_is_none(tmp_path: Path) -> None:
    write_image(tmp_path / "a" / "x.png", 7)
    write_video(tmp_path / "v.mp4", range(20))
    (tmp_path / "broken.png").write_bytes(b"no image")
    (tmp_path / "broken.mp4").write_bytes(b"no video")
    wanted = [("v.mp4", 12), ("a/x.png", 0), ("gone.png", 0), ("v.mp4", 3), ("broken.png", 0), ("broken.mp4", 0)]
    wanted += [("v.mp4", 99), ("gone.mp4", 1)]
    pictures = read_raw_samples(tmp_path, wanted, video_extensions=["mp4"], max_pixels=10_000)
    assert [found is None for found in pictures] == [False, False, True, False, True, True, True, True]
    for found, seed in ((pictures[0], 12), (pictures[3], 3)):
        assert found is not None
        assert found.size == (64, 48)
        assert np.abs(np.asarray(found, np.int16) - picture(seed, 64, 48)).mean() < 15
    assert pictures[1] is not None
    np.testing.assert_array_equal(np.asarray(pictures[1]), picture(7))
    assert read_raw_samples(tmp_path, [("v.mp4", 0)], video_extensions=["mp4"], max_pixels=10) == [None]
