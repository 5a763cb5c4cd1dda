"""Damage that decoders only write a line about."""

from pathlib import Path

import av.logging
import numpy as np
import pytest

from benchmarks.repeated_decoding import FORMATS, with_damaged_packets
from curation.video.sampling import FrameChoice
from tests.decoded_videos import decoded
from tests.media_files import write_video_as


@pytest.mark.parametrize("number", range(3))
def test_no_frame_of_ffv1_is_kept_that_damage_has_reached(tmp_path: Path, number: int) -> None:
    """Its checksums tell of it, and what comes behind is decoded from it, up to the next key frame."""
    sound = write_video_as(tmp_path / "a.mkv", FORMATS["ffv1.mkv"], frames=16)
    right = {frame.pixel_hash for frame in decoded(sound).frames}
    path = with_damaged_packets(sound, tmp_path / "b.mkv", np.random.default_rng((1, number)))
    video = decoded(path, threshold=1)
    assert any(frame.fault for frame in video.frames)
    assert {frame.pixel_hash for frame in video.frames if not frame.fault} <= right


def test_damage_of_mjpeg_is_that_of_its_frame_alone(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    sound = write_video_as(tmp_path / "a.avi", FORMATS["mjpeg.avi"], frames=16)
    right = [frame.pixel_hash for frame in decoded(sound).frames]
    for number in range(6):
        path = with_damaged_packets(sound, tmp_path / "b.avi", np.random.default_rng((1, number)))
        video = decoded(path, threshold=1)
        if not video.missing and any(frame.fault for frame in video.frames):
            break
    faults = [frame.frame for frame in video.frames if frame.fault]
    wrong = [frame.frame for frame in video.frames if frame.pixel_hash != right[frame.frame]]
    assert 0 < len(faults) <= len(wrong) <= 5
    assert set(faults) <= set(wrong)
    sound_one = min(set(range(16)) - set(wrong))
    chosen = decoded(path, FrameChoice(known={faults[0]: "", sound_one: ""}), threshold=1)
    assert [frame.frame for frame in chosen.frames if frame.fault] == faults[:1]
    assert capfd.readouterr().err == ""


def test_nothing_is_heard_or_changed_of_a_sound_video(tmp_path: Path) -> None:
    before = av.logging.get_level(), av.logging.get_skip_repeated()
    for name in ("mjpeg.avi", "ffv1.mkv"):
        video = decoded(write_video_as(tmp_path / name, FORMATS[name], frames=8))
        assert (len(video.frames), video.reason, video.is_corrupt) == (8, "", False)
    assert (av.logging.get_level(), av.logging.get_skip_repeated()) == before
