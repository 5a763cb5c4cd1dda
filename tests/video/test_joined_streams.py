"""Streams that were joined byte by byte, each with a clock of its own."""

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import pytest

from curation.video.running_clock import RunningClock
from curation.video.sampling import FrameChoice
from tests.decoded_videos import decoded
from tests.media_files import RATE, VIDEO_FORMATS, write_video_as

FRAMES = 30


def _part(folder: Path, name: str, seed: int, size: tuple[int, int] = (96, 80)) -> Path:
    return write_video_as(folder / f"{seed}-{name}", replace(VIDEO_FORMATS[name], size=size), frames=FRAMES, seed=seed)


def _later(source: Path, target: Path, seconds: float) -> Path:
    """Write a transport stream whose clock runs later."""
    with av.open(str(source)) as read, av.open(str(target), "w", options={"mpegts_copyts": "1"}) as written:
        stream = written.add_stream_from_template(read.streams.video[0])
        for packet in read.demux(read.streams.video[0]):
            if packet.dts is not None and packet.pts is not None and packet.time_base is not None:
                packet.pts += round(seconds / packet.time_base)
                packet.dts += round(seconds / packet.time_base)
                packet.stream = stream
                written.mux(packet)
    return target


def _assert_is(path: Path, parts: Sequence[Path]) -> None:
    """Compare a joined stream with its parts, frame by frame."""
    video = decoded(path)
    expected = [frame.pixel_hash for part in parts for frame in decoded(part).frames]
    assert [frame.pixel_hash for frame in video.frames] == expected
    assert [round(frame.time_s * RATE, 6) for frame in video.frames] == list(range(len(expected)))
    assert [frame.fault for frame in video.frames] == [""] * len(expected)
    assert (video.missing, video.reason, video.is_corrupt) == (0, "", False)
    chosen = decoded(path, FrameChoice(fps=5))
    assert [frame.frame for frame in chosen.frames] == list(range(0, len(expected), 5))


@pytest.mark.parametrize("name", ["h264.ts", "hevc.ts", "mpeg2.ts", "h264.m2ts", "mpeg1.mpg", "mpeg2.vob"])
def test_time_goes_on_where_streams_were_joined(tmp_path: Path, name: str) -> None:
    parts = [_part(tmp_path, name, 1), _part(tmp_path, name, 2), _part(tmp_path, name, 3, (64, 48))]
    joined = tmp_path / f"joined-{name}"
    joined.write_bytes(b"".join(part.read_bytes() for part in parts))
    _assert_is(joined, parts)


@pytest.mark.parametrize("seconds", [3600, 2**33 / 90_000 - 2.5])
def test_a_clock_that_leaps_or_wraps_is_no_gap(tmp_path: Path, seconds: float) -> None:
    early, other = _part(tmp_path, "h264.ts", 1), _part(tmp_path, "h264.ts", 2)
    late = _later(other, tmp_path / "late.ts", seconds)
    for parts in ((late,), (early, late), *([(late, early)] if seconds == 3600 else [])):  # else it is a short pause
        joined = tmp_path / "joined.ts"
        joined.write_bytes(b"".join(part.read_bytes() for part in parts))
        _assert_is(joined, parts)


def test_a_part_that_was_cut_before_the_next_was_joined_is_damaged(tmp_path: Path) -> None:
    first, second = _part(tmp_path, "h264.ts", 1), _part(tmp_path, "h264.ts", 2)
    joined = tmp_path / "joined.ts"
    content = first.read_bytes()
    joined.write_bytes(content[: len(content) // 2 // 188 * 188 + 100] + second.read_bytes())
    video = decoded(joined)
    assert any(frame.fault for frame in video.frames) or video.missing
    assert [frame.pixel_hash for frame in video.frames][-FRAMES:] == [f.pixel_hash for f in decoded(second).frames]


def test_a_damaged_time_stamp_is_no_new_clock() -> None:
    clock, unit = RunningClock(), Fraction(1, 90_000)

    def corrected(stamp: int, *, is_keyframe: bool = False) -> int | None:
        packet = av.Packet(1)
        packet.time_base, packet.dts, packet.duration, packet.is_keyframe = unit, stamp, 3600, is_keyframe
        clock.correct(packet)
        return packet.dts

    assert [corrected(stamp) for stamp in (0, 3600, 90_000_000, 18_000)] == [0, 3600, 7200, 18_000]
    assert corrected(1000) == 1000  # FFmpeg guesses some, but a step back of more than a second is a new clock
    assert corrected(-90_000) == 4600
    assert corrected(-86_400 - 20_000, is_keyframe=True) == 8200
