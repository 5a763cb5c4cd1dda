"""Small images and videos for tests, made from a seed."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import cast

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image

MEDIA = {"jpg": "image", "png": "image", "bmp": "image", "gif": "image", "mp4": "video", "webm": "video"}
CODECS = {".mp4": "libx264", ".mov": "libx264", ".mkv": "libx264", ".ts": "libx264", ".webm": "libvpx", ".avi": "mpeg4"}
FAST = {"libvpx": {"deadline": "realtime", "cpu-used": "8"}, "libx264": {"preset": "veryfast"}}

QUALITY = {
    "luma_mean": 120.0,
    "contrast": 50.0,
    "sharpness": 400.0,
    "uniform_rows": 0.0,
    "red_mean": 125.0,
    "green_mean": 120.0,
    "blue_mean": 110.0,
    "perceptual_hash": "0123456789abcdef",
}
"""Columns of figures for tables that are made without decoding anything."""


def picture(seed: int, width: int = 32, height: int = 24) -> NDArray[np.uint8]:
    """Blocks of colour that differ from seed to seed: (height, width, 3)."""
    blocks = np.random.default_rng(seed).integers(0, 256, (3, 4, 3), dtype=np.uint8)
    return np.asarray(Image.fromarray(blocks).resize((width, height), Image.Resampling.NEAREST))


def write_image(path: Path, seed: int, width: int = 32, height: int = 24) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(picture(seed, width, height)).save(path)
    return path


def write_video(
    path: Path,
    seeds: Sequence[int],
    *,
    codec: str | None = None,
    size: tuple[int, int] = (64, 48),
    rotation: int = 0,
    pts: Sequence[int] | None = None,
    rate: int = 10,
    options: dict[str, str] | None = None,
    pixel_format: str = "yuv420p",
) -> Path:
    """Write a video with one frame for each seed; equal seeds give equal frames. `pts` counts in 1 / (100 rate) s."""
    path.parent.mkdir(parents=True, exist_ok=True)
    codec = codec or CODECS[path.suffix]
    with av.open(str(path), "w") as container:
        stream = cast(av.VideoStream, container.add_stream(codec, rate=rate, options=options or FAST.get(codec, {})))
        stream.width, stream.height = size
        stream.pix_fmt = pixel_format
        step = 1 if codec.startswith(("mpeg", "mjpeg")) else 100
        stream.codec_context.time_base = Fraction(1, step * rate)
        if rotation:
            stream.set_display_rotation(rotation)
        for index, seed in enumerate(seeds):
            frame = av.VideoFrame.from_ndarray(picture(seed, *size), format="rgb24")
            frame.pts = pts[index] if pts is not None else index * step
            frame.time_base = stream.codec_context.time_base
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def cut(source: Path, target: Path, share: float) -> Path:
    """Write the first part of a file."""
    content = source.read_bytes()
    target.write_bytes(content[: int(len(content) * share)])
    return target
