"""The demo's clips are what they claim to be, are the same every time, and never replace a user's data."""

import shutil
import subprocess
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import av
import numpy as np
import pytest
from click.testing import CliRunner
from numpy.typing import NDArray
from PIL import Image

from curation.core.errors import CurationError, RawDataError
from demo import run_demo
from demo.drives import CLIPS
from demo.make_demo_data import BATCHES, SEED, SIZE, encode, main, make_demo_data, pictures

pytestmark = pytest.mark.xdist_group("demo")  # what its tests share is made once, not once a process

FILES = {
    "batch1/city/broken_download.mp4",
    "batch1/city/rain.webm",
    "batch1/city/red_light.mp4",
    "batch1/highway/dusk.mkv",
    "batch1/highway/dusk_copy.mkv",
    "batch2/country/autumn.avi",
    "batch2/highway/night.mkv",
}
BROKEN = "batch1/city/broken_download.mp4"
WHOLE = sorted(FILES - {BROKEN})


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("demo") / "clips"
    make_demo_data(folder)
    yield folder
    shutil.rmtree(folder)


def decoded(path: Path) -> NDArray[np.uint8]:
    """Frames of a video: shape (frames, height, width), brightness 0 to 255."""
    with av.open(str(path)) as container:
        return np.stack([frame.to_ndarray(format="gray") for frame in container.decode(video=0)]).astype(np.uint8)


@pytest.mark.thorough
@pytest.mark.xdist_group("demo")
def test_the_files_are_the_documented_ones(clips: Path) -> None:
    assert {path.relative_to(clips).as_posix() for path in clips.rglob("*") if path.is_file()} == FILES
    assert sorted(path.name for path in clips.iterdir()) == list(BATCHES)


@pytest.mark.thorough
@pytest.mark.xdist_group("demo")
@pytest.mark.parametrize("name", WHOLE)
def test_a_clip_decodes_completely(clips: Path, name: str) -> None:
    frames = decoded(clips / name)
    assert 60 <= len(frames) <= 100
    assert frames.shape[1:] == (SIZE[1], SIZE[0])
    assert frames.std() > 10


@pytest.mark.thorough
@pytest.mark.xdist_group("demo")
def test_the_broken_file_does_not_decode(clips: Path) -> None:
    with pytest.raises(av.error.FFmpegError):
        decoded(clips / BROKEN)


@pytest.mark.thorough
@pytest.mark.xdist_group("demo")
def test_the_duplicate_is_exact(clips: Path) -> None:
    first = clips / "batch1/highway"
    assert (first / "dusk.mkv").read_bytes() == (first / "dusk_copy.mkv").read_bytes()


@pytest.mark.thorough
@pytest.mark.xdist_group("demo")
def test_frames_at_the_red_light_are_nearly_but_not_exactly_equal(clips: Path) -> None:
    frames = decoded(clips / "batch1/city/red_light.mp4")
    assert len(np.unique(frames.reshape(len(frames), -1), axis=0)) == len(frames)
    standing, driving = frames[34:78].astype(float), frames[:28].astype(float)
    change_standing = np.abs(np.diff(standing, axis=0)).mean()
    change_driving = np.abs(np.diff(driving, axis=0)).mean()
    assert change_standing < 1.5
    assert change_driving > 3 * change_standing


@pytest.mark.thorough
@pytest.mark.parametrize("number", range(len(CLIPS)))
def test_equal_seeds_give_equal_bytes(tmp_path: Path, number: int) -> None:
    contents = []
    for seed in (SEED, SEED, SEED + 1):
        rng = np.random.default_rng([seed, number])
        clip = CLIPS[number](rng)
        path = tmp_path / f"clip{Path(clip.path).suffix}"
        encode(islice(pictures(clip, rng), 6), SIZE, clip.encoding, path)
        contents.append(path.read_bytes())
    assert contents[0] == contents[1] != contents[2]


def test_encoding_does_not_depend_on_what_the_memory_held(tmp_path: Path) -> None:
    """x264 has done so for pictures whose sides are no multiples of 16."""
    rng = np.random.default_rng(SEED)
    clip = CLIPS[0](rng)
    painted = list(islice(pictures(clip, rng), 16))
    contents = set()
    for number in range(3):
        ballast = [np.full((number + 1, 300_000), number, np.uint8) for _ in range(5)]
        del ballast
        encode(iter(painted), SIZE, clip.encoding, tmp_path / "clip.mp4")
        contents.add((tmp_path / "clip.mp4").read_bytes())
    assert len(contents) == 1


def test_existing_folders_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "batch2").mkdir()
    result = CliRunner().invoke(main, [str(tmp_path)])
    assert result.exit_code == 1
    assert "batch2 exists already" in result.output
    assert [path.name for path in tmp_path.iterdir()] == ["batch2"]


@pytest.fixture
def few(tmp_path: Path) -> Path:
    """Two batches of small files in the layout of the demo's clips."""
    folder = tmp_path / "clips"
    for name in ("batch1/city/a.mp4", "batch1/highway/b.mkv", "batch2/country/c.avi"):
        (folder / name).parent.mkdir(parents=True)
        (folder / name).write_text(name)
    return folder


def test_place_copies_the_first_batch_once(few: Path, tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    assert run_demo.place(few, raw) == ["city/a.mp4", "highway/b.mkv"]
    assert (raw / "city/a.mp4").read_text() == "batch1/city/a.mp4"
    assert run_demo.place(few, raw) == []


def test_place_completes_what_an_interrupted_run_left(few: Path, tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    run_demo.place(few, raw)
    (raw / "highway/b.mkv").rename(raw / "highway/.writing-1-b.mkv")
    assert run_demo.place(few, raw) == ["highway/b.mkv"]


def test_place_accepts_the_second_batch(few: Path, tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    run_demo.place(few, raw)
    shutil.copytree(few / "batch2", raw, dirs_exist_ok=True)
    assert run_demo.place(few, raw) == []


@pytest.mark.parametrize("name", ["mine.mp4", "city/a.mp4"])
def test_place_never_touches_other_data(few: Path, tmp_path: Path, name: str) -> None:
    raw = tmp_path / "raw"
    (raw / name).parent.mkdir(parents=True)
    (raw / name).write_text("a user's video")
    with pytest.raises(RawDataError, match=f"not the demo's: '{name}'.*dvc repro"):
        run_demo.place(few, raw)
    assert list(run_demo.files_below(raw)) == [name]
    assert (raw / name).read_text() == "a user's video"


def test_a_folder_without_git_or_dvc_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    with pytest.raises(CurationError, match="not a git repository"):
        run_demo.check_repository(tmp_path)
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)
    with pytest.raises(CurationError, match=r"not a DVC repository.*dvc init"):
        run_demo.check_repository(tmp_path)
    (tmp_path / ".dvc").mkdir()
    (tmp_path / ".dvc/config").touch()
    run_demo.check_repository(tmp_path)


def test_a_failing_pipeline_ends_the_demo(few: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(run_demo, "CLIPS", few)
    monkeypatch.setattr(run_demo, "check_repository", lambda root: None)
    monkeypatch.setattr(run_demo, "repro", lambda: 255)
    result = CliRunner().invoke(run_demo.main)
    assert result.exit_code == 1
    assert "dvc repro ended with status 255" in result.output
    monkeypatch.setattr(run_demo, "repro", lambda: 0)
    result = CliRunner().invoke(run_demo.main)
    assert result.exit_code == 0
    assert str(tmp_path / "reports/report.pdf") in result.output
    assert str(tmp_path / "reports/report.html") in result.output
    assert f"cp -r {Path('demo/clips/batch2')}/. data/raw/" in result.output


def test_pictures_are_rgb_of_the_size(tmp_path: Path) -> None:
    for number, make in enumerate(CLIPS):
        rng = np.random.default_rng([SEED, number])
        picture = next(pictures(make(rng), rng))
        assert isinstance(picture, Image.Image)
        assert (picture.mode, picture.size) == ("RGB", SIZE)
