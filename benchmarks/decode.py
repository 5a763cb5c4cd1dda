"""The speed from raw files to hashes, figures and proxies, beside loops that only decode. All figures are of one run.

`python -m benchmarks.decode --seconds 10 --rounds 5`

It makes its own clips (H.264, 720p with 5 and 1080p with 8 Mbit/s, BT.709) and JPEG photographs from a seed, or takes
given files. The contenders take turns, once a round. Rates and processor times are the best of all rounds; ratios, of
both, are the median of those in each round: so other work on the machine disturbs them little. The loops do less than
this project, which hashes every pixel, takes figures, writes proxies and accounts for every frame.
"""

import queue
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from resource import RUSAGE_CHILDREN, RUSAGE_SELF, getrusage
from statistics import median
from typing import NamedTuple

import av
import click
import numpy as np
import psutil
from av.video.reformatter import ColorRange, Colorspace
from numpy.typing import NDArray
from PIL import Image

from curation.cleaning.decode_file import Settings
from curation.cleaning.decode_files import decode_all
from curation.cleaning.tasks import tasks_of
from curation.core.cores import available_cores
from curation.core.kinds import VIDEO
from curation.image.decode import decode_image
from curation.image.proxies import ShardWriter, member_name, proxy_dimensions
from curation.video.decode import decode_video

PROXY_SIZE = 256
MAX_PIXELS = 100_000_000
SETTINGS = Settings(
    max_pixels=MAX_PIXELS,
    proxy_size=PROXY_SIZE,
    corruption_threshold=0.1,
    decode_timeout_s=60,
    decode_memory_mb=4096,
)
CLIPS = {"720p.mp4": (1280, 720, 5_000_000), "1080p.mp4": (1920, 1080, 8_000_000)}
"""Width, height and bits a second, as video platforms recommend for uploads."""
PHOTOGRAPHS = {"12 MP.jpg": (4000, 3000), "1 MP.jpg": (1200, 900)}
FRAMES_PER_SECOND = 30
PNG_FRAMES = 24
"""Frames of the PNG pipeline a round: it takes much longer than all others."""
QUEUE = 8
VIDEO_SUFFIXES = {".mp4", ".mov", ".mkv", ".webm", ".avi", ".ts", ".m4v", ".mpg", ".wmv", ".flv"}

Contender = Callable[[], int]
"""Does its work once and returns for how many frames or images."""


class Turn(NamedTuple):
    """The figures of a contender in one round.

    Attributes:
        rate: frames or images a second.
        cpu: seconds of processor time for one, all threads and processes together.
    """

    rate: float
    cpu: float


def scene(width: int, height: int, seed: int, grain: float) -> NDArray[np.uint8]:
    """Return what spreads detail over all scales as photographs do: (height, width, 3)."""
    rng = np.random.default_rng(seed)
    picture = np.full((height, width, 3), 128, np.float32)
    for cells, contrast in ((8, 60), (32, 30), (128, 18), (512, 10)):
        shape = (max(2, height * cells // 4000 + 2), max(2, width * cells // 4000 + 2))
        for channel in range(3):
            coarse = Image.fromarray(rng.normal(0, contrast, shape).astype(np.float32))
            picture[..., channel] += np.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC))
    picture += rng.normal(0, grain, (height, width, 1)).astype(np.float32)
    return picture.clip(0, 255).astype(np.uint8)


def write_clip(path: Path, width: int, height: int, bit_rate: int, seconds: float, seed: int) -> None:
    """Write a clip of a camera that pans over a scene, with a sensor's noise."""
    rng = np.random.default_rng(seed)
    wide = scene(width + width // 2, height + 128, seed, grain=3).astype(np.int16)
    noise = [rng.normal(0, 2.5, (height, width, 1)).round().astype(np.int16) for _ in range(8)]
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", FRAMES_PER_SECOND, {"preset": "veryfast"})
        stream.width, stream.height, stream.pix_fmt, stream.bit_rate = width, height, "yuv420p", bit_rate
        stream.codec_context.colorspace = stream.codec_context.color_trc = stream.codec_context.color_primaries = 1
        for index in range(max(1, round(seconds * FRAMES_PER_SECOND))):
            x = int(width // 4 * (1 + np.sin(index / 40)))
            y = int(64 + 60 * np.sin(index / 23))
            pixels = wide[y : y + height, x : x + width] + noise[rng.integers(len(noise))]
            frame = av.VideoFrame.from_ndarray(pixels.clip(0, 255).astype(np.uint8), format="rgb24")
            frame = frame.reformat(
                format="yuv420p", dst_colorspace=Colorspace.ITU709, dst_color_range=ColorRange.MPEG, threads=1
            )
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


def proxy_size_of(frame: av.VideoFrame) -> tuple[int, int]:
    """Return width and height to which the loops scale a frame."""
    return proxy_dimensions(frame.width, frame.height, PROXY_SIZE)


def frames_of(path: Path, thread_type: str | None = "AUTO") -> Iterator[av.VideoFrame]:
    """Decode a video in the plain loop that every tutorial has; None = PyAV's default threads."""
    with av.open(str(path)) as container:
        if thread_type:
            container.streams.video[0].thread_type = thread_type
        yield from container.decode(video=0)


def decode_only(path: Path) -> int:
    """Decode."""
    return sum(1 for _ in frames_of(path))


def decode_and_scale(path: Path, pixel_format: str = "rgb24") -> int:
    """Decode, and let swscale make small frames."""
    count = 0
    for frame in frames_of(path):
        frame.reformat(*proxy_size_of(frame), pixel_format)
        count += 1
    return count


def scale_on_a_thread(path: Path, pixel_format: str = "rgb24") -> int:
    """Decode, and let swscale make small frames on a thread of its own."""
    frames: queue.Queue[av.VideoFrame | None] = queue.Queue(QUEUE)

    def scale() -> None:
        while (frame := frames.get()) is not None:
            frame.reformat(*proxy_size_of(frame), pixel_format)

    thread = threading.Thread(target=scale)
    thread.start()
    count = 0
    for frame in frames_of(path):
        frames.put(frame)
        count += 1
    frames.put(None)
    thread.join()
    return count


def naive(path: Path) -> int:
    """Decode with the default threads, make an RGB array of each frame, and resize it."""
    count = 0
    for frame in frames_of(path, thread_type=None):
        Image.fromarray(frame.to_ndarray(format="rgb24")).resize(proxy_size_of(frame))
        count += 1
    return count


def through_png_files(path: Path, folder: Path) -> int:
    """Write the first frames as PNG files, then read them and resize them."""
    paths = [folder / f"{index:04d}.png" for index in range(PNG_FRAMES)]
    count = 0
    for file, frame in zip(paths, islice(frames_of(path), PNG_FRAMES), strict=False):
        Image.fromarray(frame.to_ndarray(format="rgb24")).save(file)
        count += 1
    for file in paths[:count]:
        with Image.open(file) as image:
            image.resize(proxy_dimensions(image.width, image.height, PROXY_SIZE))
    return count


def ours_on_a_file(path: Path, folder: Path) -> int:
    """Decode one file with all cores, as a worker process does it."""
    shard = folder / "shard"
    with ShardWriter(shard) as writer:
        video = decode_video(
            path,
            max_pixels=MAX_PIXELS,
            proxy_size=PROXY_SIZE,
            corruption_threshold=SETTINGS.corruption_threshold,
            threads=0,
            add_proxy=lambda index, jpeg: writer.add(member_name(index), jpeg),
            restart=writer.discard,
        )
    if video.is_corrupt or video.missing:
        raise click.ClickException(f"{path}: {video.reason}")
    shard.unlink()
    return len(video.frames)


def ours_in_workers(paths: Sequence[Path], folder: Path, workers: int) -> int:
    """Decode several files as the stage `clean` does it, worker processes and their start included."""
    with tempfile.TemporaryDirectory(dir=folder) as shards:
        tasks = tasks_of((path.name, VIDEO, 1) for path in paths)
        decoded = decode_all(tasks, paths[0].parent, Path(shards), SETTINGS, workers)
    if any(file.is_corrupt for file in decoded):
        raise click.ClickException("; ".join(f"{file.path}: {file.reason}" for file in decoded if file.is_corrupt))
    return sum(len(file.samples) for file in decoded)


def plain_load(path: Path) -> int:
    """Decode an image with Pillow."""
    with Image.open(path) as image:
        image.load()
    return 1


def ours_on_an_image(path: Path, *, draft: bool) -> int:
    """Decode an image, hash it, take its figures, and make its proxy."""
    decode_image(path, max_pixels=MAX_PIXELS, proxy_size=PROXY_SIZE, jpeg_draft=draft)
    return 1


def measured(contenders: dict[str, Contender], rounds: int, least_seconds: float = 0.0) -> dict[str, list[Turn]]:
    """Let contenders take turns, and return what each did, round by round.

    Args:
        contenders: by name.
        rounds: how often each has its turn.
        least_seconds: how long a turn lasts at least: the work is repeated.
    """
    turns: dict[str, list[Turn]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, contender in contenders.items():
            wall, cpu, done = time.perf_counter(), processor_seconds(), 0
            while not done or time.perf_counter() - wall < least_seconds:
                done += contender()
            turns[name].append(Turn(done / (time.perf_counter() - wall), (processor_seconds() - cpu) / done))
    return turns


def processor_seconds() -> float:
    """Return the processor time of this process and its ended children, all threads together."""
    return sum(usage.ru_utime + usage.ru_stime for usage in map(getrusage, (RUSAGE_SELF, RUSAGE_CHILDREN)))


def table(title: str, turns: dict[str, list[Turn]], ours: Sequence[str]) -> str:
    """Return rates as text: the best of each contender, and how many times as fast as it ours are."""
    lines = [f"{title:<44}{'per s':>8}{'cpu ms':>9}" + "".join(f"{name + ' / it':>12}{'cpu':>6}" for name in ours)]
    for name, its in turns.items():
        line = f"  {name:<42}{max(turn.rate for turn in its):>8.1f}{1000 * min(turn.cpu for turn in its):>9.2f}"
        for own in ours:
            pairs = list(zip(turns[own], its, strict=True))
            line += f"{median(mine.rate / it.rate for mine, it in pairs):>12.2f}"
            line += f"{median(it.cpu / mine.cpu for mine, it in pairs):>6.2f}"
        lines.append(line)
    return "\n".join(lines)


@contextmanager
def peak_memory() -> Iterator[list[float]]:
    """Measure the memory of this process and all its children: a list that holds the peak in MiB in the end.

    It is the sum of their resident sets, in which pages that processes share count several times.
    """
    peak, ended, this = [0.0], threading.Event(), psutil.Process()

    def resident(process: psutil.Process) -> int:
        try:
            return int(process.memory_info().rss)
        except psutil.Error:  # it has just ended
            return 0

    def watch() -> None:
        while not ended.wait(0.02):
            peak[0] = max(peak[0], sum(map(resident, [this, *this.children(recursive=True)])) / 2**20)

    with ThreadPoolExecutor(1) as pool:
        watching = pool.submit(watch)
        try:
            yield peak
        finally:
            ended.set()
            watching.result()


def compare_on_video(path: Path, folder: Path, rounds: int) -> str:
    """Return the table for one video."""
    contenders: dict[str, Contender] = {
        "decode only": lambda: decode_only(path),
        "decode, swscale to RGB": lambda: decode_and_scale(path),
        "decode, swscale to YUV": lambda: decode_and_scale(path, "yuv420p"),
        "decode, swscale to RGB on a thread": lambda: scale_on_a_thread(path),
        "decode, swscale to YUV on a thread": lambda: scale_on_a_thread(path, "yuv420p"),
        "naive: default threads, RGB array, resize": lambda: naive(path),
        "PNG files, written and read": lambda: through_png_files(path, folder),
        "ours": lambda: ours_on_a_file(path, folder),
    }
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        words = f"{path.name}, {stream.codec_context.name} {stream.width} x {stream.height}"
    return table(words, measured(contenders, rounds), ["ours"])


def compare_in_workers(paths: Sequence[Path], folder: Path, rounds: int, workers: int) -> str:
    """Return the table for several videos, which the stage decodes side by side, the loops one after the other."""
    contenders: dict[str, Contender] = {
        "decode only": lambda: sum(map(decode_only, paths)),
        "decode, swscale to RGB on a thread": lambda: sum(map(scale_on_a_thread, paths)),
        "ours": lambda: ours_in_workers(paths, folder, workers),
    }
    return table(f"{len(paths)} videos, {workers} workers", measured(contenders, rounds), ["ours"])


def compare_on_image(path: Path, rounds: int) -> str:
    """Return the table for one image; everything in one process and thread."""
    contenders: dict[str, Contender] = {
        "Image.open().load()": lambda: plain_load(path),
        "ours": lambda: ours_on_an_image(path, draft=False),
        "draft": lambda: ours_on_an_image(path, draft=True),
    }
    with Image.open(path) as image:
        words = f"{path.name}, {image.width} x {image.height}, {path.stat().st_size / 1e6:.1f} MB"
    return table(words, measured(contenders, rounds, least_seconds=0.3), ["ours", "draft"])


def make_files(folder: Path, seconds: float) -> list[Path]:
    """Write clips and photographs from a seed."""
    for name, (width, height, bit_rate) in CLIPS.items():
        write_clip(folder / name, width, height, bit_rate, seconds, seed=1)
    for name, (width, height) in PHOTOGRAPHS.items():
        Image.fromarray(scene(width, height, seed=1, grain=6)).save(folder / name, quality=90)
    return [folder / name for name in (*CLIPS, *PHOTOGRAPHS)]


def copies(path: Path, folder: Path, number: int) -> list[Path]:
    """Return several names of one file."""
    folder.mkdir()
    names = [folder / f"{index}{path.suffix}" for index in range(number)]
    for name in names:
        name.symlink_to(path.absolute())
    return names


@click.command()
@click.option("--seconds", default=10.0, show_default=True, help="Length of the clips that are made.")
@click.option("--rounds", default=5, show_default=True, help="Turns of each contender.")
@click.option("--workers", default=2, show_default=True, help="Processes of the whole stage.")
@click.argument("files", nargs=-1, type=click.Path(exists=True, dir_okay=False, path_type=Path))
def main(seconds: float, rounds: int, workers: int, files: tuple[Path, ...]) -> None:
    """Time decoding and print one table for each file; FILES take the place of those that are made."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        paths = list(files) or make_files(folder, seconds)
        videos = [path for path in paths if path.suffix.lower() in VIDEO_SUFFIXES]
        click.echo(f"{available_cores()} cores, proxies of {PROXY_SIZE} pixels, {rounds} rounds")
        for path in videos:
            click.echo(compare_on_video(path, folder, rounds))
        for path in paths:
            if path not in videos:
                click.echo(compare_on_image(path, rounds))
        if videos:
            several = copies(videos[-1], folder / "several", 2 * workers)
            click.echo(compare_in_workers(several, folder, rounds, workers))
            with peak_memory() as peak:
                frames = ours_in_workers(several, folder, workers)
            words = f"{len(several)} x {videos[-1].name}, {frames} frames in all, {workers} workers"
            click.echo(f"peak memory of the whole stage, all processes: {peak[0]:.0f} MiB ({words})")


if __name__ == "__main__":
    main()
