"""The judge of damaged pictures in the benchmarks, and that it finds nothing to complain of."""

from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from benchmarks.picture_damage import (
    END_GONE,
    PICTURE_DAMAGE,
    SOUND,
    Photograph,
    judge_photographs,
    warning_of,
    wrongly_judged,
)
from curation.cleaning.decode_file import DecodedFile
from tests.media_files import moving_picture


def _photograph(path: Path) -> bytes:
    Image.fromarray(moving_picture(1, 0, 320, 240)).save(path, quality=90)
    return path.read_bytes()


def test_the_judge_hears_what_the_library_warns_of(tmp_path: Path) -> None:
    data = _photograph(tmp_path / "a.jpg")
    assert warning_of(data) == warning_of(data[:-2]) == warning_of(data[:-2] + b"\0" * 9 + data[-2:]) == ""
    cut = data[: len(data) // 2] + data[-2:]
    assert warning_of(cut) == "Corrupt JPEG data: premature end of data segment"
    (tmp_path / "cut.jpg").write_bytes(cut)
    kept = DecodedFile("a.jpg", "image", [], 0, is_corrupt=False, reason="", shard="")
    refused = replace(kept, is_corrupt=True, reason="so")
    assert "warns" in wrongly_judged(Photograph("cut.jpg", ".jpg", "cut and closed"), kept, tmp_path)
    assert "whole" in wrongly_judged(Photograph("a.jpg", ".jpg", SOUND), refused, tmp_path)
    assert "whole" in wrongly_judged(Photograph("a.jpg", ".jpg", END_GONE), refused, tmp_path)
    assert wrongly_judged(Photograph("a.jpg", ".jpg", SOUND), None, tmp_path) == "unaccounted"
    assert wrongly_judged(Photograph("cut.jpg", ".jpg", "cut and closed"), refused, tmp_path) == ""


@pytest.mark.thorough
def test_damaged_photographs_are_judged_rightly(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _photograph(tmp_path / "a.jpg")
    assert judge_photographs([tmp_path / "a.jpg"], tmp_path, 1, 1) == []
    told = capsys.readouterr().out
    assert all(kind in told for kind in PICTURE_DAMAGE)
