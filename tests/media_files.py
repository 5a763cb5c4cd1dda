"""Small images and videos for tests, made from a seed."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple, cast

import av
import numpy as np
from av.stream import Disposition
from numpy.typing import NDArray
from PIL import Image

MEDIA = {"jpg": "image", "png": "image", "bmp": "image", "gif": "image", "mp4": "video", "webm": "video"}
CODECS = {".mp4": "libx264", ".mov": "libx264", ".mkv": "libx264", ".ts": "libx264", ".webm": "libvpx", ".avi": "mpeg4"}
FAST = {
    # A speed above 0 would follow the processor's load, and the bytes with it.
    "libvpx": {"deadline": "realtime", "cpu-used": "-8"},
    "libvpx-vp9": {"deadline": "realtime", "cpu-used": "8"},
    "libx264": {"preset": "veryfast"},
    "libx265": {"preset": "ultrafast", "x265-params": "log-level=none:pools=1"},
    "libsvtav1": {"preset": "12", "svtav1-params": "lp=1"},
}
os.environ.setdefault("SVT_LOG", "1")  # the AV1 encoder otherwise writes its settings to stderr

RATE = 25
"""Frames a second of the videos that `write_video_as` makes."""


@dataclass(frozen=True)
class VideoFormat:
    """The form of a small video.

    Attributes:
        suffix: of the file's name; says which container.
        codec: FFmpeg's name of the encoder.
        pixel_format: FFmpeg's name.
        options: of the encoder, besides those of `FAST`.
        container: options of the container.
        audio: FFmpeg's name of an audio encoder; empty = no sound.
        size: width and height in pixels.
        gop: frames from one key frame to the next.
        muxer: FFmpeg's name of what writes the container; empty = what the suffix says.
    """

    suffix: str
    codec: str
    pixel_format: str = "yuv420p"
    options: dict[str, str] = field(default_factory=dict)
    container: dict[str, str] = field(default_factory=dict)
    audio: str = ""
    size: tuple[int, int] = (96, 80)
    gop: int = 12
    muxer: str = ""


_BITEXACT = {"flags": "+bitexact"}
_REPEATABLE = {"libx264": {"x264-params": "mbtree=0"}}
"""Encoders' options without which the same pictures do not always make the same bytes."""

_FASTSTART = {"movflags": "+faststart"}
_FRAGMENTED = {"movflags": "+frag_keyframe+empty_moov+default_base_moof"}
_DELAYED = {"movflags": "+frag_keyframe+delay_moov"}
_DV = (720, 576)

VIDEO_FORMATS = {
    "h264.mp4": VideoFormat(".mp4", "libx264", audio="aac"),
    "h264-10bit.mp4": VideoFormat(".mp4", "libx264", "yuv420p10le"),
    "h264-422-10bit.mp4": VideoFormat(".mp4", "libx264", "yuv422p10le"),
    "h264-interlaced.mp4": VideoFormat(".mp4", "libx264", options={"flags": "+ildct+ilme"}),
    "h264-faststart.mp4": VideoFormat(".mp4", "libx264", container=_FASTSTART),
    "h264-fragmented.mp4": VideoFormat(".mp4", "libx264", container=_FRAGMENTED, audio="aac"),
    "mpeg4-fragmented.mp4": VideoFormat(".mp4", "mpeg4", options={"bf": "2"}, container=_DELAYED, audio="aac"),
    "hevc.mp4": VideoFormat(".mp4", "libx265", container=_FASTSTART, audio="aac"),
    "hevc-fragmented.mp4": VideoFormat(".mp4", "libx265", "yuv420p10le", container=_FRAGMENTED),
    "av1.mp4": VideoFormat(".mp4", "libsvtav1"),
    "vp9.mp4": VideoFormat(".mp4", "libvpx-vp9"),
    "mpeg4.mp4": VideoFormat(".mp4", "mpeg4", options={"bf": "2"}),
    "mjpeg.mp4": VideoFormat(".mp4", "mjpeg", "yuvj420p"),
    "h264.m4v": VideoFormat(".m4v", "libx264"),
    "h264.3gp": VideoFormat(".3gp", "libx264"),
    "h264.mov": VideoFormat(".mov", "libx264", audio="pcm_s16le"),
    "hevc.mov": VideoFormat(".mov", "libx265", "yuv422p10le"),
    "mjpeg.mov": VideoFormat(".mov", "mjpeg", "yuvj422p", container=_FASTSTART, audio="pcm_s16le"),
    "prores.mov": VideoFormat(".mov", "prores_ks", "yuv422p10le"),
    "dv.mov": VideoFormat(".mov", "dvvideo", size=_DV),
    "mpeg4.mov": VideoFormat(".mov", "mpeg4"),
    "mpeg4.avi": VideoFormat(".avi", "mpeg4", audio="pcm_s16le"),
    "mpeg4-b.avi": VideoFormat(".avi", "mpeg4", options={"bf": "2"}),
    "mjpeg.avi": VideoFormat(".avi", "mjpeg", "yuvj420p"),
    "h264.avi": VideoFormat(".avi", "libx264", options={"bf": "0"}, audio="pcm_s16le"),
    "ffv1.avi": VideoFormat(".avi", "ffv1"),
    "msmpeg4.avi": VideoFormat(".avi", "msmpeg4"),
    "wmv2.avi": VideoFormat(".avi", "wmv2"),
    "dv.avi": VideoFormat(".avi", "dvvideo", size=_DV),
    "h264.mkv": VideoFormat(".mkv", "libx264", audio="aac"),
    "hevc.mkv": VideoFormat(".mkv", "libx265", "yuv420p10le"),
    "vp8.mkv": VideoFormat(".mkv", "libvpx"),
    "vp9.mkv": VideoFormat(".mkv", "libvpx-vp9", audio="libopus"),
    "av1.mkv": VideoFormat(".mkv", "libsvtav1", "yuv420p10le"),
    "mpeg4.mkv": VideoFormat(".mkv", "mpeg4", options={"bf": "2"}),
    "mpeg2.mkv": VideoFormat(".mkv", "mpeg2video", options={"bf": "2"}),
    "mjpeg.mkv": VideoFormat(".mkv", "mjpeg", "yuvj420p"),
    "ffv1.mkv": VideoFormat(".mkv", "ffv1", "yuv422p10le", options={"level": "3", "slicecrc": "1"}),
    "prores.mkv": VideoFormat(".mkv", "prores_ks", "yuv422p10le"),
    "vp8.webm": VideoFormat(".webm", "libvpx", audio="libopus"),
    "vp8-hidden.webm": VideoFormat(
        ".webm", "libvpx", options={"deadline": "good", "cpu-used": "5", "auto-alt-ref": "1", "lag-in-frames": "12"}
    ),
    "vp9.webm": VideoFormat(".webm", "libvpx-vp9"),
    "vp9-hidden.webm": VideoFormat(
        ".webm", "libvpx-vp9", options={"deadline": "good", "cpu-used": "5", "auto-alt-ref": "1", "lag-in-frames": "12"}
    ),
    "av1.webm": VideoFormat(".webm", "libsvtav1", audio="libopus"),
    "h264.flv": VideoFormat(".flv", "libx264", audio="aac"),
    "flv1.flv": VideoFormat(".flv", "flv"),
    "hevc.flv": VideoFormat(".flv", "libx265", audio="aac"),
    "wmv2.wmv": VideoFormat(".wmv", "wmv2", audio="wmav2"),
    "msmpeg4.wmv": VideoFormat(".wmv", "msmpeg4"),
    "h264.wmv": VideoFormat(".wmv", "libx264", options={"bf": "0"}),
    "mpeg1.mpg": VideoFormat(".mpg", "mpeg1video", options={"bf": "2"}, audio="mp2"),
    "mpeg2.mpg": VideoFormat(".mpg", "mpeg2video", options={"bf": "2"}),
    "mpeg2-interlaced.mpg": VideoFormat(".mpg", "mpeg2video", options={"flags": "+ildct+ilme"}, audio="mp2"),
    "mpeg2.vob": VideoFormat(".vob", "mpeg2video", options={"bf": "2"}, audio="ac3"),
    "h264.ts": VideoFormat(".ts", "libx264", audio="aac"),
    "hevc.ts": VideoFormat(".ts", "libx265", "yuv420p10le"),
    "mpeg2.ts": VideoFormat(".ts", "mpeg2video", options={"bf": "2"}, audio="mp2"),
    "mpeg4.ts": VideoFormat(".ts", "mpeg4"),
    "h264.m2ts": VideoFormat(".m2ts", "libx264", audio="ac3"),
    "vp8.ogv": VideoFormat(".ogv", "libvpx"),
    "mpeg2.mxf": VideoFormat(".mxf", "mpeg2video", options={"bf": "2"}, audio="pcm_s16le"),
    "prores.mxf": VideoFormat(".mxf", "prores_ks", "yuv422p10le"),
}
"""Pairs of codec and container that people have, with sound, without, and in the ways a container can be laid out."""

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


def moving_picture(seed: int, index: int, width: int, height: int) -> NDArray[np.uint8]:
    """Return a frame of a scene that moves, with some noise: (height, width, 3). No two frames are equal."""
    scene, colour = _scene(seed, width, height)
    start = (3 * index + 11 * (index // 16)) % (2 * width)
    frame = scene[:, start : start + width].copy()
    left, top = 5 * index % (width - 16), 3 * index % (height - 16)
    frame[top : top + 16, left : left + 16] = colour ^ (index * 37 & 127)
    frame += np.random.default_rng((seed, 1, index)).integers(-6, 7, frame.shape, dtype=np.int16)
    return np.clip(frame, 0, 255).astype(np.uint8)


@lru_cache(8)
def _scene(seed: int, width: int, height: int) -> tuple[NDArray[np.int16], NDArray[np.int64]]:
    """Return what a moving picture moves over, (height, 3 * width, 3), and the colour of what moves, (3,)."""
    rng = np.random.default_rng((seed, 0))
    coarse = rng.integers(0, 256, (9, 13, 3), dtype=np.uint8)
    scene = np.asarray(Image.fromarray(coarse).resize((3 * width, height), Image.Resampling.BICUBIC), dtype=np.int16)
    return scene, rng.integers(0, 256, 3)


def write_image(path: Path, seed: int, width: int = 32, height: int = 24) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(picture(seed, width, height)).save(path)
    return path


def write_pages(path: Path, seeds: Sequence[int], width: int = 32, height: int = 24, **options: Any) -> Path:
    """Write a file of several images, without loss: TIFF, GIF, PNG or WebP."""
    path.parent.mkdir(parents=True, exist_ok=True)
    first, *others = (Image.fromarray(picture(seed, width, height)) for seed in seeds)
    options |= {"lossless": True} if path.suffix == ".webp" else {}
    first.save(path, save_all=True, append_images=others, **options)
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
        stream.codec_context.thread_count = 1
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


def write_values(path: Path, frames: Sequence[NDArray[Any]], pixel_format: str, codec: str = "ffv1") -> Path:
    """Write a video without loss, 10 frames a second, of arrays in one of FFmpeg's formats that PyAV takes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = cast(av.VideoStream, container.add_stream(codec, rate=10))
        stream.codec_context.thread_count = 1
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = pixel_format
        for index, pixels in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(pixels, format=pixel_format)
            frame.pts, frame.time_base = index, Fraction(1, 10)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def write_video_as(path: Path, form: VideoFormat, *, frames: int, seed: int = 0, rate: int = RATE) -> Path:
    """Write a video of a moving scene, `rate` frames a second, in a given format: the same bytes every time."""
    path.parent.mkdir(parents=True, exist_ok=True)
    width, height = form.size
    # Without it, containers hold random numbers and the time of day.
    with (
        _usual_priority(),
        av.open(
            str(path), "w", format=form.muxer or None, options={"fflags": "+bitexact", **form.container}
        ) as container,
    ):
        options = {**FAST.get(form.codec, {}), **_REPEATABLE.get(form.codec, {}), "g": str(form.gop), **form.options}
        options["flags"] = options.get("flags", "") + _BITEXACT["flags"]
        stream = cast(av.VideoStream, container.add_stream(form.codec, rate=rate, options=options))
        stream.width, stream.height, stream.pix_fmt = width, height, form.pixel_format
        stream.codec_context.thread_count = 1
        sound = _Sound(container, form.audio) if form.audio else None
        for index in range(frames):
            frame = av.VideoFrame.from_ndarray(moving_picture(seed, index, width, height), format="rgb24")
            frame.pts, frame.time_base = index, Fraction(1, rate)
            container.mux(stream.encode(frame))
            if sound:
                sound.write_until((index + 1) / rate)
        container.mux(stream.encode())
        if sound:
            sound.finish()
    return path


def damaged_packet(path: Path, position: int) -> Path:
    """Write the file with a part in the middle of one packet overwritten."""
    with av.open(str(path)) as container:
        places = [(packet.pos or 0, packet.size) for packet in container.demux(video=0) if packet.size]
    content = bytearray(path.read_bytes())
    start, size = places[position]
    content[start + size // 2 : start + 3 * size // 4] = b"\xff" * (3 * size // 4 - size // 2)
    target = path.with_name(f"damaged-{path.name}")
    target.write_bytes(content)
    return target


@contextmanager
def _usual_priority() -> Iterator[None]:
    """Undo what SVT-AV1 does where it may: it makes the calling thread a real-time one, which stops all others."""
    try:
        yield
    finally:
        if hasattr(os, "sched_setscheduler"):
            os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))


_SAMPLES = {"s16": (np.int16, 2.0**15), "s32": (np.int32, 2.0**31), "flt": (np.float32, 1.0)}
"""Data type and full scale of sound samples, by FFmpeg's name."""


class _Sound:
    """A tone of 440 Hz in a container."""

    _RATE = 48_000

    def __init__(self, container: av.container.OutputContainer, codec: str) -> None:
        self._container = container
        self._stream = cast(av.AudioStream, container.add_stream(codec, self._RATE, _BITEXACT, layout="mono"))
        self._stream.codec_context.bit_rate = 64_000
        self._done = 0

    def write_until(self, seconds: float) -> None:
        """Write as much sound as there is picture."""
        context = self._stream.codec_context
        context.open(strict=False)
        length = context.frame_size or 1024
        kind, scale = _SAMPLES[context.format.name.rstrip("p")]
        while self._done < seconds * self._RATE:
            times = np.arange(self._done, self._done + length) / self._RATE
            samples = (scale / 4 * np.sin(2 * np.pi * 440 * times)).astype(kind)
            frame = av.AudioFrame.from_ndarray(samples[None], format=context.format.name, layout="mono")
            frame.sample_rate, frame.pts, frame.time_base = self._RATE, self._done, Fraction(1, self._RATE)
            self._container.mux(self._stream.encode(frame))
            self._done += length

    def finish(self) -> None:
        """Write what the encoder still holds."""
        self._container.mux(self._stream.encode())


def cut(source: Path, target: Path, share: float) -> Path:
    """Write the first part of a file."""
    content = source.read_bytes()
    target.write_bytes(content[: int(len(content) * share)])
    return target


class TrackOfTest(NamedTuple):
    """A video track that `write_tracks` writes: one frame for each seed.

    Attributes:
        seeds: of its frames.
        size: width and height in pixels.
        is_default: whether the file marks it as its default.
    """

    seeds: Sequence[int]
    size: tuple[int, int] = (64, 48)
    is_default: bool = False


def write_tracks(path: Path, tracks: Sequence[TrackOfTest]) -> Path:
    """Write a file with several video tracks, ten frames a second, as FFV1 without loss (`.mkv`)."""
    with av.open(str(path), "w", options={"fflags": "+bitexact"}) as container:
        streams = []
        for track in tracks:
            stream = container.add_stream("ffv1", rate=10)
            stream.width, stream.height, stream.pix_fmt = *track.size, "bgr0"
            stream.disposition = Disposition(Disposition.default if track.is_default else 0)
            streams.append(stream)
        for place in range(max(len(track.seeds) for track in tracks)):
            for track, stream in zip(tracks, streams, strict=True):
                if place < len(track.seeds):
                    frame = av.VideoFrame.from_ndarray(picture(track.seeds[place], *track.size), format="rgb24")
                    frame.pts = place
                    container.mux(stream.encode(frame.reformat(format="bgr0")))
        for stream in streams:
            container.mux(stream.encode(None))
    return path
