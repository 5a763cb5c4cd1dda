"""Frames read from inside a video are those that decoding from the start gives, or the file is not to be trusted."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from curation.video.evidence import Tally
from curation.video.frame import pixel_hash
from curation.video.packet_index import PacketIndex, UnsureError, index_packets
from curation.video.reader import read_frames
from curation.video.runs import Run, planned_runs
from curation.video.sampling import FrameChoice
from curation.video.seeking import read_by_seeking
from tests.decoded_videos import LIMIT, decoded
from tests.media_files import damaged_packet, write_video

FRAMES = 90
Found = list[tuple[int, Fraction, str]]

VIDEOS: dict[str, dict[str, object]] = {
    "h264.mp4": {"options": {"preset": "veryfast", "x264-params": "keyint=40:scenecut=0:b-adapt=0"}},
    "h264-open-gop.mp4": {
        "options": {"preset": "fast", "x264-params": "open-gop=1:keyint=20:scenecut=0:bframes=5:b-adapt=0:ref=4"}
    },
    "h264-open-gop.ts": {
        "options": {"preset": "fast", "x264-params": "open-gop=1:keyint=30:scenecut=0:bframes=3:b-adapt=0:ref=4"}
    },
    "h264-gradual-refresh.mkv": {
        "options": {"preset": "fast", "x264-params": "intra-refresh=1:keyint=15:scenecut=0:bframes=0"}
    },
    "h264.mkv": {"options": {"preset": "veryfast", "g": "25"}},
    "h264-turned.mov": {"options": {"preset": "veryfast", "g": "30"}, "rotation": 90},
    "hevc-open-gop.mp4": {
        "codec": "libx265",
        "options": {
            "preset": "ultrafast",
            "x265-params": "log-level=none:pools=1:open-gop=1:keyint=20:scenecut=0:b-adapt=0:bframes=3",
        },
    },
    "mpeg4-b.avi": {"options": {"g": "20", "bf": "2"}},
    "mpeg2-b.mkv": {"codec": "mpeg2video", "rate": 25, "options": {"g": "30", "bf": "2"}},
    "mpeg1.mpg": {"codec": "mpeg1video", "rate": 25, "options": {"g": "15", "bf": "2"}},
    "mjpeg.avi": {"codec": "mjpeg", "pixel_format": "yuvj420p"},
    "ffv1.mkv": {"codec": "ffv1", "options": {"g": "12"}},
    "vp8.webm": {
        "options": {"g": "25", "deadline": "good", "cpu-used": "5", "auto-alt-ref": "1", "lag-in-frames": "10"}
    },
    "vp9.webm": {"codec": "libvpx-vp9", "options": {"g": "25", "deadline": "realtime", "cpu-used": "8"}},
    "wmv2.wmv": {"codec": "wmv2", "options": {"g": "20"}},
    "flv1.flv": {"codec": "flv", "options": {"g": "20"}},
}


def _video(folder: Path, name: str) -> Path:
    return write_video(folder / name, range(FRAMES), **VIDEOS[name])  # type: ignore[arg-type]


def _all(path: Path) -> Found:
    tally = Tally()
    frames = list(read_frames(path, max_pixels=LIMIT, threads=1, tally=tally))
    assert tally.time_base is not None
    stamps = [frame.pts or 0 for frame in frames]
    return [
        (index, (stamps[index] - stamps[0]) * tally.time_base, pixel_hash(frame)) for index, frame in enumerate(frames)
    ]


def _some(path: Path, index: PacketIndex, wanted: Sequence[int], threads: int = 2, **how: Any) -> Found:
    frames = read_by_seeking(path, index, wanted, max_pixels=LIMIT, threads=threads, **how)
    return [(number, seconds, pixel_hash(frame)) for number, seconds, frame in frames]


def _index(path: Path) -> PacketIndex:
    return index_packets(path, max_pixels=LIMIT)


@pytest.mark.thorough
@pytest.mark.parametrize("name", VIDEOS)
def test_chosen_frames_are_those_of_a_full_decode(tmp_path: Path, name: str) -> None:
    path = _video(tmp_path, name)
    expected, index = _all(path), _index(path)
    assert index.frames == len(expected) == FRAMES
    rng = np.random.default_rng(1)
    choices = [[0], [FRAMES - 1], [0, 30, 60], list(range(FRAMES))]
    choices += [sorted(rng.choice(FRAMES, size, replace=False).tolist()) for size in (1, 2, 4, 9, 30)]
    for wanted in choices:
        for how in (
            {"threads": 4},
            {"worth_a_break": 1, "worth_a_seek": 0, "threads": 1},
        ):
            assert _some(path, index, wanted, **how) == [expected[number] for number in wanted], (wanted, how)


def test_runs_of_h264_end_where_the_next_frame_needs_nothing_of_them(tmp_path: Path) -> None:
    index = _index(_video(tmp_path, "h264.mp4"))
    assert index.entries.tolist() == [0, 40, 80]
    everything = list(range(FRAMES))
    assert planned_runs(index, everything) == [Run(0, FRAMES)]
    assert planned_runs(index, everything, long=40) == [Run(0, 40), Run(40, 80), Run(80, FRAMES)]
    assert planned_runs(index, everything, long=41) == [Run(0, 80), Run(80, FRAMES)]
    open_ended = _index(_video(tmp_path, "h264-open-gop.mp4"))
    assert planned_runs(open_ended, everything, long=1) == [Run(0, FRAMES)]


def test_an_edit_list_and_times_before_zero(tmp_path: Path) -> None:
    source = _video(tmp_path, "h264.mp4")
    for name, shift in (("cut.mp4", 7), ("early.ts", 7), ("late.mp4", -50)):
        options = {"avoid_negative_ts": "disabled", "use_editlist": "1"} if shift > 0 else {}
        with av.open(str(source)) as read, av.open(str(tmp_path / name), "w", options=options) as written:
            stream = written.add_stream_from_template(read.streams.video[0])
            assert read.streams.video[0].time_base is not None
            distance = int(1 / (10 * read.streams.video[0].time_base))
            for packet in read.demux(read.streams.video[0]):
                if packet.dts is not None and packet.pts is not None:
                    packet.pts, packet.dts = packet.pts - shift * distance, packet.dts - shift * distance
                    packet.stream = stream
                    written.mux(packet)
        expected, index = _all(tmp_path / name), _index(tmp_path / name)
        assert len(expected) == (FRAMES - 7 if name == "cut.mp4" else FRAMES)
        assert index.pts.min() < 0 or name == "late.mp4"
        wanted = [0, 1, 20, 55, len(expected) - 1]
        assert _some(tmp_path / name, index, wanted) == [expected[number] for number in wanted]


def test_variable_frame_rate(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    pts = np.concatenate([[0], np.cumsum(rng.choice([5, 100, 100, 900], FRAMES - 1))]).tolist()
    for suffix in (".mkv", ".mp4"):
        path = write_video(tmp_path / f"v{suffix}", range(FRAMES), pts=pts, options={"g": "30"})
        expected = _all(path)
        wanted = [3, 40, 41, 80]
        assert _some(path, _index(path), wanted) == [expected[number] for number in wanted]


def test_no_more_is_decoded_than_needed(tmp_path: Path) -> None:
    path = write_video(tmp_path / "v.mp4", range(FRAMES), options={"x264-params": "keyint=30:scenecut=0:bframes=0"})
    index = _index(path)
    assert index.entries.tolist() == [0, 30, 60]
    assert planned_runs(index, [0, 32]) == [Run(0, 1), Run(30, 33)]
    assert planned_runs(index, [32]) == [Run(30, 33)]
    assert planned_runs(index, [21, 32]) == [Run(0, 22), Run(30, 33)]
    assert planned_runs(index, [22, 32]) == [Run(0, 33)]
    assert planned_runs(index, [22, 32], 7) == [Run(0, 23), Run(30, 33)]
    assert planned_runs(index, [5, 29, 30, 89]) == [Run(0, 31), Run(60, 90)]
    assert planned_runs(index, []) == []


def test_frames_shown_before_a_key_frame_need_the_one_before(tmp_path: Path) -> None:
    index = _index(_video(tmp_path, "h264-open-gop.mp4"))
    key = int(index.entries[1])
    leading = [
        frame
        for frame, position in enumerate(index.order.tolist())
        if position > key and index.pts[position] < index.pts[key]
    ]
    assert leading
    assert planned_runs(index, leading[:1])[0].start == 0
    both = [leading[0], leading[-1] + 1]
    assert index.order[both[1]] == key
    assert planned_runs(index, both) == [Run(0, int(index.order[leading[0]]) + 1)]


def test_a_gradual_refresh_is_no_place_to_begin(tmp_path: Path) -> None:
    path = _video(tmp_path, "h264-gradual-refresh.mkv")
    with av.open(str(path)) as container:
        assert sum(packet.is_keyframe for packet in container.demux(video=0) if packet.size) > 1
    assert _index(path).entries.tolist() == [0]


def test_the_index_is_refused_where_packets_do_not_tell_the_frames(tmp_path: Path) -> None:
    sound = _video(tmp_path, "mpeg4-b.avi").read_bytes()
    (tmp_path / "cut.avi").write_bytes(sound[: len(sound) * 3 // 4])
    with pytest.raises(UnsureError, match="signs of damage"):
        _index(tmp_path / "cut.avi")
    path = write_video(tmp_path / "v.mpg", range(9), rate=25, codec="libx264")
    with pytest.raises(UnsureError, match="packets without a time stamp"):
        _index(path)


def test_what_does_not_fit_the_index_is_noticed(tmp_path: Path) -> None:
    path = _video(tmp_path, "h264.mkv")
    other = write_video(tmp_path / "other.mkv", range(5, FRAMES + 5), options={"g": "25"})
    index = _index(path)
    with pytest.raises(UnsureError, match="another packet than the index has"):
        _some(other, index, [50])
    with pytest.raises(UnsureError):
        _some(other, index, [50], worth_a_seek=0)
    shorter = write_video(tmp_path / "shorter.mkv", range(40), options={"g": "25"})
    with pytest.raises(UnsureError):
        _some(shorter, index, [FRAMES - 1])
    with pytest.raises(UnsureError, match="does not have"):
        _some(path, index, [3, FRAMES])
    interlaced = write_video(tmp_path / "i.mp4", range(9), options={"flags": "+ildct+ilme"})
    with pytest.raises(UnsureError, match="interlaced"):
        _some(interlaced, _index(interlaced), [3])


def _is_unsure(path: Path, wanted: list[int], threads: int) -> bool:
    try:
        _some(path, _index(path), wanted, threads=threads)
    except UnsureError:
        return True
    return False


@pytest.mark.parametrize("name", ["h264.mp4", "h264.mkv", "mpeg4-b.avi"])
def test_damage_matters_where_something_wanted_depends_on_it(tmp_path: Path, name: str) -> None:
    path = _video(tmp_path, name)
    expected, index = _all(path), _index(path)
    damaged = damaged_packet(path, int(index.order[50]))
    with pytest.raises(UnsureError, match=r"Invalid data|damaged"):
        _some(damaged, _index(damaged), [50], threads=1)
    for threads in (2, 3, 8):
        assert all(_is_unsure(damaged, [50], threads) for _ in range(5))
    elsewhere = [0, FRAMES - 1]
    runs = planned_runs(index, elsewhere)
    assert all(not run.start <= index.order[50] < run.stop for run in runs)
    assert _some(damaged, _index(damaged), elsewhere) == [expected[number] for number in elsewhere]


@pytest.mark.parametrize("seed", [14, 34])
def test_damage_at_the_end_of_a_file_is_met_with_any_number_of_threads(tmp_path: Path, seed: int) -> None:
    path = write_video(tmp_path / "v.webm", range(48), codec="libvpx-vp9", rate=12, options={"g": "12"})
    with av.open(str(path)) as container:
        packets = [packet for packet in container.demux(video=0) if packet.size]
        places = [(packet.pos or 0, packet.size) for packet in packets]
    rng = np.random.default_rng(seed)
    content = bytearray(path.read_bytes())
    place, size = places[len(places) - 1 - int(rng.integers(4))]
    for _ in range(int(rng.integers(1, 6))):
        content[place + int(rng.integers(size))] ^= int(rng.integers(1, 256))
    path.write_bytes(content)
    videos = [decoded(path, FrameChoice(fps=4), threshold=1, threads=threads) for threads in (1, 4, 6)]
    assert videos[0] == videos[1] == videos[2]
    assert videos[0].missing or videos[0].decoded < 48 or any(frame.fault for frame in videos[0].frames)
