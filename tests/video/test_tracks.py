"""Files with several video tracks, and what is told of a video that is not as usual."""

from pathlib import Path

import av
import numpy as np
import pytest

from curation.video.frame import upright_image
from curation.video.reader import read_frames
from curation.video.sampling import EVERY_FRAME, FrameChoice
from tests.decoded_videos import decoded
from tests.media_files import TrackOfTest, cut, picture, write_tracks, write_video

LIMIT = 10**6
SMALL, LARGE = (64, 48), (96, 64)


@pytest.mark.parametrize(
    ("tracks", "taken"),
    [
        ([TrackOfTest(range(3)), TrackOfTest(range(3, 6))], 0),
        ([TrackOfTest(range(3)), TrackOfTest(range(3, 6), LARGE)], 1),
        ([TrackOfTest(range(3), is_default=True), TrackOfTest(range(3, 6), LARGE)], 0),
        ([TrackOfTest(range(3), LARGE), TrackOfTest(range(3, 6), is_default=True)], 1),
    ],
)
def test_the_track_that_ffmpeg_takes_by_default_is_read_and_the_others_are_told(
    tmp_path: Path, tracks: list[TrackOfTest], taken: int
) -> None:
    path = write_tracks(tmp_path / "v.mkv", tracks)
    frames = list(read_frames(path, max_pixels=LIMIT, threads=1))
    assert len(frames) == 3
    seed = tracks[taken].seeds[0]
    assert np.array_equal(np.asarray(upright_image(frames[0])), picture(seed, *tracks[taken].size))
    for choice in (EVERY_FRAME, FrameChoice(fps=5)):
        video = decoded(path, choice)
        assert not video.is_corrupt
        assert video.reason == f"video track {taken + 1} of 2: see ingest.video_tracks"


def test_a_corrupt_video_tells_of_its_other_track(tmp_path: Path) -> None:
    path = write_tracks(tmp_path / "v.mkv", [TrackOfTest(range(30)), TrackOfTest(range(30, 60))])
    video = decoded(cut(path, tmp_path / "cut.mkv", 0.5))
    assert video.is_corrupt
    assert video.reason.endswith("; video track 1 of 2: see ingest.video_tracks")


@pytest.mark.parametrize(("transfer", "name"), [(16, "PQ"), (18, "HLG")])
def test_a_high_dynamic_range_is_told(tmp_path: Path, transfer: int, name: str) -> None:
    path = tmp_path / "v.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=10)
        stream.width, stream.height, stream.pix_fmt = *SMALL, "yuv420p10le"
        stream.codec_context.color_trc = transfer
        frame = av.VideoFrame.from_ndarray(picture(1, *SMALL), format="rgb24").reformat(format="yuv420p10le")
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    assert decoded(path).reason == f"its high dynamic range ({name}) is brought to the usual one"


def test_transparency_that_the_decoder_does_not_read_is_told(tmp_path: Path) -> None:
    path = write_video(
        tmp_path / "v.webm", range(2), pixel_format="yuva420p", options={"auto-alt-ref": "0", "cpu-used": "8"}
    )
    assert decoded(path).reason == "its transparency is not read"


def test_of_a_usual_video_nothing_is_told(tmp_path: Path) -> None:
    assert decoded(write_video(tmp_path / "v.mp4", range(3))).reason == ""
