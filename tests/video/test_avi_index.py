"""AVI: frames that repeat others, frames in the order of decoding, and the index."""

from fractions import Fraction
from pathlib import Path
from typing import cast

import av
import pytest

from curation.video.avi_stamps import numbers_by_place
from curation.video.declared import declared_frames
from tests.decoded_videos import decoded
from tests.media_files import FAST, VIDEO_FORMATS, VideoFormat, moving_picture, write_video_as

FRAMES, STEP, RATE = 24, 3, 30


def _write_repeating(path: Path, codec: str, options: dict[str, str]) -> Path:
    """Write a video of which every frame is followed by two empty index entries."""
    with av.open(str(path), "w") as container:
        stream = cast(av.VideoStream, container.add_stream(codec, rate=RATE, options=FAST.get(codec, {}) | options))
        stream.width, stream.height, stream.pix_fmt = 96, 80, "yuv420p"
        stream.codec_context.time_base = Fraction(1, RATE)
        for index in range(FRAMES):
            frame = av.VideoFrame.from_ndarray(moving_picture(1, index, 96, 80), format="rgb24")
            frame.pts, frame.time_base = STEP * index, Fraction(1, RATE)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


@pytest.mark.parametrize(("codec", "options"), [("mpeg4", {}), ("libx264", {"bf": "0"})])
def test_frames_that_an_index_only_repeats_are_not_missing(tmp_path: Path, codec: str, options: dict[str, str]) -> None:
    path = _write_repeating(tmp_path / "v.avi", codec, options)
    with av.open(str(path)) as container:
        assert container.streams.video[0].frames == STEP * (FRAMES - 1) + 1
    video = decoded(path)
    assert (len(video.frames), video.missing, video.reason) == (FRAMES, 0, "")
    assert [round(frame.time_s * RATE, 6) for frame in video.frames] == list(range(0, STEP * FRAMES, STEP))
    assert declared_frames(path) == FRAMES
    cut = tmp_path / "cut.avi"
    cut.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert decoded(cut).missing > FRAMES // 4


def test_h264_with_b_frames_is_shown_in_its_order(tmp_path: Path) -> None:
    source = write_video_as(tmp_path / "v.mp4", VideoFormat(".mp4", "libx264"), frames=FRAMES)
    write_video_as(tmp_path / "v.avi", VideoFormat(".avi", "libx264"), frames=FRAMES)
    expected, video = decoded(source), decoded(tmp_path / "v.avi")
    assert [frame.pixel_hash for frame in video.frames] == [frame.pixel_hash for frame in expected.frames]
    assert [frame.time_s for frame in video.frames] == pytest.approx([frame.time_s for frame in expected.frames])
    with av.open(str(tmp_path / "v.avi")) as container:
        stamps = [frame.pts for frame in container.decode(video=0) if frame.pts is not None]
    assert stamps != sorted(stamps)  # what FFmpeg makes of them


def test_frames_behind_a_lost_one_keep_their_times(tmp_path: Path) -> None:
    path = write_video_as(tmp_path / "v.avi", VIDEO_FORMATS["mjpeg.avi"], frames=FRAMES)
    whole = decoded(path)
    place = sorted(numbers_by_place(path, 0))[9]
    content = bytearray(path.read_bytes())
    content[place - 8 : place] = b"\xff" * 8  # the header of its chunk
    path.write_bytes(content)
    video = decoded(path)
    assert (len(video.frames), video.missing) == (FRAMES - 1, 1)
    assert [frame.time_s for frame in video.frames if frame.frame > 8] == [f.time_s for f in whole.frames[10:]]
