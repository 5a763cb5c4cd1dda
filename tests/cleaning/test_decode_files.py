"""Decoding side by side: what one file does to its decoder leaves all others as they are."""

import io
import os
import pickle
import re
from dataclasses import replace
from pathlib import Path

import pytest

from curation.cleaning.decode_file import DecodedFile, Settings, decode_file
from curation.cleaning.decode_files import Decode, decode_all, reason_of
from curation.cleaning.tasks import tasks_of
from curation.core.errors import OutputError, RawDataError
from curation.core.kinds import IMAGE, VIDEO
from curation.video.declared import declared_frames_of
from curation.workers.outcomes import Failure
from tests.hostile_decoders import count_or_do_harm, decode_or_do_harm, decode_where_a_function_raises
from tests.media_files import write_image, write_video

SETTINGS = Settings(
    max_pixels=100_000_000, proxy_size=64, corruption_threshold=0.1, decode_timeout_s=60, decode_memory_mb=512
)


def _decoded(
    folder: Path, *, workers: int = 1, settings: Settings = SETTINGS, decode: Decode = decode_or_do_harm
) -> tuple[dict[str, DecodedFile], dict[str, bytes]]:
    """Decode all files of a folder; return what became of each, and the shards."""
    paths = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    media = {path: VIDEO if path.endswith(".mp4") else IMAGE for path in paths}
    shards = folder.parent / "shards"
    shards.mkdir()
    tasks = tasks_of((path, media[path], 3 if media[path] == VIDEO else 1) for path in paths)
    files = decode_all(tasks, folder, shards, settings, workers, decode)
    assert [file.path for file in files] == paths
    contents = {path.name: path.read_bytes() for path in shards.iterdir()}
    for path in shards.iterdir():
        path.unlink()
    shards.rmdir()
    return {file.path: file for file in files}, contents


def _order(path: Path, order: str) -> None:
    """Let a file harm the process that has decoded it."""
    with path.open("ab") as file:
        file.write(f"\nORDER {order}".encode())


def _comparable(files: dict[str, DecodedFile]) -> dict[str, bytes]:
    """Return files in a form in which NaN equals NaN, without the temporary names of shards."""
    return {path: pickle.dumps(replace(file, samples=list(file.samples), shard="")) for path, file in files.items()}


@pytest.mark.thorough
@pytest.mark.parametrize("workers", [1, 2])
def test_files_that_harm_their_process_are_corrupt_and_leave_the_others_alone(tmp_path: Path, workers: int) -> None:
    raw = tmp_path / "raw"
    for number in range(20):
        write_image(raw / "i" / f"{number:02d}.png", number)
    for number in range(2):
        write_video(raw / f"{number}.mp4", range(3))
    harmless, shards = _decoded(raw)
    assert not any(file.is_corrupt for file in harmless.values())
    _order(raw / "i" / "03.png", "kill")
    _order(raw / "i" / "07.png", f"abort_once:{tmp_path / 'marker'}")
    _order(raw / "1.mp4", "segfault")
    files, remaining = _decoded(raw, workers=workers)
    assert (tmp_path / "marker").exists()
    assert {path: file.reason for path, file in files.items() if file.is_corrupt} == {
        "i/03.png": "its decoder was killed (signal 9, SIGKILL), as happens when a machine runs out of memory",
        "1.mp4": "its decoder crashed (signal 11, SIGSEGV)",
    }
    assert [(len(files[path].samples), files[path].missing) for path in ("i/03.png", "1.mp4")] == [(0, 1), (0, 3)]
    sound = {path: file for path, file in files.items() if not file.is_corrupt}
    assert len(sound) == 20
    assert _comparable(sound) == _comparable({path: harmless[path] for path in sound})
    assert set(remaining) == {"task-000000", "task-000002"}
    assert remaining["task-000000"] == shards["task-000000"]

    for path in ("i/03.png", "1.mp4"):
        (raw / path).write_bytes(b"no media")
    assert _decoded(raw)[1] == remaining


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (-6, "its decoder crashed (signal 6, SIGABRT)"),
        (-99, "its decoder crashed (signal 99, unknown)"),
        (3, "its decoder ended the process (exit status 3)"),
    ],
)
def test_a_death_is_told_in_words(status: int, words: str) -> None:
    assert reason_of(Failure("died", status), SETTINGS) == words


@pytest.mark.thorough
def test_a_decoder_without_end_and_one_without_measure_cost_their_file(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    for name, order in (("a", ""), ("b", "spin"), ("c", "allocate"), ("d", "")):
        write_image(raw / f"{name}.png", ord(name))
        if order:
            _order(raw / f"{name}.png", order)
    files, shards = _decoded(raw, settings=replace(SETTINGS, decode_timeout_s=0.4, decode_memory_mb=256))
    assert {path: file.reason for path, file in files.items()} == {
        "a.png": "",
        "b.png": "its decoder made no progress within clean.decode_timeout_s (0.4 s)",
        "c.png": "its decoder asks for more memory than clean.decode_memory_mb allows (256 MB)",
        "d.png": "",
    }
    assert len(shards) == 1
    assert reason_of(Failure("memory"), replace(SETTINGS, decode_memory_mb=None)).endswith("more memory than there is")


@pytest.mark.thorough
def test_images_share_a_shard_in_the_order_of_their_names(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    for number in range(40):
        write_image(raw / f"{number:02d}.png", number)
    contents = [_decoded(raw, workers=workers, decode=decode_file) for workers in (1, 3)]
    assert _comparable(contents[0][0]) == _comparable(contents[1][0])
    assert contents[0][1] == contents[1][1]
    assert set(contents[0][1]) == {"task-000000"}
    places = [content.find(b"%08d.jpg" % number) for content in contents[0][1].values() for number in range(40)]
    assert places == sorted(places)
    assert -1 not in places


def test_a_file_over_a_limit_names_the_limit(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    write_image(raw / "large.png", 1, 100, 80)
    write_image(raw / "small.png", 1, 10, 10)
    write_video(raw / "large.mp4", range(3))
    (raw / "damaged.png").write_bytes(b"no image")
    files, shards = _decoded(raw, settings=replace(SETTINGS, max_pixels=1000), decode=decode_file)
    assert {path: file.limit for path, file in files.items()} == {
        "damaged.png": "",
        "large.mp4": "clean.max_pixels",
        "large.png": "clean.max_pixels",
        "small.png": "",
    }
    assert files["large.png"].is_corrupt
    assert files["large.mp4"].is_corrupt
    assert len(shards) == 1


SEES_CONTENT = {
    "png": (
        *(
            "curation.cleaning.decode_file.decode_image",
            "curation.image.reading.open_image",
            "PIL.ImageFile.ImageFile.load",
        ),
        *("curation.image.decode.proxy_dimensions", "curation.image.decode.pixel_hash_of", "numpy.asarray"),
        *("curation.image.decode.small", "curation.image.decode.quality_of", "curation.image.decode.encode_jpeg"),
        *("curation.image.quality._perceptual_hash", "curation.image.decode.turned", "curation.image.reading._note"),
    ),
    "jpg": ("curation.image.reading.decode_planes", "curation.image.stored.blake3"),
    "mp4": (
        *("curation.cleaning.decode_file.decode_video", "av.open", "curation.video.frame_samples.quality_of"),
        *("curation.video.frame_samples.encode_jpeg", "curation.video.decode.judged", "curation.video.frame.blake3"),
    ),
}
"""Functions that see what a file holds, by the ending of the file; each raises in turn."""


@pytest.mark.thorough
def test_whatever_a_function_raises_that_sees_a_files_content_costs_that_file(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    raw.mkdir()
    functions = [(ending, name) for ending, names in SEES_CONTENT.items() for name in ("", *names)]
    for number, (ending, name) in enumerate(functions):
        path = raw / f"{number}@{name}.{ending}"
        write_video(path, range(3)) if ending == "mp4" else write_image(path, number)
    files, _ = _decoded(raw, decode=decode_where_a_function_raises)
    for number, (ending, name) in enumerate(functions):
        file = files[f"{number}@{name}.{ending}"]
        assert file.is_corrupt == bool(name), name
        assert not name or f"of {name}" in file.reason, (name, file.reason)


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.thorough
def test_progress_shows_files_and_frames(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    raw = tmp_path / "raw"
    write_image(raw / "a.png", 1)
    (raw / "b.png").write_bytes(b"no image")
    _order(write_video(raw / "v.mp4", range(5)), f"abort_once:{tmp_path / 'marker'}")
    terminal = _Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    _decoded(raw)
    assert (tmp_path / "marker").exists()
    last = terminal.getvalue().split("\r")[-1]
    assert last.startswith("decoding: 100%")
    assert " 7/7 " in last
    assert re.search(r"(frame/s|s/frame), 3 of 3 files", last)


@pytest.mark.thorough
def test_counting_the_frames_of_videos_outlives_their_decoders(tmp_path: Path) -> None:
    videos = [write_video(tmp_path / f"{number}.mp4", range(number)) for number in (1, 2, 3)]
    _order(videos[1], "segfault")
    (tmp_path / "4.mp4").write_bytes(b"no video")
    no_video = tmp_path / "4.mp4"
    assert declared_frames_of([*videos, no_video], count_or_do_harm) == {videos[0]: 1, videos[2]: 3, no_video: 0}
    assert declared_frames_of(videos) == dict(zip(videos, (1, 2, 3), strict=True))
    assert declared_frames_of([]) == {}


@pytest.mark.thorough
def test_what_is_no_file_any_more_ends_the_run(tmp_path: Path) -> None:
    raw, shards = tmp_path / "raw", tmp_path / "shards"
    raw.mkdir()
    shards.mkdir()
    os.mkfifo(raw / "pipe.png")
    for path, reason in (("pipe.png", "not a regular file"), ("gone.mp4", "No such file")):
        tasks = tasks_of([(path, IMAGE if path.endswith("png") else VIDEO, 1)])
        with pytest.raises(RawDataError, match=rf"raw file {path} could be read when .* but not now \({reason}"):
            decode_all(tasks, raw, shards, SETTINGS, 1)


def test_a_disk_that_cannot_be_written_is_no_fault_of_the_file(tmp_path: Path) -> None:
    write_image(tmp_path / "raw" / "a.png", 1)
    with pytest.raises(OutputError, match=r"proxies cannot be written .*No such file.*absent"):
        decode_all(tasks_of([("a.png", IMAGE, 1)]), tmp_path / "raw", tmp_path / "absent", SETTINGS, 1)
