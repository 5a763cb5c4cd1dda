"""Damage of every kind, in every format: nothing crashes, hangs, goes unaccounted, or is lost without a word."""

import zlib
from pathlib import Path

import av
import numpy as np
import pytest

from benchmarks.byte_damage import MUTATIONS
from benchmarks.mutated_media import failures, run
from benchmarks.sound_media import write_sound_videos
from curation.video.structure.examine import examine
from curation.video.structure.findings import Structure
from tests.media_files import VIDEO_FORMATS, write_video_as

WITH_READERS = (
    "h264-fragmented.mp4", "mpeg4-fragmented.mp4", "h264.mkv", "vp8.webm", "h264.flv", "wmv2.wmv", "mpeg1.mpg",
    "h264.ts", "h264.m2ts", "vp8.ogv",
)  # fmt: skip
"""A format of each container whose structure is read, in each of its layouts."""


def _structure(path: Path, like: Path) -> Structure:
    """Read the structure of a file as of the container that a sound file has."""
    with av.open(str(like)) as container:
        kind, number = container.format.name, container.streams.video[0].id
    structure = examine(path, kind, number)
    assert structure is not None
    return structure


@pytest.mark.parametrize("name", WITH_READERS)
def test_a_cut_file_does_not_pass_for_a_whole_one(tmp_path: Path, name: str) -> None:
    sound, cut = write_video_as(tmp_path / name, VIDEO_FORMATS[name], frames=14), tmp_path / "cut"
    content, whole = sound.read_bytes(), _structure(sound, sound)
    assert (whole.is_whole is False, whole.fault) == (False, "")
    for share in (0.3, 0.6, 0.9):
        cut.write_bytes(content[: int(share * len(content))])
        part = _structure(cut, sound)
        assert set(part.times) <= set(whole.times)
        assert (part.is_whole, part.fault != "") == (False, True)


@pytest.mark.thorough
@pytest.mark.parametrize("name", WITH_READERS)
def test_no_damage_is_too_much_for_a_reader_of_structure(tmp_path: Path, name: str) -> None:
    sound, damaged = write_video_as(tmp_path / name, VIDEO_FORMATS[name], frames=14), tmp_path / "damaged"
    content = sound.read_bytes()
    noticed = set()
    for mutation, mutate in MUTATIONS.items():
        for number in range(10):
            rng = np.random.default_rng((zlib.crc32(f"{name} {mutation}".encode()), number))
            damaged.write_bytes(mutate(content, rng))
            structure = _structure(damaged, sound)
            assert len(structure.times) + structure.untimed <= damaged.stat().st_size
            if structure.fault or structure.is_whole is False:
                noticed.add(mutation)
    assert {"truncated", "removed block", "inserted bytes"} <= noticed


@pytest.mark.thorough
def test_damaged_files_are_all_accounted_for(tmp_path: Path) -> None:
    verdicts = run(tmp_path, images=150, videos=200, seed=4, workers=2, threshold=0.1)
    assert len(verdicts) == 350
    assert [(verdict.case.path, verdict.outcome, verdict.silent) for verdict in failures(verdicts)] == []
    assert {"kept", "corrupt"} <= {verdict.outcome for verdict in verdicts}
    assert sum(verdict.lost for verdict in verdicts) > 10


@pytest.mark.thorough
def test_sound_videos_are_the_same_from_the_same_seed(tmp_path: Path) -> None:
    names = write_sound_videos(tmp_path / "a", 3)
    assert write_sound_videos(tmp_path / "b", 3) == names
    assert [
        name for name in names if (tmp_path / "a" / name).read_bytes() != (tmp_path / "b" / name).read_bytes()
    ] == []
