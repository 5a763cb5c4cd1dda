"""The speed of sampling frames from a video, beside decoding all of it. All figures of a table are from one run.

`python -m benchmarks.sparse_sampling --frames 1800 --fps 1`

Two videos are made, H.264 with B-frames as most encoders write it, one with a key frame every 250 frames, one every 30;
`--video FILE` takes a file of yours instead. Every way of reading scales its frames to the size of a proxy, and gives
the very same pixels, or the program ends with an error. Rates are frames of the video a second: how long a video is
worked through in a second, whatever part of it is decoded. The first of two rounds fills the disk's cache.

Afterwards the same frames are fetched in full size, as for an export, beside decoding up to the last of them.
"""

import os
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice
from pathlib import Path

import av
import click
import numpy as np
from av.container import InputContainer

from curation.cleaning.full_size import read_raw_samples
from curation.video.chosen_frames import Picture, decode_inside
from curation.video.frame import pixel_hash, upright_image
from curation.video.packet_index import PacketIndex, index_packets
from curation.video.runs import planned_runs
from curation.video.sampling import FrameChoice

_LIMIT = 100_000_000
_GOPS = (250, 30)
_PROXY = 256


@dataclass(frozen=True)
class Timing:
    """One line of the table.

    Attributes:
        name: what was timed.
        seconds: wall-clock time of the quicker round.
        found: number of frames and a hash over their pixels; None where pixels were not looked at.
    """

    name: str
    seconds: float
    found: tuple[int, int] | None


def make_video(path: Path, frames: int, gop: int, size: tuple[int, int], rate: int) -> None:
    """Write a moving scene with some noise, H.264 with three B-frames."""
    width, height = size
    rng = np.random.default_rng(1)
    coarse = rng.integers(0, 256, (9, 48, 3), dtype=np.uint8)
    scene = av.VideoFrame.from_ndarray(coarse, format="rgb24").reformat(3 * width, height, "rgb24").to_ndarray()
    noise = rng.integers(0, 5, (4, height, width, 3), dtype=np.uint8)
    with av.open(str(path), "w") as container:
        options = {"preset": "veryfast", "g": str(gop), "keyint_min": str(gop), "sc_threshold": "0"}
        stream = container.add_stream("libx264", rate=rate, options=options)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for index in range(frames):
            start = abs(4 * index % (4 * width) - 2 * width)
            frame = av.VideoFrame.from_ndarray(scene[:, start : start + width] // 2 + noise[index % 4], format="rgb24")
            frame.pts, frame.time_base = index, Fraction(1, rate)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


@contextmanager
def opened(path: Path, threads: int) -> Iterator[tuple[InputContainer, av.VideoStream]]:
    """Open a video for FFmpeg's own threads."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.thread_type, stream.codec_context.thread_count = "AUTO", threads
        yield container, stream


def decode_only(path: Path, threads: int) -> Iterator[Picture]:
    """Decode everything and keep nothing."""
    with opened(path, threads) as (container, stream):
        for _ in container.decode(stream):
            pass
    yield from ()


def decode_all(path: Path, wanted: Sequence[int], index: PacketIndex, threads: int) -> Iterator[Picture]:
    """Decode up to the last wanted frame, and keep the wanted ones."""
    with opened(path, threads) as (container, stream):
        for number, frame in enumerate(islice(container.decode(stream), wanted[-1] + 1)):
            if number in wanted:
                yield Picture(number, index.seconds(number), frame)


def seek_each(path: Path, wanted: Sequence[int], index: PacketIndex, threads: int) -> Iterator[Picture]:
    """Seek to the key frame before each wanted frame, one by one, as most programs do."""
    with opened(path, threads) as (container, stream):
        for number in wanted:
            pts = int(index.pts[index.order[number]])
            container.seek(pts, stream=stream)
            for frame in container.decode(stream):
                if frame.pts == pts:
                    yield Picture(number, index.seconds(number), frame)
                    break


def timed(name: str, read: Callable[[], Iterator[Picture]]) -> Timing:
    """Run a way of reading twice, and take the quicker round."""
    rounds = []
    for _ in range(2):
        start = time.perf_counter()
        hashes = []
        for picture in read():
            scale = _PROXY / min(picture.frame.width, picture.frame.height)
            picture.frame.reformat(round(picture.frame.width * scale), round(picture.frame.height * scale), "yuv420p")
            hashes.append((picture.index, pixel_hash(picture.frame)))
        rounds.append(time.perf_counter() - start)
    return Timing(name, min(rounds), (len(hashes), hash(tuple(hashes))) if hashes else None)


def compare(path: Path, choice: FrameChoice, threads: int) -> tuple[list[Timing], PacketIndex]:
    """Time all ways of sampling one video."""
    index = index_packets(path, max_pixels=_LIMIT)

    def ours() -> Iterator[Picture]:
        return decode_inside(path, choice, index_packets(path, max_pixels=_LIMIT), max_pixels=_LIMIT, threads=threads)

    wanted = choice.frames(index.seconds(frame) for frame in range(index.frames))
    timings = [
        timed("ours: by seeking", ours),
        timed("decode all, keep these", lambda: decode_all(path, wanted, index, threads)),
        timed("one seek a frame", lambda: seek_each(path, wanted, index, threads)),
        timed("decode all, keep none", lambda: decode_only(path, threads)),
    ]
    if len({timing.found for timing in timings if timing.found}) != 1:
        raise click.ClickException("two ways of reading give different frames")
    return timings, index


def fetch(path: Path, wanted: list[int], index: PacketIndex, threads: int) -> tuple[float, float]:
    """Return the seconds that full-size pictures take, by seeking and by decoding up to the last one."""
    start = time.perf_counter()
    samples = [(path.name, frame) for frame in wanted]
    ours = read_raw_samples(path.parent, samples, video_extensions=[path.suffix[1:]], max_pixels=_LIMIT)
    middle = time.perf_counter()
    through = {picture.index: upright_image(picture.frame) for picture in decode_all(path, wanted, index, threads)}
    end = time.perf_counter()
    if any(picture is None or picture != through[frame] for picture, frame in zip(ours, wanted, strict=True)):
        raise click.ClickException("two ways of fetching give different pictures")
    return middle - start, end - middle


def table(timings: list[Timing], frames: int) -> str:
    """Return the table as text; ratios are to the first line."""
    lines = [f"{'':<26}{'frames/s':>10}{'ratio':>8}{'wall s':>9}"]
    for timing in timings:
        ratio = timings[0].seconds / timing.seconds
        lines.append(f"{timing.name:<26}{frames / timing.seconds:>10.0f}{ratio:>8.2f}{timing.seconds:>9.2f}")
    return "\n".join(lines)


@click.command()
@click.option("--frames", default=1800, show_default=True, help="Frames of the videos that are made.")
@click.option("--width", default=1920, show_default=True, help="Their width in pixels.")
@click.option("--height", default=1080, show_default=True, help="Their height in pixels.")
@click.option("--rate", default=25, show_default=True, help="Frames a second; 30 puts a key frame at every second.")
@click.option("--fps", default=1.0, show_default=True, help="Frames to take a second.")
@click.option("--fetched", default=10, show_default=True, help="Full-size pictures to fetch.")
@click.option("--threads", default=0, show_default=True, help="Threads of the decoder; 0 = one a core.")
@click.option("--video", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="A video of yours.")
def main(
    frames: int, width: int, height: int, rate: int, fps: float, fetched: int, threads: int, video: Path | None
) -> None:
    """Time ways to sample a video and print a table for each video."""
    choice = FrameChoice(fps=fps)
    with tempfile.TemporaryDirectory() as folder:
        videos = [video] if video else [Path(folder) / f"gop-{gop}.mp4" for gop in _GOPS]
        for path, gop in zip(videos, _GOPS, strict=False):
            if not video:
                make_video(path, frames, gop, (width, height), rate)
            timings, index = compare(path, choice, threads)
            wanted = choice.frames(index.seconds(frame) for frame in range(index.frames))
            runs = planned_runs(index, wanted)
            decoded = sum(run.stop - run.start for run in runs) / len(index.pts)
            click.echo(
                f"{path.name}: {index.frames} frames, {len(index.entries)} places to begin, {len(wanted)} wanted; "
                f"{decoded:.0%} of the packets in {len(runs)} runs; {os.cpu_count()} cores"
            )
            click.echo(table(timings, index.frames))
            chosen = wanted[-1 :: -max(1, len(wanted) // fetched)][::-1]
            ours, through = fetch(path, chosen, index, threads)
            click.echo(f"{len(chosen)} full-size pictures: {ours:.2f} s by seeking, {through:.2f} s by decoding\n")


if __name__ == "__main__":
    main()
