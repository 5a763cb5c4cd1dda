"""Groups of pictures of H.264, decoded side by side: the same as in one go, or decoding in one go is asked for."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import pytest

from curation.video import picture_groups as module
from curation.video.evidence import Tally
from curation.video.frame import pixel_hash
from curation.video.opening import NoVideoError
from curation.video.packet_index import UnsureError
from curation.video.picture_groups import read_groups
from curation.video.reader import open_stream, read_frames
from tests.decoded_videos import LIMIT, decoded_with_proxies
from tests.media_files import damaged_packet, write_video

FRAMES = 90
Found = list[tuple[int | None, str]]

_SHORT = {"preset": "veryfast", "x264-params": "keyint=10:scenecut=0:b-adapt=0"}

SOUND: dict[str, dict[str, Any]] = {
    "closed.mp4": {"options": _SHORT},
    "closed.mkv": {"options": _SHORT},
    "closed.ts": {"options": _SHORT},
    "turned.mov": {"options": _SHORT, "rotation": 90},
    "one-group.mp4": {"options": {"x264-params": "keyint=1000:scenecut=0"}},
    "only-groups.mp4": {"options": {"x264-params": "keyint=1"}},
    "pyramid.mp4": {"options": {"x264-params": "keyint=20:scenecut=0:bframes=5:b-adapt=0:b-pyramid=normal:ref=5"}},
    "open.mp4": {"options": {"x264-params": "open-gop=1:keyint=20:scenecut=0:bframes=5:b-adapt=0:ref=4"}},
    "refresh.mkv": {"options": {"x264-params": "intra-refresh=1:keyint=15:scenecut=0:bframes=0"}},
    "variable.mkv": {"options": _SHORT, "pts": [100 * index + 40 * (index % 3) for index in range(FRAMES)]},
    "full-colour.mp4": {"options": _SHORT, "pixel_format": "yuv444p"},
    "deep.mkv": {"options": _SHORT, "pixel_format": "yuv420p10le"},
}


def _in_one_go(path: Path) -> Found:
    return [(frame.pts, pixel_hash(frame)) for frame in read_frames(path, max_pixels=LIMIT, threads=1)]


def _side_by_side(
    path: Path, decoders: int, make: Callable[[av.VideoFrame], Any] = pixel_hash, least: int = 8
) -> Found:
    frames = read_groups(path, make, max_pixels=LIMIT, decoders=decoders, tally=Tally(), least_packets=least)
    return [(frame.pts, frame.made) for frame in frames]


@pytest.mark.parametrize("name", SOUND)
def test_groups_give_what_decoding_in_one_go_gives(tmp_path: Path, name: str) -> None:
    path = write_video(tmp_path / name, range(FRAMES), codec="libx264", **SOUND[name])
    expected = _in_one_go(path)
    assert len(expected) == FRAMES
    for decoders, least in ((1, 8), (2, 1), (5, 8), (2, 1000)):
        assert _side_by_side(path, decoders, least=least) == expected


def test_the_stream_is_cut_where_a_decoder_forgets(tmp_path: Path) -> None:
    parts: list[int] = []
    for name in ("closed.mp4", "closed.ts", "open.mp4", "refresh.mkv", "only-groups.mp4"):
        path = write_video(tmp_path / name, range(FRAMES), codec="libx264", **SOUND[name])
        with open_stream(path, max_pixels=LIMIT, threads=1, tally=Tally()) as (container, stream):
            parts.append(sum(is_new for is_new, _ in module._cut(container, stream, Tally(), 8)))
    assert parts == [9, 9, 1, 1, 12]  # 12: the least of 8 packets each


def test_what_is_left_out_by_an_edit_list_is_left_out(tmp_path: Path) -> None:
    source = write_video(tmp_path / "v.mp4", range(FRAMES), options=_SHORT)
    target, options = tmp_path / "cut.mp4", {"avoid_negative_ts": "disabled", "use_editlist": "1"}
    with av.open(str(source)) as read, av.open(str(target), "w", options=options) as written:
        stream = written.add_stream_from_template(read.streams.video[0])
        for packet in read.demux(read.streams.video[0]):
            if packet.dts is not None and packet.pts is not None and packet.time_base is not None:
                shift = round(0.7 / packet.time_base)
                packet.pts, packet.dts = packet.pts - shift, packet.dts - shift
                packet.stream = stream
                written.mux(packet)
    expected = _in_one_go(target)
    assert len(expected) == FRAMES - 7
    assert _side_by_side(target, 2) == expected


@pytest.mark.thorough
@pytest.mark.parametrize("name", ["closed.mp4", "closed.mkv", "open.mp4"])
def test_damage_is_met_with_any_number_of_threads(tmp_path: Path, name: str) -> None:
    path = write_video(tmp_path / name, range(FRAMES), codec="libx264", **SOUND[name])
    for position in (40, 57, FRAMES - 1):
        damaged = damaged_packet(path, position)
        for decoders in (1, 2, 5):
            with pytest.raises((UnsureError, NoVideoError)):
                _side_by_side(damaged, decoders)
        found = [decoded_with_proxies(damaged, threads=threads, threshold=1) for threads in (1, 2, 5)]
        assert found[0] == found[1] == found[2]
        video = found[0][0]
        assert video.missing or any(frame.fault for frame in video.frames)


def test_a_change_of_parameters_inside_the_stream_is_left_to_decoding_in_one_go(tmp_path: Path) -> None:
    parts = [
        write_video(tmp_path / f"{width}.ts", range(40), codec="libx264", size=(width, 48), options=_SHORT)
        for width in (64, 96)
    ]
    both = tmp_path / "both.ts"
    both.write_bytes(b"".join(part.read_bytes() for part in parts))
    with pytest.raises(UnsureError):
        _side_by_side(both, 2)
    found = [decoded_with_proxies(both, threads=threads, threshold=1) for threads in (1, 2, 5)]
    assert found[0] == found[1] == found[2]
    assert {frame.width for frame in found[0][0].frames} == {64, 96}


def test_other_formats_and_what_is_no_video_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UnsureError, match="does not begin with a group"):
        _side_by_side(write_video(tmp_path / "v.webm", range(3)), 2)
    (tmp_path / "text.mp4").write_text("text")
    with pytest.raises(NoVideoError):
        _side_by_side(tmp_path / "text.mp4", 2)


def test_little_is_read_ahead(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PACKETS_A_DECODER", 10)
    path = write_video(tmp_path / "v.mp4", range(FRAMES), options=_SHORT)
    made = 0

    def make(picture: av.VideoFrame) -> str:
        nonlocal made
        made += 1
        return pixel_hash(picture)

    frames = read_groups(path, make, max_pixels=LIMIT, decoders=2, tally=Tally(), least_packets=8)
    for taken, _ in enumerate(frames, start=1):
        assert made - taken <= 20
    assert made == FRAMES


def test_threads_end_with_the_reading(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = set(threading.enumerate())
    path = write_video(tmp_path / "v.mp4", range(FRAMES), options=_SHORT)
    frames = read_groups(path, pixel_hash, max_pixels=LIMIT, decoders=3, tally=Tally(), least_packets=8)
    next(frames)
    frames.close()
    assert set(threading.enumerate()) <= before

    def fail(picture: av.VideoFrame) -> str:
        raise MemoryError

    for decoders in (1, 3):
        with pytest.raises(MemoryError):
            _side_by_side(path, decoders, fail)
    calls = iter(range(99))

    def fail_later(*arguments: Any, **options: Any) -> Any:
        if next(calls):
            raise MemoryError
        return open_stream(*arguments, **options)

    monkeypatch.setattr(module, "open_stream", fail_later)
    with pytest.raises(MemoryError):
        _side_by_side(path, 2)
    assert set(threading.enumerate()) <= before
