"""Crops of whole runs: images and videos, several processes, and what stays of the shards."""

import zipfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from curation.cleaning.crop_shards import crop_shard, is_crop_shard
from curation.cleaning.crops import CROPS, crops_of, move_crops
from curation.cleaning.decode_file import DecodedFile, Settings, decode_file, gather_shard
from curation.cleaning.full_size import read_raw_samples
from curation.cleaning.tasks import Boxes, files_of, tasks_of
from curation.core.kinds import IMAGE, VIDEO
from curation.image.crops import WantedBox
from curation.image.proxies import ProxyReader
from curation.video import decode
from curation.video.packet_index import UnsureError
from tests.media_files import VIDEO_FORMATS, write_image, write_video, write_video_as

SETTINGS = Settings(
    max_pixels=10**6, proxy_size=32, corruption_threshold=0.1, decode_timeout_s=60, decode_memory_mb=1024
)
FRAMES = [1, 2, 2, 3, 4, 5]
BOX = (8.0, 8.0, 32.0, 48.0)
BOXES: Mapping[str, Boxes] = {
    "i/01.png": {0: [WantedBox(0, (0, 0, 16, 16)), WantedBox(1, (0, 0, 2, 2)), WantedBox(2, (8, 8, 16, 16))]},
    "i/02.png": {0: [WantedBox(3, (900, 0, 16, 16))]},
    "v.mp4": {index: [WantedBox(10 + index, BOX)] for index in (0, 1, 2, 4, 99)},
}


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("raw")
    for number in range(3):
        write_image(folder / "i" / f"{number:02d}.png", number)
    write_video(folder / "v.mp4", FRAMES, rotation=90)
    return folder


def decoded(raw: Path, shards: Path, boxes: Mapping[str, Boxes], threads: int) -> list[DecodedFile]:
    """Decode all files in this process."""
    shards.mkdir()
    files = [("i/00.png", IMAGE, 1), ("i/01.png", IMAGE, 1), ("i/02.png", IMAGE, 1), ("v.mp4", VIDEO, len(FRAMES))]
    found = []
    for number, task in enumerate(tasks_of(files, boxes=boxes)):
        chunk = files_of(task, f"task-{number}")
        made = [
            decode_file(file, threads, lambda _: None, raw_folder=raw, shard_folder=shards, settings=SETTINGS)
            for file in chunk
        ]
        if task.media == IMAGE:
            gather_shard(shards, chunk[0].shard, made)
        found += made
    return sorted(found, key=lambda file: file.path)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_crops_go_into_shards_of_their_own_whatever_the_number_of_threads(raw: Path, tmp_path: Path) -> None:
    without = decoded(raw, tmp_path / "without", {}, 1)
    assert not any(file.crops for file in without)
    files = decoded(raw, tmp_path / "one", BOXES, 1)
    assert [str(file.samples) for file in files] == [str(file.samples) for file in without]  # with NaN
    plain, cut = contents(tmp_path / "without"), contents(tmp_path / "one")
    assert {name: cut[name] for name in plain} == plain
    found = {file.path: [(crop.frame, crop.key, crop.member) for crop in file.crops] for file in files}
    assert found == {
        "i/00.png": [],
        "i/01.png": [(0, 0, "00000001-0000.jpg"), (0, 2, "00000001-0002.jpg")],
        "i/02.png": [],
        # Frame 2 has the pixels of frame 1, so it is no sample; there is no frame 99.
        "v.mp4": [(index, 10 + index, f"{index:08d}-0000.jpg") for index in (0, 1, 4)],
    }
    assert len(cut) == len(plain) + 2
    decoded(raw, tmp_path / "four", BOXES, 4)
    assert contents(tmp_path / "four") == cut


@pytest.mark.parametrize("is_damaged", [False, True])
def test_groups_give_the_crops_that_decoding_in_one_go_gives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_damaged: bool
) -> None:
    raw = write_video_as(tmp_path / "raw" / "v.mp4", VIDEO_FORMATS["h264.mp4"], frames=90)
    if is_damaged:  # found in the last group, so that what was cut before is void
        content = bytearray(raw.read_bytes())
        place = content.index(b"mdat") + (content.index(b"moov") - content.index(b"mdat")) * 9 // 10
        content[place : place + 400] = bytes(400)
        raw.write_bytes(content)
    boxes: Mapping[str, Boxes] = {"v.mp4": {index: [WantedBox(index, BOX)] for index in (0, 1, 40, 41, 70, 500)}}
    found = []
    for number, groups in enumerate((decode._decode_groups, _unsure)):
        monkeypatch.setattr(decode, "_decode_groups", groups)
        (task,) = tasks_of([("v.mp4", VIDEO, 90)], boxes=boxes)
        (file,) = files_of(task, "task")
        (shards := tmp_path / f"{number}").mkdir()
        settings = replace(SETTINGS, corruption_threshold=1.0)
        made = decode_file(file, 4, lambda _: None, raw_folder=raw.parent, shard_folder=shards, settings=settings)
        found.append((list(made.crops), contents(shards)))
    assert found[0] == found[1]
    assert [crop.frame for crop in found[0][0]][:5] == [0, 1, 40, 41, 70]


def _unsure(*_: object) -> None:
    raise UnsureError("for a test")


def test_a_frame_is_cut_upright(raw: Path, tmp_path: Path) -> None:
    (file,) = [file for file in decoded(raw, tmp_path / "shards", BOXES, 1) if file.path == "v.mp4"]
    (upright,) = read_raw_samples(raw, [("v.mp4", 0)], video_extensions=["mp4"], max_pixels=10**6)
    assert upright is not None
    assert (file.samples[0].width, file.samples[0].height) == upright.size == (48, 64)
    expected = np.asarray(upright.crop((8, 8, 40, 56))).astype(int)
    with ProxyReader(tmp_path / "shards") as reader:
        crop = reader.array(crop_shard(file.shard), file.crops[0].member).astype(int)
        assert crop.shape == (48, 32, 3)
        assert np.abs(crop - expected).mean() < 10 < 20 < np.abs(crop[::-1] - expected).mean()


def test_crops_of_samples_stay_and_their_shards_hold_no_others(raw: Path, tmp_path: Path) -> None:
    files = decoded(raw, tmp_path / "shards", BOXES, 1)
    (target := tmp_path / "crops").mkdir()
    samples = pd.DataFrame({"filename": ["v-4", "v-0"], "content_hash": "V", "frame": [4, 0], "pixel_hash": "p"})
    crops = crops_of(samples, files, {file.path: file.path[0].upper() for file in files})
    assert list(crops.columns) == CROPS
    assert crops[["filename", "key", "left", "width"]].to_numpy().tolist() == [["v-0", 10, 8, 32], ["v-4", 14, 8, 32]]
    moved = move_crops(crops[1:], tmp_path / "shards", target)
    assert not [name for name in contents(tmp_path / "shards") if is_crop_shard(name)]
    assert list(contents(target)) == list(moved["shard"])
    with zipfile.ZipFile(target / moved["shard"].iloc[0]) as archive:
        assert archive.namelist() == list(moved["member"]) == ["00000004-0000.jpg"]
