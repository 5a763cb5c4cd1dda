"""Videos: every frame once, every frame accounted for."""

import io
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image

from curation.video import chosen_frames
from curation.video.chosen_frames import placed
from curation.video.declared import declared_frames
from curation.video.decoded_video import DecodedVideo
from curation.video.evidence import Tally
from curation.video.frame import pixel_hash
from curation.video.reader import read_frames
from curation.video.sampling import FrameChoice
from tests.decoded_videos import decoded, decoded_with_proxies
from tests.media_files import CODECS, cut, picture, write_video


@pytest.mark.parametrize("suffix", sorted(CODECS))
def test_sound_videos_are_complete_in_every_container(tmp_path: Path, suffix: str) -> None:
    path = write_video(tmp_path / f"v{suffix}", range(25))
    video, proxies = decoded_with_proxies(path)
    assert not video.is_corrupt
    assert (video.missing, video.reason) == (0, "")
    assert [frame.frame for frame in video.frames] == list(range(25)) == sorted(proxies)
    np.testing.assert_allclose([frame.time_s for frame in video.frames], np.arange(25) / 10, atol=1e-3)
    assert declared_frames(path) == 25
    assert decoded_with_proxies(path, threads=4) == (video, proxies)


def _sampled(whole: tuple[DecodedVideo, dict[int, bytes]], wanted: list[int]) -> tuple[DecodedVideo, dict[int, bytes]]:
    """Return what taking only some frames of a sound video, all of them different, must give."""
    video, proxies = whole
    frames = [video.frames[index] for index in wanted]
    skipped = len(video.frames) - len(wanted)
    return replace(video, frames=frames, skipped=skipped), {index: proxies[index] for index in wanted}


@pytest.mark.parametrize("suffix", sorted({*CODECS, ".mpg"}))
def test_chosen_frames_are_equal_to_those_of_the_whole_video(tmp_path: Path, suffix: str) -> None:
    codec, rate = ("libx264", 25) if suffix == ".mpg" else (None, 10)  # with time stamps at some packets only
    whole = decoded_with_proxies(
        write_video(tmp_path / f"v{suffix}", range(50), codec=codec, rate=rate, options={"g": "15"})
    )
    times = [frame.time_s for frame in whole[0].frames]
    for choice, wanted in (
        (FrameChoice(fps=1), [next(i for i, time in enumerate(times) if time >= k - 1e-3) for k in range(50 // rate)]),
        (FrameChoice(limit=3), [0, 16, 33]),
        (FrameChoice(fps=rate / 2, limit=2), [0, 24]),
        (FrameChoice(known={31: whole[0].frames[31].pixel_hash}), [31]),
        (FrameChoice(fps=1000), list(range(50))),
    ):
        counted: list[int] = []
        for threads in (1, 3):
            counted.clear()
            found = decoded_with_proxies(
                tmp_path / f"v{suffix}", choice=choice, threads=threads, progress=counted.append
            )
            assert found == _sampled(whole, wanted)
            assert sum(counted) == 50
            if threads == 1:
                assert len(counted) > wanted[-1]  # a process that decodes gives signs of life at every frame


def test_lost_frames_count_as_far_as_they_would_have_been_chosen(tmp_path: Path) -> None:
    path = cut(write_video(tmp_path / "v.avi", range(100)), tmp_path / "cut.avi", 0.5)
    whole = decoded(path, threshold=0.9)
    came, lost = len(whole.frames), whole.missing
    assert came + lost == 100
    assert lost > 30
    every_fifth = decoded(path, threshold=0.9, choice=FrameChoice(fps=2))
    assert [frame.frame for frame in every_fifth.frames] == list(range(0, came, 5))
    assert every_fifth.frames == [replace(frame) for frame in whole.frames[::5]]
    assert len(every_fifth.frames) + every_fifth.missing == 20
    assert len(every_fifth.frames) + every_fifth.missing + every_fifth.skipped == 100
    assert f"{lost} of all 100 missing" in every_fifth.reason
    for choice in (FrameChoice(fps=2), FrameChoice(limit=1)):
        refused = decoded(path, choice=choice)
        assert refused.is_corrupt
        assert "more than clean.corruption_threshold" in refused.reason
        assert len(refused.frames) + refused.missing + refused.skipped == 100
        assert len(refused.frames) + refused.missing == (20 if choice.fps else 1)
    two = decoded(path, FrameChoice(limit=2), threshold=0.9)
    assert [frame.frame for frame in two.frames] == [0, came // 2]


def test_frames_known_from_a_damaged_video_are_found_again(tmp_path: Path) -> None:
    content = bytearray(write_video(tmp_path / "v.webm", range(60), options={"g": "10"}).read_bytes())
    middle = len(content) // 2
    content[middle : middle + len(content) // 8] = bytes(len(content) // 8)
    (tmp_path / "hole.webm").write_bytes(content)
    whole, proxies = decoded_with_proxies(tmp_path / "hole.webm", threshold=1)
    assert 0 < len(whole.frames) < 60
    known = {frame.frame: frame.pixel_hash for frame in whole.frames[-2:] if not frame.fault}
    again, again_proxies = decoded_with_proxies(
        tmp_path / "hole.webm", threshold=0, choice=FrameChoice(fps=1, known=known)
    )
    assert not again.is_corrupt
    assert {frame.frame: frame.pixel_hash for frame in again.frames} == known
    assert again_proxies == {index: proxies[index] for index in known}


@pytest.mark.parametrize(
    ("name", "threads", "passes"),
    [("v.mp4", 2, 2), ("v.webm", 1, 2), ("v.webm", 2, 2), ("v.avi", 1, 2), ("v.avi", 2, 3)],
)
def test_one_thread_decodes_a_damaged_video_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, threads: int, passes: int
) -> None:
    counted: list[int] = []

    def counting(path: Path, **arguments: Any) -> Iterator[av.VideoFrame]:
        counted.append(arguments["threads"])
        return read_frames(path, **arguments)

    monkeypatch.setattr(chosen_frames, "read_frames", counting)
    content = bytearray(write_video(tmp_path / name, range(60), options={"g": "10"}).read_bytes())
    middle = len(content) // 2
    content[middle : middle + len(content) // 8] = bytes(len(content) // 8)
    (tmp_path / name).write_bytes(content)
    video = decoded(tmp_path / name, threshold=1, threads=threads)
    assert any(frame.fault for frame in video.frames) or video.missing
    assert (len(counted), counted[-2:]) == (passes, [1, 1])


def test_a_known_frame_with_other_pixels_is_looked_for_in_the_whole_video(tmp_path: Path) -> None:
    path = write_video(tmp_path / "v.mp4", range(30))
    video = decoded(path, choice=FrameChoice(known={3: "0" * 32}))
    assert [frame.frame for frame in video.frames] == [3]
    assert video.frames[0].pixel_hash != "0" * 32


@pytest.mark.parametrize("suffix", sorted({*CODECS} - {".ts"}))
def test_a_cut_video_is_corrupt_with_numbers(tmp_path: Path, suffix: str) -> None:
    faststart = {"movflags": "+faststart"}
    source = write_video(tmp_path / f"v{suffix}", range(60), rate=10)
    if suffix in (".mp4", ".mov"):
        with av.open(str(source)) as read, av.open(str(tmp_path / f"f{suffix}"), "w", options=faststart) as written:
            stream = written.add_stream_from_template(read.streams.video[0])
            for packet in read.demux(read.streams.video[0]):
                if packet.dts is not None:
                    packet.stream = stream
                    written.mux(packet)
        source = tmp_path / f"f{suffix}"
    video = decoded(cut(source, tmp_path / f"cut{suffix}", 0.6), threads=0)
    assert video.is_corrupt
    assert 10 <= video.missing <= 50
    assert abs(len(video.frames) + video.missing - 60) <= 3
    assert f"{video.missing} missing of" in video.reason
    assert "clean.corruption_threshold" in video.reason
    tolerated = decoded(tmp_path / f"cut{suffix}", threshold=0.95)
    assert not tolerated.is_corrupt
    assert tolerated.frames == video.frames
    assert "missing" in tolerated.reason


def test_variable_frame_rate_takes_times_from_time_stamps(tmp_path: Path) -> None:
    pts = [0, 100, 150, 900, 1000, 4000]
    video = decoded(write_video(tmp_path / "v.mkv", range(6), pts=pts))
    np.testing.assert_allclose([frame.time_s for frame in video.frames], np.array(pts) / 1000, atol=2e-3)
    assert video.missing == 0


def test_time_begins_with_the_first_frame(tmp_path: Path) -> None:
    video = decoded(write_video(tmp_path / "v.mkv", range(3), pts=[5000, 5100, 5200]))
    np.testing.assert_allclose([frame.time_s for frame in video.frames], [0, 0.1, 0.2], atol=2e-3)
    assert not video.is_corrupt


@pytest.mark.parametrize("options", [{}, {"bf": "0", "x264-params": "mbtree=0"}])
@pytest.mark.parametrize(("frames", "rate"), [(10, 10), (10, 30), (30, 25), (70, 30)])
def test_frames_without_a_time_stamp_follow_at_the_usual_distance(
    tmp_path: Path, frames: int, rate: int, options: dict[str, str]
) -> None:
    path = write_video(tmp_path / "v.mpg", range(frames), codec="libx264", rate=rate, options=options)
    with av.open(str(path)) as container:
        assert sum(frame.pts is None for frame in container.decode(video=0)) > frames // 3
    video = decoded(path)
    np.testing.assert_allclose([frame.time_s for frame in video.frames], np.arange(frames) / rate, atol=1e-3)
    assert not video.missing


def test_times_never_lead_back_where_frames_lack_time_stamps() -> None:
    def seconds_of(stamps: list[int | None]) -> list[float]:
        frames = [av.VideoFrame(2, 2, "gray") for _ in stamps]
        for frame, stamp in zip(frames, stamps, strict=True):
            frame.pts = stamp
        tally = Tally(time_base=Fraction(1, 10))
        return [float(picture.seconds) for picture in placed(frames, tally, lambda: Fraction(1, 10))]

    assert seconds_of([None, None, None]) == [0, 0.1, 0.2]
    assert seconds_of([7, None, None, 10]) == [0, 0.1, 0.2, 0.3]
    assert seconds_of([7, None, None, 11, 11, None]) == [0, 0.1, 0.2, 0.4, 0.5, 0.6]
    assert seconds_of([7, None, None, 17, None, 3, 30]) == [0, 0.1, 0.2, 1.0, 1.1, 1.2, 2.3]
    assert seconds_of([7, 9, 8]) == [0, 0.2, 0.1]  # as the file says


@pytest.mark.parametrize(("rotation", "turns"), [(90, 1), (-90, 3), (180, 2)])
def test_rotation_is_applied_to_size_and_proxy(tmp_path: Path, rotation: int, turns: int) -> None:
    plain, plain_proxies = decoded_with_proxies(write_video(tmp_path / "plain.mp4", [1]))
    video, proxies = decoded_with_proxies(write_video(tmp_path / "turned.mp4", [1], rotation=rotation))
    frame = video.frames[0]
    assert (frame.width, frame.height) == ((48, 64) if turns % 2 else (64, 48))
    assert frame.pixel_hash != plain.frames[0].pixel_hash  # the picture that is shown counts, as of photographs
    for known in (plain.frames[0].pixel_hash, frame.pixel_hash):  # the former was its hash in former versions
        again = decoded(tmp_path / "turned.mp4", choice=FrameChoice(known={0: known}))
        assert again.frames[0].pixel_hash == known
    assert frame.quality is not None
    assert plain.frames[0].quality is not None
    assert replace(frame.quality, perceptual_hash="") == replace(plain.frames[0].quality, perceptual_hash="")
    assert frame.quality.perceptual_hash != plain.frames[0].quality.perceptual_hash
    upright, turned = (np.asarray(Image.open(io.BytesIO(each[0])), np.int16) for each in (plain_proxies, proxies))
    assert np.abs(np.rot90(upright, turns) - turned).mean() < 5


def test_repeated_frames_have_equal_hashes_and_one_proxy(tmp_path: Path) -> None:
    lossless = {"qp": "0"}
    video, proxies = decoded_with_proxies(write_video(tmp_path / "v.mp4", [1, 1, 2, 1, 1], options=lossless))
    hashes = [frame.pixel_hash for frame in video.frames]
    assert hashes[0] == hashes[1] == hashes[3] == hashes[4] != hashes[2]
    assert [not frame.member for frame in video.frames] == [False, True, False, True, True]
    assert video.frames[0].quality == video.frames[4].quality != video.frames[2].quality
    assert sorted(proxies) == [0, 2]


def test_a_rewrapped_video_has_equal_frames(tmp_path: Path) -> None:
    source = write_video(tmp_path / "v.mp4", range(5))
    with av.open(str(source)) as read, av.open(str(tmp_path / "v.mkv"), "w") as written:
        stream = written.add_stream_from_template(read.streams.video[0])
        for packet in read.demux(read.streams.video[0]):
            if packet.dts is not None:
                packet.stream = stream
                written.mux(packet)
    first, second = ([frame.pixel_hash for frame in decoded(tmp_path / name).frames] for name in ("v.mp4", "v.mkv"))
    assert first == second


def test_line_padding_has_no_influence_on_the_hash() -> None:
    rng = np.random.default_rng(1)
    for name, shape in (("yuv420p", (36, 50)), ("rgb24", (24, 50, 3)), ("gray", (24, 50)), ("nv12", (36, 50))):
        pixels = rng.integers(0, 256, shape, dtype=np.uint8)
        frames = [av.VideoFrame.from_ndarray(pixels, format=name) for _ in range(2)]
        for value, frame in zip((0, 255), frames, strict=True):
            for plane in frame.planes:
                lines = np.frombuffer(memoryview(plane), np.uint8).copy().reshape(plane.height, plane.line_size)
                used = 150 if name == "rgb24" else 50 if plane.width == 50 or name == "nv12" else 25
                lines[:, used:] = value
                plane.update(lines.tobytes())
        assert pixel_hash(frames[0]) == pixel_hash(frames[1])
        changed = pixels.copy()
        changed[-1, -1] ^= 1
        assert pixel_hash(av.VideoFrame.from_ndarray(changed, format=name)) != pixel_hash(frames[0])


@pytest.mark.parametrize("name", ["pal8", "rgb0", "monow", "yuv420p10le", "gbrp", "ya8", "yuyv422"])
def test_every_pixel_format_has_a_hash(name: str) -> None:
    frames = [av.VideoFrame.from_ndarray(picture(seed), format="rgb24") for seed in (1, 1, 2)]
    if name == "pal8":
        hashes = []
        for seed in (1, 1, 2):
            indices = picture(seed)[..., 0].copy()
            palette = np.random.default_rng(0).integers(0, 256, (256, 4), dtype=np.uint8)
            hashes.append(pixel_hash(av.VideoFrame.from_ndarray((indices, palette), format="pal8")))  # type: ignore[arg-type]
    else:
        hashes = [pixel_hash(frame.reformat(format=name)) for frame in frames]
    assert hashes[0] == hashes[1] != hashes[2]


@pytest.mark.parametrize("suffix", [".mp4", ".avi", ".mkv", ".webm", ".ts"])
def test_frames_lost_in_the_middle_are_missed(tmp_path: Path, suffix: str) -> None:
    content = bytearray(write_video(tmp_path / f"v{suffix}", range(60), size=(320, 240)).read_bytes())
    middle = len(content) // 2
    content[middle : middle + len(content) // 8] = bytes(len(content) // 8)
    (tmp_path / f"hole{suffix}").write_bytes(content)
    video = decoded(tmp_path / f"hole{suffix}", threshold=0)
    damaged = sum(bool(frame.fault) for frame in video.frames)
    assert damaged + video.missing > 0
    assert video.is_corrupt
    assert 58 <= len(video.frames) + video.missing <= 62


def test_pauses_of_a_sound_video_are_no_damage(tmp_path: Path) -> None:
    pts = [0, 100, 200, 300, 2000, 2100, 2200, 9000, 9100, 9200]
    video = decoded(write_video(tmp_path / "v.mkv", range(10), pts=pts), threshold=0)
    assert (video.missing, video.is_corrupt) == (0, False)


def test_files_that_are_no_video_are_corrupt_with_a_reason(tmp_path: Path) -> None:
    (tmp_path / "secret.mp4").write_bytes(write_video(tmp_path / "v.mp4", [1]).read_bytes())
    (tmp_path / "empty.mp4").write_bytes(b"")
    (tmp_path / "text.mp4").write_text("no video")
    (tmp_path / "list.mp4").write_text(f"ffconcat version 1.0\nfile {tmp_path / 'secret.mp4'}\n")
    (tmp_path / "playlist.mp4").write_text("#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nsecret.mp4\n#EXT-X-ENDLIST\n")
    Image.fromarray(picture(1)).save(tmp_path / "picture.png")
    (tmp_path / "picture.mp4").write_bytes((tmp_path / "picture.png").read_bytes())
    for name in ("empty", "text", "list", "playlist", "picture"):
        video, proxies = decoded_with_proxies(tmp_path / f"{name}.mp4")
        assert video.is_corrupt
        assert not video.frames
        assert not proxies
        assert video.reason == "the file is empty" if name == "empty" else "cannot be opened as a video" in video.reason
        assert declared_frames(tmp_path / f"{name}.mp4") == 0


def test_a_video_with_too_large_frames_is_refused_from_its_header(tmp_path: Path) -> None:
    path = write_video(tmp_path / "v.mp4", [1, 2])
    video, _ = decoded_with_proxies(path, max_pixels=64 * 48 - 1)
    assert video.is_corrupt
    assert video.reason == "frames of 64 x 48 = 3072 pixels, more than clean.max_pixels (3071)"
    assert not decoded_with_proxies(path, max_pixels=64 * 48)[0].is_corrupt


def test_proxies_are_never_enlarged_and_scaled_to_the_short_side(tmp_path: Path) -> None:
    path = write_video(tmp_path / "v.mp4", [1], size=(320, 160))
    for proxy_size, expected in ((80, (160, 80)), (512, (320, 160))):
        proxy = Image.open(io.BytesIO(decoded_with_proxies(path, proxy_size=proxy_size)[1][0]))
        assert proxy.size == expected
        difference = np.asarray(proxy, np.int16) - np.asarray(
            Image.fromarray(picture(1, 320, 160)).resize(expected), np.int16
        )
        assert np.abs(difference).mean() < 12


@pytest.mark.thorough
def test_mutated_videos_never_lose_frames_silently(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    for suffix in (".mp4", ".avi", ".webm", ".mkv"):
        sound = write_video(tmp_path / f"v{suffix}", range(30)).read_bytes()
        for number in range(12):
            content = bytearray(sound)
            for _ in range(rng.integers(1, 30)):
                content[rng.integers(len(content))] = rng.integers(256)
            path = tmp_path / f"m{number}{suffix}"
            path.write_bytes(content)
            video, proxies = decoded_with_proxies(path, threads=0)
            faults = sum(bool(frame.fault) for frame in video.frames)
            if not video.is_corrupt:
                assert (faults + video.missing) <= 0.1 * (len(video.frames) + video.missing)
                assert bool(video.missing) == bool(video.reason)
                assert len(video.frames) + video.missing >= 27  # a few at a cut end are within the tolerance
            else:
                assert video.reason
            if suffix != ".webm":
                assert decoded_with_proxies(path, threads=3) == (video, proxies)


@pytest.mark.thorough
def test_real_videos_are_complete(shared_data: Path) -> None:
    expected = {
        "videos_batch1/mdn_flower.webm": 150,
        "videos_batch2/carnd_test_video.mp4": 38,
        "videos_formats/flower_h264.mov": 150,
        "videos_formats/flower_mpeg4.avi": 150,
        "videos_formats/flower_vp9.mkv": 150,
    }
    for name, frames in expected.items():
        video = decoded(shared_data / name)
        assert (len(video.frames), video.missing, video.is_corrupt) == (frames, 0, False), name
        assert declared_frames(shared_data / name) == frames


@pytest.mark.thorough
def test_real_videos_that_were_cut_are_corrupt(shared_data: Path, tmp_path: Path) -> None:
    for name in ("mdn_flower.webm", "carnd_solidWhiteRight.mp4"):
        source = shared_data / "videos_batch1" / name
        video = decoded(cut(source, tmp_path / name, 0.5), threads=0)
        assert video.is_corrupt
        assert "missing of" in video.reason
