"""Make five short driving clips, a damaged one and an exact duplicate, from a seed.

    python -m demo.make_demo_data DIRECTORY

    DIRECTORY/batch1/city/broken_download.mp4   ends after half of its bytes: nothing in it can be decoded
    DIRECTORY/batch1/city/rain.webm             VP9
    DIRECTORY/batch1/city/red_light.mp4         H.264; the car stands at a red light for half of the frames
    DIRECTORY/batch1/highway/dusk.mkv           H.264
    DIRECTORY/batch1/highway/dusk_copy.mkv      byte for byte the same
    DIRECTORY/batch2/country/autumn.avi         MPEG-4
    DIRECTORY/batch2/highway/night.mkv          VP8, with a tunnel

The same seed gives the same bytes on the same machine.
"""

from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from fractions import Fraction
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import av
import av.container
import click
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from curation.core.atomic import atomic_folder, write_bytes
from curation.core.errors import CurationError, OutputError
from demo.drives import CLIPS, FRAMES_PER_SECOND, Clip, Encoding
from demo.scene import backdrop, paint

SEED = 7
BATCHES = ("batch1", "batch2")
SIZE = (512, 288)
"""Width and height in pixels: multiples of 16, else x264 compresses the same pictures differently from run to run."""


def pictures(clip: Clip, rng: np.random.Generator) -> Iterator[Image.Image]:
    """Paint the frames of a clip, in order."""
    far_scene = backdrop(clip.drive.weather, 2 * SIZE[0], 2 * SIZE[1], rng)
    drops = rng.uniform((0.04, 0.05, 0.006), (0.96, 0.7, 0.014), (26, 3)) if clip.drive.weather.rain else None
    for number, position in enumerate(clip.positions):
        green = int(number >= clip.green_from)
        things = tuple(
            replace(thing, variant=green) if thing.kind == "traffic light" else thing for thing in clip.drive.things
        )
        drive = replace(clip.drive, things=things)
        yield paint(drive, far_scene, SIZE, position, number / FRAMES_PER_SECOND, rng, drops)


def encode(frames: Iterator[Image.Image], size: tuple[int, int], encoding: Encoding, path: Path) -> None:
    """Write RGB pictures of one size as a video without anything that differs from run to run."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w", options={"fflags": "+bitexact"}) as container:
        stream: Any = container.add_stream(
            encoding.codec, rate=FRAMES_PER_SECOND, options={"flags": "+bitexact", **dict(encoding.options)}
        )
        stream.width, stream.height = size
        stream.pix_fmt = "yuv420p"
        if encoding.bit_rate:
            stream.bit_rate = encoding.bit_rate
        stream.codec_context.thread_count = 1
        stream.codec_context.time_base = Fraction(1, FRAMES_PER_SECOND)
        for number, picture in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(_pixels(picture), format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, FRAMES_PER_SECOND)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


def _pixels(picture: Image.Image) -> NDArray[np.uint8]:
    return np.asarray(picture, dtype=np.uint8)


def _make_clip(number: int, directory: Path, seed: int) -> None:
    """Make clip `number` of `CLIPS` below `directory`."""
    rng = np.random.default_rng([seed, number])
    clip = CLIPS[number](rng)
    encode(pictures(clip, rng), SIZE, clip.encoding, directory / clip.path)


def make_demo_data(directory: Path, seed: int = SEED) -> list[Path]:
    """Make the folders of `BATCHES` in `directory`: complete, or not at all.

    Args:
        directory: Made where it does not exist. It must not hold anything under the names of `BATCHES`.
        seed: What the weather, the traffic and the houses are drawn from.

    Returns:
        The files that were made, sorted.

    Raises:
        CurationError: A folder of `BATCHES` exists.
    """
    for batch in BATCHES:
        if (directory / batch).exists():
            raise CurationError(f"{directory / batch} exists already; delete it, or name another directory")
    with atomic_folder(directory / "making") as temporary:
        with ProcessPoolExecutor(max_workers=2, mp_context=get_context("spawn")) as pool:
            list(pool.map(partial(_make_clip, directory=temporary, seed=seed), range(len(CLIPS))))
        first = temporary / BATCHES[0]
        write_bytes(first / "highway/dusk_copy.mkv", (first / "highway/dusk.mkv").read_bytes())
        content = (first / "city/red_light.mp4").read_bytes()
        write_bytes(first / "city/broken_download.mp4", content[: len(content) // 2])
        for batch in BATCHES:
            (temporary / batch).rename(directory / batch)
    (directory / "making").rmdir()
    return sorted(path for batch in BATCHES for path in (directory / batch).rglob("*") if path.is_file())


@click.command()
@click.argument("directory", type=click.Path(file_okay=False, path_type=Path))
@click.option("--seed", default=SEED, show_default=True, help="Another number gives other traffic, houses and trees.")
def main(directory: Path, seed: int) -> None:
    """Make the demo's clips in DIRECTORY/batch1 and DIRECTORY/batch2."""
    try:
        for path in make_demo_data(directory, seed):
            click.echo(path)
    except OSError as error:
        raise OutputError(
            f"the demo data could not be written: {error}. Free some space, or correct the permissions."
        ) from None


if __name__ == "__main__":
    main()
