"""Program streams: wherever a PES packet ends, and whatever the encoder made of the frames, each has its own time.

Encoders choose other bytes, and other kinds of frames, on other processors. Here one machine stands for several, and
what is expected depends on none: frames are shown when they were encoded to be shown.
"""

import io
import itertools
from collections.abc import Iterator, Sequence
from fractions import Fraction
from functools import cache, lru_cache
from pathlib import Path
from typing import cast

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from curation.video.program_stamps import own_stamps
from curation.video.sampling import FrameChoice
from curation.video.structure.mpegps import stamped_parts
from curation.video.structure.pes import PTS_WRAP
from curation.video.structure.view import View
from tests.decoded_videos import decoded
from tests.media_files import moving_picture

RATE = 25
TICKS = 90_000 // RATE
SIZE = (64, 48)

X264 = {
    "no B frames": "bframes=0",
    "B frames in threes": "bframes=3:b-adapt=0",
    "B frames where they pay": "bframes=5:b-adapt=1:b-pyramid=0",
    "frames before a key frame refer across it": "bframes=3:b-adapt=0:open-gop=1:keyint=12",
    "other sizes": "bframes=2:crf=33",
}
LEVELS = ["0", "sse2", "auto"]
"""Instruction sets that x264 may use: none, those of every x86 processor, all of this one's."""


def encoded(codec: str, frames: int, options: dict[str, str]) -> Sequence["av.Packet[av.VideoStream]"]:
    """Return the packets of a video of a moving scene, in the order of decoding; time stamps count frames."""
    return _encoded(codec, frames, tuple(options.items()))


@lru_cache(2)
def _encoded(codec: str, frames: int, options: tuple[tuple[str, str], ...]) -> Sequence["av.Packet[av.VideoStream]"]:
    context = cast(av.VideoCodecContext, av.CodecContext.create(codec, "w"))
    context.width, context.height = SIZE
    context.pix_fmt, context.time_base, context.framerate = "yuv420p", Fraction(1, RATE), Fraction(RATE)
    context.thread_count, context.options = 1, dict(options)
    packets = []
    for index in range(frames):
        frame = av.VideoFrame.from_ndarray(_picture(index), format="rgb24")
        frame.pts, frame.time_base = index, Fraction(1, RATE)
        packets += context.encode(frame)
    return (*packets, *context.encode(None))


@cache
def _picture(index: int) -> NDArray[np.uint8]:
    return moving_picture(0, index, *SIZE)


def program_stream(contents: Sequence[bytes], stamps: Sequence[int], cuts: Sequence[int]) -> bytes:
    """Put a video into PES packets that end where they are told to.

    Args:
        contents: of the frames, in the order of decoding.
        stamps: when each is shown, in 1 / 90,000 s.
        cuts: bytes of the video before each end of a PES packet, ascending.
    """
    begins = list(itertools.accumulate(map(len, contents), initial=0))
    video, result = b"".join(contents), io.BytesIO()
    for begin, end in itertools.pairwise([0, *cuts, len(video)]):
        first = next((n for n, start in enumerate(begins[:-1]) if begin <= start < end), None)
        stamp = b"" if first is None else _stamp(stamps[first] % PTS_WRAP)
        result.write(bytes.fromhex("000001ba 440004000401 0186a3 f8"))
        header = bytes([0x80, 0x80 if stamp else 0, len(stamp)]) + stamp
        result.write(b"\0\0\1\xe0" + (len(header) + end - begin).to_bytes(2, "big") + header + video[begin:end])
    return result.getvalue() + b"\0\0\1\xb9"


def _stamp(time: int) -> bytes:
    parts = (0x21 | time >> 29 & 0xE, time >> 22 & 0xFF, time >> 14 & 0xFE | 1, time >> 7 & 0xFF, time << 1 & 0xFE | 1)
    return bytes(parts)


def muxed(path: Path, codec: str, frames: int, **options: str) -> Path:
    """Write a video by FFmpeg's own muxer."""
    with av.open(str(path), "w") as container:
        stream = cast(av.VideoStream, container.add_stream(codec, rate=RATE, options=options))
        (stream.width, stream.height), stream.pix_fmt, stream.codec_context.thread_count = SIZE, "yuv420p", 1
        for index in range(frames):
            frame = av.VideoFrame.from_ndarray(_picture(index), format="rgb24")
            frame.pts, frame.time_base = index, Fraction(1, RATE)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def assert_shown_in_time(path: Path, frames: int) -> None:
    video = decoded(path, threshold=0)
    assert (len(video.frames), video.missing, video.is_corrupt) == (frames, 0, False)
    np.testing.assert_allclose([frame.time_s for frame in video.frames], np.arange(frames) / RATE, atol=1e-3)
    chosen = decoded(path, FrameChoice(fps=5), threshold=0)
    assert [frame.frame for frame in chosen.frames] == list(range(0, frames, RATE // 5))


@pytest.mark.thorough
@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("placement", X264)
def test_whatever_x264_chooses_on_a_processor(tmp_path: Path, placement: str, level: str) -> None:
    options = f"{X264[placement]}:asm={level}"
    path = muxed(tmp_path / "v.mpg", "libx264", 200, preset="veryfast", **{"x264-params": options})
    assert_shown_in_time(path, 200)


@pytest.mark.thorough
@pytest.mark.parametrize("suffix", [".mpg", ".vob"])  # packets of MPEG-1 and MPEG-2
@pytest.mark.parametrize("between", ["0", "1", "3"])
@pytest.mark.parametrize("codec", ["mpeg1video", "mpeg2video", "mpeg4"])
def test_other_codecs(tmp_path: Path, codec: str, between: str, suffix: str) -> None:
    path = muxed(tmp_path / f"v{suffix}", codec, 200, bf=between, g="7", qmin="5", qmax="5")
    assert_shown_in_time(path, 200)


def cuts_around(contents: Sequence[bytes], distances: Iterator[int], every: int) -> list[int]:
    """Return cuts next to the begins of some frames."""
    begins = list(itertools.accumulate(map(len, contents)))[every - 1 : -1 : every]
    return [begin + distance for begin, distance in zip(begins, distances, strict=False)]


@pytest.mark.thorough
@pytest.mark.xdist_group("program streams")  # what both stamps share is encoded once
@pytest.mark.parametrize("first", [0, PTS_WRAP - 40 * TICKS])  # the second: stamps begin anew on the way
@pytest.mark.parametrize(
    ("codec", "options"),
    [
        ("libx264", {"x264-params": "bframes=0:asm=0"}),
        ("libx264", {"x264-params": "bframes=3:b-adapt=0:asm=0"}),
        ("libx264", {"x264-params": "bframes=3:b-adapt=0:open-gop=1:keyint=8:asm=0"}),
        ("mpeg2video", {"bf": "0", "g": "5"}),
        ("mpeg2video", {"bf": "2", "g": "6"}),
        ("mpeg1video", {"bf": "3", "g": "8"}),
    ],
)
def test_wherever_packets_end(tmp_path: Path, codec: str, options: dict[str, str], first: int) -> None:
    packets = encoded(codec, 240, options)
    contents, stamps = [bytes(packet) for packet in packets], [first + (packet.pts or 0) * TICKS for packet in packets]
    for every in (2, 3, 5):
        cuts = cuts_around(contents, itertools.cycle(range(-8, 40)), every)
        path = tmp_path / f"{every}.mpg"
        path.write_bytes(program_stream(contents, stamps, sorted(set(cuts))))
        assert_shown_in_time(path, 240)


def test_stamps_are_those_of_the_frames_that_begin_in_a_packet(tmp_path: Path) -> None:
    packets = encoded("libx264", 40, {"x264-params": "bframes=3:b-adapt=0:asm=0"})
    contents, stamps = [bytes(packet) for packet in packets], [(packet.pts or 0) * TICKS for packet in packets]
    begins = list(itertools.accumulate(map(len, contents), initial=0))
    path = tmp_path / "v.mpg"
    path.write_bytes(program_stream(contents, stamps, [begins[10], begins[20] + 2, begins[30] - 2]))
    expected = {0: stamps[0], 10: stamps[10], 21: stamps[21], 30: stamps[30]}
    assert own_stamps(path) == expected
    with path.open("rb") as file:
        parts = stamped_parts(View(file), 0x1E0)
    assert parts is not None
    assert parts.begins.tolist() == [0, begins[10], begins[20] + 2, begins[30] - 2]
    assert parts.times.tolist() == list(expected.values())
    assert parts.size == begins[-1]


def test_where_ffmpeg_is_right_or_the_file_is_damaged_its_stamps_stay(tmp_path: Path) -> None:
    packets = encoded("libx264", 40, {"x264-params": "bframes=3:b-adapt=0:asm=0"})
    contents, stamps = [bytes(packet) for packet in packets], [(packet.pts or 0) * TICKS for packet in packets]
    begins = list(itertools.accumulate(map(len, contents), initial=0))
    sound, mended = (program_stream(contents, stamps, [begins[20] + distance]) for distance in (0, 2))
    for name, content in {
        "sound": sound,
        "cut": mended[:-200],
        "broken": mended[:-4] + b"\xff" * 500,
        "empty": b"",
        "text": b"no video" * 100,
    }.items():
        (tmp_path / name).write_bytes(content)
        assert own_stamps(tmp_path / name) is None, name
    assert own_stamps(tmp_path / "missing") is None
    (tmp_path / "mended").write_bytes(mended)
    assert own_stamps(tmp_path / "mended") is not None
