"""The frames that videos say they have: an error of any kind is no frame, and ends nothing."""

from pathlib import Path

import pytest

from curation.video.declared import declared_frames
from tests.media_files import write_video


@pytest.mark.parametrize("function", ["open_video", "video_stream"])
def test_whatever_a_library_raises_is_no_number_of_frames(
    tmp_path: Path, function: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    video = write_video(tmp_path / "a.mp4", range(3))
    assert declared_frames(video) == 3

    def fail(*_: object) -> None:
        raise OverflowError("Python int too large to convert to C long")

    monkeypatch.setattr(f"curation.video.declared.{function}", fail)
    assert declared_frames(video) == 0
