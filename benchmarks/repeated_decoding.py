"""Decode damaged videos again and again, with one thread and with several: results that differ.

`python -m benchmarks.repeated_decoding --clips 6 --repeats 10 --seed 1 --threads 2 --threads 4`

Small videos are made from the seed, in every coding that may be damaged without a word; parts of five of their packets
are overwritten with noise, zeros or ones, or a few of their bits are flipped. Each is decoded as `clean` does it, with
one thread and with several, a number of times; pixels, faults, counts, reasons and proxies must all be equal. The exit
status is 0 only if they are. `--any-threads` lets the decoder itself have several threads, whatever it is: so one sees
which need to have one (`curation/video/decoder_memory.py`).
"""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

import av
import click
import numpy as np

from curation.core.hashing import sha256_of_bytes
from curation.video.decode import decode_video
from tests.media_files import VIDEO_FORMATS, VideoFormat, write_video_as

_OTHERS = {
    "ffv1-slices.mkv": VideoFormat(".mkv", "ffv1", options={"level": "3", "slicecrc": "0", "slices": "4"}),
    "ffv1-grey.mkv": VideoFormat(".mkv", "ffv1", "gray16le", options={"level": "3", "slicecrc": "0"}),
    "ljpeg.avi": VideoFormat(".avi", "ljpeg", "yuvj420p"),
    "magicyuv.avi": VideoFormat(".avi", "magicyuv"),
    "speedhq.avi": VideoFormat(".avi", "speedhq", "yuv422p"),
    "huffyuv.avi": VideoFormat(".avi", "huffyuv", "yuv422p"),
    "ffvhuff.avi": VideoFormat(".avi", "ffvhuff"),
    "utvideo.avi": VideoFormat(".avi", "utvideo"),
    "png.avi": VideoFormat(".avi", "png", "rgb24"),
    "dnxhd.mov": VideoFormat(".mov", "dnxhd", "yuv422p", options={"profile": "dnxhr_sq"}, size=(256, 128)),
    "jpeg2000.mov": VideoFormat(".mov", "jpeg2000"),
    "cfhd.mov": VideoFormat(".mov", "cfhd", "yuv422p10le"),
    "h263.3gp": VideoFormat(".3gp", "h263", size=(176, 144)),
}
_SHARED = (
    "mjpeg.avi", "mjpeg.mov", "ffv1.avi", "ffv1.mkv", "vp8.mkv", "hevc.mkv", "vp9.mkv", "av1.mkv", "h264.mkv",
    "mpeg4.mkv", "mpeg2.mkv", "mpeg1.mpg", "wmv2.avi", "msmpeg4.avi", "flv1.flv", "prores.mov", "dv.avi",
)  # fmt: skip
FORMATS = {name: VIDEO_FORMATS[name] for name in _SHARED} | _OTHERS
"""The videos that are made."""

_PACKETS = 5
_FRAMES = 24
_SIZE = (160, 128)
_MAX_PIXELS = 100_000_000


def with_damaged_packets(source: Path, target: Path, rng: np.random.Generator) -> Path:
    """Write a video with parts of a few of its packets overwritten."""
    with av.open(str(source)) as container:
        packets = [(each.pos, each.size) for each in container.demux(video=0) if each.size and each.pos is not None]
    content = bytearray(source.read_bytes())
    for number in rng.choice(len(packets), min(_PACKETS, len(packets)), replace=False):
        begin, size = packets[number]
        start = begin + size // 8 + int(rng.integers(0, max(1, size // 2)))
        end = min(begin + size, start + int(rng.integers(1, max(2, size // 3))))
        kind = rng.integers(0, 4)
        if kind < 3:
            content[start:end] = (bytes(end - start), b"\xff" * (end - start), rng.bytes(end - start))[kind]
        else:
            for place in rng.integers(start, max(start + 1, begin + size), 3):
                content[place] ^= 1 << int(rng.integers(0, 8))
    target.write_bytes(content)
    return target


def decoded(path: Path, threads: int) -> str:
    """Decode a video, and return a digest of all that comes of it."""
    proxies: dict[int, bytes] = {}
    video = decode_video(
        path,
        max_pixels=_MAX_PIXELS,
        proxy_size=64,
        corruption_threshold=1.0,
        threads=threads,
        add_proxy=proxies.__setitem__,
        restart=proxies.clear,
    )
    return sha256_of_bytes(repr((list(video.frames), replace(video, frames=()), sorted(proxies.items()))).encode())


@click.command(help=__doc__)
@click.option("--clips", default=6, show_default=True, help="Damaged videos of each coding.")
@click.option(
    "--repeats", default=10, show_default=True, help="Times that each is decoded with each number of threads."
)
@click.option("--seed", default=1, show_default=True)
@click.option("--threads", default=(2, 4), show_default=True, multiple=True, help="Besides one.")
@click.option("--any-threads", is_flag=True, help="Let every decoder have several threads.")
@click.argument("names", nargs=-1)
def main(clips: int, repeats: int, seed: int, threads: Sequence[int], any_threads: bool, names: Sequence[str]) -> None:
    """Make, damage, decode and compare; see the module."""
    total = 0
    with tempfile.TemporaryDirectory() as folder, _several_threads() if any_threads else nullcontext():
        for name in names or FORMATS:
            form = FORMATS[name]
            form = replace(form, size=_SIZE) if form.size == VideoFormat("", "").size else form
            sound = write_video_as(Path(folder) / name, form, frames=_FRAMES)
            differing = 0
            for number in range(clips):
                rng = np.random.default_rng((seed, number))
                path = with_damaged_packets(sound, sound.with_name(f"{number}-{name}"), rng)
                results = {decoded(path, count) for count in (1, *threads) for _ in range(repeats)}
                differing += len(results) > 1
            click.echo(f"{name}: {differing} of {clips} give results that differ")
            total += differing
    raise SystemExit(min(1, total))


@contextmanager
def _several_threads() -> Iterator[None]:
    """Let every decoder have several threads."""
    with patch("curation.video.reader.shows_old_memory", lambda format_name: False):
        yield


if __name__ == "__main__":
    main()
