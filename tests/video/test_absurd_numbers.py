"""Videos whose containers state absurd numbers: every file is accounted for, and nothing raises."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from benchmarks.container_fields import FIELDS, STAMP, VARIABLE, Field, written
from benchmarks.mutated_fields import SOURCES, run, with_extreme_fields
from curation.video.evidence import Tally
from curation.video.structure.findings import Structure
from tests.media_files import VIDEO_FORMATS, write_video_as


@pytest.mark.parametrize("name", ["h264.mp4", "h264.mkv", "mpeg4.avi", "vp8.ogv", "h264.ts", "mpeg2.mpg", "h264.flv"])
def test_fields_are_found_where_the_numbers_are(tmp_path: Path, name: str) -> None:
    content = write_video_as(tmp_path / name, VIDEO_FORMATS[name], frames=14).read_bytes()
    fields = list(FIELDS[Path(name).suffix](content))
    assert len({field.name for field in fields}) > 4
    for field in fields:
        before = content[field.at : field.at + field.length]
        if field.kind == VARIABLE and len(before) == field.length:
            assert written(field, int.from_bytes(before, "big"), before) == before
        if field.kind == STAMP and len(before) == 5 and before[0] & before[2] & before[4] & 1:
            high, middle, low = (
                before[0] >> 1 & 7,
                int.from_bytes(before[1:3], "big"),
                int.from_bytes(before[3:], "big"),
            )
            assert written(field, high << 30 | middle >> 1 << 15 | low >> 1, before) == before
    changed, said = with_extreme_fields(content, Path(name).suffix, np.random.default_rng(1))
    assert changed != content
    assert len(changed) == len(content)
    assert said


def test_values_are_written_as_far_as_they_fit() -> None:
    assert written(Field("n", 0, 2), -1, b"\0\0") == b"\xff\xff"
    assert written(Field("n", 0, 2, "little"), 0x10203, b"\0\0") == b"\x03\x02"
    assert written(Field("n", 0, 2, VARIABLE), 5, b"\0\0") == b"\x40\x05"


def test_time_stamps_beyond_all_sense_are_counted_without_an_error() -> None:
    tally = Tally(decoded=3, shown_packets=3, errors=1, structure=Structure())
    tally.frame_pts.extend((-(2**62), 0, 2**63 - 1))
    tally.damage_pts = {2**63 - 1, -(2**63) + 1}

    tally.time_base = Fraction(2**31 - 1)
    assert 0 <= tally.missing() <= 10**9


@pytest.mark.thorough
def test_every_file_is_accounted_for(tmp_path: Path) -> None:
    counts, wrong = run(tmp_path, len(SOURCES), seed=9, workers=2)
    assert sum(counts.values()) == len(SOURCES)
    assert [line for line in wrong if "given up" not in line] == []
    assert {outcome for _, outcome in counts} >= {"kept", "corrupt"}
