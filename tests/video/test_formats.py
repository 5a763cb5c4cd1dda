"""Every pair of container and codec decodes completely, with the right times and pictures."""

import io
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any, cast

import av
import numpy as np
import pytest
from PIL import Image

from curation.video.declared import declared_frames
from curation.video.structure.examine import examine
from tests.decoded_videos import decoded, decoded_with_proxies
from tests.media_files import FAST, RATE, VIDEO_FORMATS, moving_picture, write_video, write_video_as


@pytest.mark.thorough
@pytest.mark.parametrize("name", VIDEO_FORMATS)
def test_sound_videos_of_every_format_are_complete(tmp_path: Path, name: str) -> None:
    form = VIDEO_FORMATS[name]
    frames = 14 if form.size[0] < 500 else 3
    path = write_video_as(tmp_path / name, form, frames=frames)
    video, proxies = decoded_with_proxies(path)
    assert (len(video.frames), video.missing, video.reason, video.is_corrupt) == (frames, 0, "", False)
    assert [(frame.width, frame.height, frame.fault) for frame in video.frames] == frames * [(*form.size, "")]
    assert list(proxies) == list(range(frames))
    np.testing.assert_allclose([frame.time_s for frame in video.frames], np.arange(frames) / RATE, atol=2e-3)
    assert declared_frames(path) == frames
    for index, proxy in proxies.items():
        shown = Image.open(io.BytesIO(proxy))
        expected = Image.fromarray(moving_picture(0, index, *form.size)).resize(shown.size, Image.Resampling.BOX)
        assert np.abs(np.asarray(shown, np.int16) - np.asarray(expected, np.int16)).mean() < 16, f"frame {index}"
    again, same = decoded_with_proxies(path, threads=4)
    assert list(again.frames) == list(video.frames)
    assert same == proxies


@pytest.mark.parametrize("name", VIDEO_FORMATS)
def test_sound_structure_names_every_frame(tmp_path: Path, name: str) -> None:
    form = VIDEO_FORMATS[name]
    path = write_video_as(tmp_path / name, form, frames=14 if form.size[0] < 500 else 3)
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        kind, number, unit = container.format.name, stream.id, cast(Fraction, stream.time_base)
        stamps = {frame.pts for frame in container.decode(stream)}
    structure = examine(path, kind, number)
    if structure is None:
        assert kind == "mxf"
        return
    assert structure.fault == ""
    assert structure.is_whole is not False
    assert not structure.damage
    if structure.times and form.suffix != ".wmv":  # FFmpeg has but decoding times for these, and derives the others
        named = {Fraction(time) * structure.unit for time in structure.times}
        assert named <= {Fraction(stamp) * unit for stamp in stamps if stamp is not None}
    if structure.times and not structure.is_sparse:
        assert len(structure.times) == len(stamps)
    if structure.count:
        assert structure.count == len(stamps)


@pytest.mark.parametrize("suffix", [".mkv", ".mp4", ".mov", ".webm", ".ts"])
def test_variable_frame_rate_takes_times_from_time_stamps(tmp_path: Path, suffix: str) -> None:
    pts = [0, 100, 150, 900, 1000, 4000, 4100]
    video = decoded(write_video(tmp_path / f"v{suffix}", range(7), pts=pts))
    np.testing.assert_allclose([frame.time_s for frame in video.frames], np.array(pts) / 1000, atol=2e-3)
    assert (video.missing, video.reason) == (0, "")


def _encoded(
    container: av.container.OutputContainer, options: dict[str, str], *, frames: int
) -> list["av.Packet[av.VideoStream]"]:
    """Encode H.264 of 64 x 48 pixels, 25 frames a second, whose packets a test changes before it writes them."""
    stream = container.add_stream("libx264", rate=25, options=options)
    stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
    packets: list[av.Packet[av.VideoStream]] = []
    for index in range(frames):
        frame = av.VideoFrame.from_ndarray(moving_picture(0, index, 64, 48), format="rgb24")
        frame.pts, frame.time_base = index, Fraction(1, 25)
        packets += stream.encode(frame)
    return packets + stream.encode()


def test_a_last_frame_that_is_shown_for_long_is_no_cut(tmp_path: Path) -> None:
    path = tmp_path / "v.mkv"
    with av.open(str(path), "w") as container:
        packets = _encoded(container, FAST["libx264"], frames=10)
        last = max(cast(int, packet.pts) for packet in packets)
        for packet in packets:
            packet.duration = 100 if packet.pts == last else packet.duration
            container.mux(packet)
    with av.open(str(path)) as written:
        assert cast(int, written.duration) > 3_000_000
    video = decoded(path)
    assert (len(video.frames), video.missing, video.reason) == (10, 0, "")


def _joined(path: Path, sizes: Sequence[tuple[int, int]], codec: str) -> Path:
    """Write a stream whose size changes, each part with 5 frames."""
    with av.open(str(path), "w") as container:
        stream = cast(av.VideoStream, container.add_stream(codec, rate=25))
        stream.width, stream.height, stream.pix_fmt = *sizes[0], "yuv420p"
        stream.codec_context.thread_count = 1
        for part, size in enumerate(sizes):
            encoder = cast(av.VideoCodecContext, av.CodecContext.create(codec, "w"))
            encoder.width, encoder.height, encoder.pix_fmt = *size, "yuv420p"
            encoder.time_base, encoder.options = Fraction(1, 25), {**FAST[codec], "bf": "0"}
            encoder.thread_count = 1
            packets: list[Any] = []
            for index in range(5):
                frame = av.VideoFrame.from_ndarray(moving_picture(part, index, *size), format="rgb24")
                frame.pts = 5 * part + index
                packets += encoder.encode(frame)
            for packet in packets + encoder.encode(None):
                packet.stream, packet.time_base = stream, Fraction(1, 25)
                container.mux(packet)
    return path


@pytest.mark.parametrize(("suffix", "codec"), [(".ts", "libx264"), (".webm", "libvpx"), (".mkv", "libvpx-vp9")])
def test_a_change_of_size_inside_a_stream(tmp_path: Path, suffix: str, codec: str) -> None:
    sizes = [(96, 64), (160, 96), (64, 128)]
    path = _joined(tmp_path / f"v{suffix}", sizes, codec)
    video, proxies = decoded_with_proxies(path)
    assert [(frame.width, frame.height) for frame in video.frames] == [size for size in sizes for _ in range(5)]
    assert (video.missing, video.reason) == (0, "")
    assert [Image.open(io.BytesIO(proxies[at])).size for at in (0, 5, 10)] == [(96, 64), (107, 64), (64, 128)]
    again = decoded(path, threads=4)
    assert list(again.frames) == list(video.frames)


@pytest.mark.parametrize(("suffix", "codec"), [(".ts", "libx264"), (".webm", "libvpx"), (".mkv", "libvpx-vp9")])
def test_frames_that_grow_beyond_the_limit_are_missing(tmp_path: Path, suffix: str, codec: str) -> None:
    """FFmpeg may look far enough into a file to find the larger size when opening it; then all of it is refused."""
    path = _joined(tmp_path / f"v{suffix}", [(96, 64), (320, 200)], codec)
    for threads in (1, 4):
        video, _ = decoded_with_proxies(path, threads=threads, max_pixels=96 * 64)
        assert all((frame.width, frame.height) == (96, 64) for frame in video.frames)
        assert video.is_corrupt
        assert video.reason
        assert video.limit == "clean.max_pixels" or len(video.frames) + video.missing >= 10


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".webm", ".avi", ".ts", ".mov"])
def test_a_video_of_one_frame(tmp_path: Path, suffix: str) -> None:
    video, proxies = decoded_with_proxies(write_video(tmp_path / f"v{suffix}", [3]))
    assert (len(video.frames), video.missing, video.is_corrupt, video.frames[0].time_s) == (1, 0, False, 0.0)
    assert list(proxies) == [0]


def test_a_file_without_a_frame_is_corrupt_with_the_reason(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "sound.mp4"), "w") as container:
        stream = container.add_stream("aac", rate=48_000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = 48_000, 0, Fraction(1, 48_000)
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    assert decoded(tmp_path / "sound.mp4").reason == "it holds no video stream"
    assert declared_frames(tmp_path / "sound.mp4") == 0
    for suffix in (".mkv", ".avi"):
        with av.open(str(tmp_path / f"none{suffix}"), "w") as container:
            empty = container.add_stream("mpeg4", rate=25)
            empty.width, empty.height, empty.pix_fmt = 64, 48, "yuv420p"
            container.start_encoding()
        video = decoded(tmp_path / f"none{suffix}")
        assert video.is_corrupt
        assert "no frame can be decoded" in video.reason or "cannot be opened" in video.reason
        assert declared_frames(tmp_path / f"none{suffix}") == 0


def test_what_an_edit_list_leaves_out_is_not_missing(tmp_path: Path) -> None:
    path = tmp_path / "v.mp4"
    with av.open(str(path), "w") as container:
        for packet in _encoded(container, {**FAST["libx264"], "bf": "0"}, frames=20):
            packet.pts, packet.dts = cast(int, packet.pts) - 4, cast(int, packet.dts) - 4
            container.mux(packet)
    video = decoded(path)
    assert (len(video.frames), video.missing, video.reason) == (16, 0, "")


def test_a_container_whose_header_is_gone_is_not_read_as_a_bare_stream(tmp_path: Path) -> None:
    content = bytearray(write_video_as(tmp_path / "v.mkv", VIDEO_FORMATS["mpeg4.mkv"], frames=14).read_bytes())
    content[0] ^= 1
    (tmp_path / "damaged.mkv").write_bytes(content)
    video = decoded(tmp_path / "damaged.mkv")
    assert video.is_corrupt
    assert video.reason == "the header of its container is damaged"


def test_a_bare_stream_is_read(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "v.h264"), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={**FAST["libx264"], "bf": "0"})
        stream.width, stream.height, stream.pix_fmt = 96, 80, "yuv420p"
        for index in range(10):
            frame = av.VideoFrame.from_ndarray(moving_picture(0, index, 96, 80), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    video = decoded(tmp_path / "v.h264")
    assert (len(video.frames), video.missing, video.is_corrupt) == (10, 0, False)
