"""The speed of writing selected frames in full size, beside two plain ways. All figures of a table are from one run.

`python -m benchmarks.export --videos 10 --frames 600 --wanted 1000`

Videos of 720p are made, H.264 with a key frame every 250 frames; the wanted frames are spread over all of them. The
plain ways decode each video from its start for each frame (timed on a part, and extrapolated), or decode every video
once; both write the same JPEG files. All use one process, and must give the same pictures.
"""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import av
import click
import pandas as pd

from benchmarks.sparse_sampling import make_video
from curation.export.batches import Settings
from curation.export.images import export_images
from curation.video.frame import upright_image
from curation.workers.outcomes import Limits

_QUALITY = 95
_PART = 20
"""Frames that the slowest way is timed on."""


def wanted_frames(videos: int, frames: int, wanted: int) -> pd.DataFrame:
    """Spread the wanted frames evenly over all frames of all videos."""
    places = [round(number * (videos * frames - 1) / max(1, wanted - 1)) for number in range(wanted)]
    rows = [(f"{place // frames:02d}.mp4", place % frames) for place in sorted(set(places))]
    table = pd.DataFrame(rows, columns=["raw_path", "frame"])
    table["filename"] = [f"{path[:-4]}-{frame:04d}-mp4.png" for path, frame in rows]
    return table.assign(pixel_hash="", content_hash="")


def once(samples: pd.DataFrame, raw: Path, target: Path) -> None:
    """Decode every video once, from its start to its end, and write the wanted frames."""
    target.mkdir()
    for path, group in samples.groupby("raw_path"):
        names = dict(zip(group["frame"], group["filename"], strict=True))
        with av.open(str(raw / str(path))) as container:
            container.streams.video[0].thread_type = "AUTO"
            for index, frame in enumerate(container.decode(video=0)):
                if index in names:
                    _save(frame, target / names[index])


def from_start(samples: pd.DataFrame, raw: Path, target: Path) -> None:
    """Decode the video from its start for each frame."""
    target.mkdir()
    for path, index, name in zip(samples["raw_path"], samples["frame"], samples["filename"], strict=True):
        with av.open(str(raw / path)) as container:
            container.streams.video[0].thread_type = "AUTO"
            for place, frame in enumerate(container.decode(video=0)):
                if place == index:
                    _save(frame, target / name)
                    break


def ours(samples: pd.DataFrame, raw: Path, target: Path) -> None:
    """Export as `python -m curate export images` does, with one worker."""
    settings = Settings("jpg", None, ("mp4",), 10**8)
    assert not export_images(samples, raw, target, settings, workers=1, limits=Limits(600, None))


def _save(frame: av.VideoFrame, path: Path) -> None:
    upright_image(frame).save(path.with_suffix(".jpg"), "JPEG", quality=_QUALITY, subsampling=0)


def _timed(export: Callable[[pd.DataFrame, Path, Path], None], samples: pd.DataFrame, raw: Path, target: Path) -> float:
    start = time.perf_counter()
    export(samples, raw, target)
    return time.perf_counter() - start


@click.command()
@click.option("--videos", default=10, show_default=True)
@click.option("--frames", default=600, show_default=True, help="Frames of each video.")
@click.option("--wanted", default=1000, show_default=True, help="Frames to export.")
def main(videos: int, frames: int, wanted: int) -> None:
    """Time the export of selected frames."""
    samples = wanted_frames(videos, frames, wanted)
    with tempfile.TemporaryDirectory() as name:
        raw = Path(name) / "raw"
        raw.mkdir()
        for number in range(videos):
            make_video(raw / f"{number:02d}.mp4", frames, 250, (1280, 720), 30)
        seconds = {"ours": _timed(ours, samples, raw, Path(name) / "ours")}
        seconds["every video once"] = _timed(once, samples, raw, Path(name) / "once")
        part = samples.iloc[:: max(1, len(samples) // _PART)]
        share = _timed(from_start, part, raw, Path(name) / "start")
        seconds["from the start for each frame"] = share * len(samples) / len(part)
        for file in sorted((Path(name) / "once").iterdir()):
            assert file.read_bytes() == (Path(name) / "ours" / file.name).read_bytes(), file.name
    click.echo(f"{len(samples)} frames of {videos} videos of {frames} frames, 720p, as JPEG\n")
    for way, taken in seconds.items():
        click.echo(f"{way:30} {taken:8.1f} s   {taken / seconds['ours']:6.2f} times ours")


if __name__ == "__main__":
    main()
