"""Damage that no decoder tells of: what is seen of it is the same every time, however many threads work."""

from pathlib import Path

import av
import numpy as np
import pytest

from benchmarks.repeated_decoding import FORMATS, decoded, with_damaged_packets
from curation.video.decoder_memory import Copies, shows_old_memory
from curation.video.frame import pixel_hash, transpose_of
from curation.video.sampling import FrameChoice
from tests import decoded_videos
from tests.media_files import write_video, write_video_as


@pytest.mark.thorough
@pytest.mark.parametrize("name", ["mjpeg.avi", "ffv1-slices.mkv", "vp8.mkv", "hevc.mkv"])
def test_damage_looks_the_same_whatever_the_threads(tmp_path: Path, name: str) -> None:
    sound = write_video_as(tmp_path / name, FORMATS[name], frames=16)
    for number in range(2):
        path = with_damaged_packets(sound, tmp_path / f"{number}-{name}", np.random.default_rng((1, number)))
        assert len({decoded(path, threads) for threads in (1, 2, 4, 4, 4)}) == 1


def test_chosen_frames_have_the_pixels_that_all_have(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.avi", range(30), codec="mjpeg", pixel_format="yuvj420p")
    every = decoded_videos.decoded(path, threads=4)
    some = decoded_videos.decoded(path, FrameChoice(fps=2), threads=4)
    assert [frame.frame for frame in some.frames] == list(range(0, 30, 5))
    assert {frame.pixel_hash for frame in some.frames} <= {frame.pixel_hash for frame in every.frames}


@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuvj422p", "yuv420p10le", "gray16le", "rgb24", "pal8", "gbrp"])
def test_a_copy_has_all_that_the_frame_has(pixel_format: str) -> None:
    frame = av.VideoFrame(50, 34, pixel_format)
    for plane in frame.planes:
        plane.update(np.random.default_rng(1).bytes(plane.buffer_size))
    frame.pts, frame.color_range, frame.colorspace, frame.color_trc, frame.color_primaries = 7, 2, 9, 16, 9
    copy = Copies()(frame)
    names = ("pts", "width", "height", "color_range", "colorspace", "color_trc", "color_primaries")
    assert [getattr(copy, name) for name in names] == [getattr(frame, name) for name in names]
    assert (copy.format.name, pixel_hash(copy)) == (frame.format.name, pixel_hash(frame))
    assert copy.planes[0].buffer_ptr != frame.planes[0].buffer_ptr


def test_a_copy_is_turned_as_the_frame_is(tmp_path: Path) -> None:
    with av.open(str(write_video(tmp_path / "a.mp4", [1], rotation=90))) as container:
        frame = next(container.decode(video=0))
        assert transpose_of(Copies()(frame)) == transpose_of(frame) is not None


def test_a_decoder_that_nobody_has_looked_at_may_show_old_memory() -> None:
    assert [shows_old_memory(name) for name in ("mjpeg", "h264", "a new one")] == [True, False, True]
