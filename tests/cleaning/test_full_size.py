"""Chosen samples are decoded from the raw files again."""

from pathlib import Path

import numpy as np
import pytest

from curation.cleaning.full_size import read_raw_samples
from curation.image.decode import decode_image
from curation.video.frame import pixel_hash, upright_image
from curation.video.reader import read_frames
from tests.media_files import picture, write_image, write_video

LIMIT = 100_000_000


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


def test_frames_are_those_of_a_full_decode_and_little_else_is_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, options in (("v.mp4", {"g": "20"}), ("w.webm", {"g": "20", "deadline": "realtime"})):
        write_video(tmp_path / name, range(80), rotation=90 if name == "v.mp4" else 0, options=options)
    frames = {name: list(read_frames(tmp_path / name, max_pixels=LIMIT, threads=1)) for name in ("v.mp4", "w.webm")}
    monkeypatch.setattr("curation.video.chosen_frames.decode_through", None)
    wanted = [("w.webm", 79), ("v.mp4", 30), ("v.mp4", 31), ("w.webm", 2), ("v.mp4", 70), ("v.mp4", 30)]
    hashes = [pixel_hash(frames[name][index]) for name, index in wanted]
    pictures = read_raw_samples(
        tmp_path, wanted, video_extensions=["mp4", "webm"], max_pixels=LIMIT, pixel_hashes=hashes
    )
    for (name, index), found in zip(wanted, pictures, strict=True):
        assert found is not None
        assert found.size == ((48, 64) if name == "v.mp4" else (64, 48))
        np.testing.assert_array_equal(np.asarray(found), np.asarray(upright_image(frames[name][index])))


def test_indices_of_a_damaged_video_count_what_its_decoder_gives(tmp_path: Path) -> None:
    content = bytearray(write_video(tmp_path / "v.webm", range(60), options={"g": "10"}).read_bytes())
    middle = len(content) // 2
    content[middle : middle + len(content) // 8] = bytes(len(content) // 8)
    (tmp_path / "hole.webm").write_bytes(content)
    frames = list(read_frames(tmp_path / "hole.webm", max_pixels=LIMIT, threads=1))
    assert 20 < len(frames) < 60
    (found,) = read_raw_samples(tmp_path, [("hole.webm", len(frames) - 1)], video_extensions=["webm"], max_pixels=LIMIT)
    np.testing.assert_array_equal(np.asarray(found), np.asarray(upright_image(frames[-1])))


def test_a_picture_with_other_pixels_is_none(tmp_path: Path) -> None:
    write_image(tmp_path / "x.png", 7)
    write_video(tmp_path / "v.mp4", range(20))
    wanted = [("x.png", 0), ("v.mp4", 3)]
    image = decode_image(tmp_path / "x.png", max_pixels=LIMIT, proxy_size=32).pixel_hash
    frame = pixel_hash(list(read_frames(tmp_path / "v.mp4", max_pixels=LIMIT, threads=1))[3])
    for hashes, is_found in (([image, frame], [True, True]), ([frame, image], [False, False]), (["", ""], [True] * 2)):
        pictures = read_raw_samples(tmp_path, wanted, video_extensions=["mp4"], max_pixels=LIMIT, pixel_hashes=hashes)
        assert [found is not None for found in pictures] == is_found


def test_whatever_a_library_raises_costs_one_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_image(tmp_path / "a.png", 1)
    write_video(tmp_path / "v.mp4", range(2))

    def fail(*_: object, **__: object) -> None:
        raise AssertionError("what no decoder should say")

    monkeypatch.setattr("curation.cleaning.full_size.load_image", fail)
    wanted = [("a.png", 0), ("v.mp4", 1)]
    first, second = read_raw_samples(tmp_path, wanted, video_extensions=["mp4"], max_pixels=10_000)
    assert first is None
    assert second is not None
    monkeypatch.setattr("curation.cleaning.full_size.attempts", fail)
    assert read_raw_samples(tmp_path, wanted, video_extensions=["mp4"], max_pixels=10_000) == [None, None]
