"""Frames of more than 8 bits a channel: their values, and what is seen of them."""

import io
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from curation.cleaning.full_size import read_raw_samples, video_pictures
from curation.image.decode import decode_image
from curation.image.window import ValueRange, ValueWindows, Window, full_window
from curation.video.deep_frames import values_of
from curation.video.frame import upright_image
from tests.decoded_videos import decoded_with_proxies
from tests.media_files import write_values


def thermal(seed: int, low: int = 29_000, high: int = 31_000, size: tuple[int, int] = (32, 48)) -> NDArray[np.uint16]:
    """Grey of 16 bits with these two among its values, (32, 48)."""
    values = np.random.default_rng(seed).integers(low, high, size, dtype=np.uint16, endpoint=True)
    values[0, :8], values[0, 8:16] = low, high
    return values


def frame_of(channels: NDArray[Any], pixel_format: str, *, is_planar: bool) -> av.VideoFrame:
    """Return a frame with these channels in the order of the format, (height, width, channels)."""
    frame = av.VideoFrame(channels.shape[1], channels.shape[0], pixel_format)
    parts = [channels[..., place] for place in range(channels.shape[2])] if is_planar else [channels]
    for plane, part in zip(frame.planes, parts, strict=True):
        lines = np.zeros((plane.height, plane.line_size), np.uint8)
        rows = np.ascontiguousarray(part).reshape(len(part), -1).view(np.uint8)
        lines[: len(part), : rows.shape[1]] = rows
        plane.update(lines.tobytes())
    return frame


@pytest.mark.parametrize(
    ("pixel_format", "order", "dtype", "kind"),
    [
        *[(f"gray{bits}le", "Y", "<u2", f"uint{bits}") for bits in (9, 10, 12, 14, 16)],
        *[("gray16be", "Y", ">u2", "uint16"), ("grayf32le", "Y", "<f4", "float"), ("ya16be", "YA", ">u2", "uint16")],
        *[("rgb48le", "RGB", "<u2", "uint16 RGB"), ("bgr48be", "BGR", ">u2", "uint16 RGB")],
        *[("rgba64be", "RGBA", ">u2", "uint16 RGB"), ("gbrp16le", "GBR", "<u2", "uint16 RGB")],
        *[("gbrap16be", "GBRA", ">u2", "uint16 RGB"), ("gbrpf32le", "GBR", "<f4", "float RGB")],
    ],
)
def test_values_are_those_that_are_stored(pixel_format: str, order: str, dtype: str, kind: str) -> None:
    stored = np.random.default_rng(1).integers(0, 500, (5, 7, len(order))).astype(dtype)
    values = values_of(frame_of(stored, pixel_format, is_planar=pixel_format.startswith("gbr")))
    assert values is not None
    assert values.kind == kind
    right = stored[..., 0] if order[0] == "Y" else stored[..., [order.index(name) for name in "RGB"]]
    assert np.array_equal(values.pixels, right)
    assert (values.alpha is None) == ("A" not in order)


@pytest.mark.parametrize("pixel_format", ["gray", "yuv420p10le", "gbrp10le", "gbrp12le", "p010le", "rgb24", "xyz12le"])
def test_what_has_a_range_of_its_own_has_no_window(pixel_format: str) -> None:
    assert values_of(av.VideoFrame(16, 16, pixel_format)) is None


def test_a_high_dynamic_range_is_a_range() -> None:
    frame = av.VideoFrame(16, 16, "gbrp16le")
    assert values_of(frame) is not None
    frame.color_trc = 16
    assert values_of(frame) is None


def test_a_kind_of_integers_is_full_at_its_last_bit() -> None:
    windows = [full_window(kind) for kind in ("uint10", "uint16 RGB", "int16", "int8", "float")]
    assert windows == [(0, 1023), (0, 65535), (-32768, 32767), (-128, 127), (0, 1)]


def test_frames_are_seen_as_pictures_with_their_values(tmp_path: Path) -> None:
    """In small, with figures, and cut out of the full size."""
    frames = [thermal(seed, 29_000 + 100 * seed, 30_000 + 100 * seed) for seed in range(3)]
    window = Window(29_000.0, 30_500.0)
    video, proxies = decoded_with_proxies(write_values(tmp_path / "a.mkv", frames, "gray16le"))
    seen, through = decoded_with_proxies(tmp_path / "a.mkv", window_of=lambda kind: window)
    assert (video.values, video.window, video.reason) == (ValueRange("uint16", 29_000, 30_200), None, "")
    assert (seen.values, seen.window) == (video.values, window)
    for index, values in enumerate(frames):
        Image.fromarray(values).save(tmp_path / "a.png")
        own = decode_image(tmp_path / "a.png", max_pixels=10_000, proxy_size=64)
        common = decode_image(tmp_path / "a.png", max_pixels=10_000, proxy_size=64, window_of=lambda kind: window)
        assert (proxies[index], through[index]) == (own.proxy, common.proxy)
        assert (video.frames[index].quality, seen.frames[index].quality) == (own.quality, common.quality)
        assert video.frames[index].pixel_hash == seen.frames[index].pixel_hash


def test_one_odd_frame_among_many_does_not_make_the_others_flat(tmp_path: Path) -> None:
    """As the shutter of a thermal camera, or a frame without light."""
    frames = [thermal(seed, size=(16, 16)) for seed in range(60)]
    odd = np.zeros((16, 16), np.uint16)
    odd[:8] = 60_000
    few, _ = decoded_with_proxies(write_values(tmp_path / "few.mkv", [odd, *frames[:10]], "gray16le"))
    many, _ = decoded_with_proxies(write_values(tmp_path / "many.mkv", [odd, *frames], "gray16le"))
    assert few.values == ValueRange("uint16", 0, 60_000)
    assert many.values == ValueRange("uint16", 29_000, 31_000)


def test_what_lies_beyond_the_window_is_told(tmp_path: Path) -> None:
    write_values(tmp_path / "a.mkv", [thermal(1), thermal(2), thermal(2)], "gray16le")
    video, _ = decoded_with_proxies(tmp_path / "a.mkv", window_of=lambda kind: Window(0, 100))
    beyond = "frame 0: 100% of its values lie beyond 0 to 100 (clean.value_window), and 1 more frames likewise"
    assert video.reason == beyond


def test_pictures_in_full_size_are_seen_through_the_window_and_keep_16_bits(tmp_path: Path) -> None:
    frames = [thermal(1), thermal(2)]
    write_values(tmp_path / "warm" / "a.mkv", frames, "gray16le")
    windows = ValueWindows(known={("warm", "uint16"): Window(29_000, 31_000)})
    picture, _ = read_raw_samples(
        tmp_path, [("warm/a.mkv", 1), ("a.mkv", 0)], video_extensions=["mkv"], max_pixels=10_000, windows=windows
    )
    assert picture is not None
    right = np.rint((frames[1].astype(float) - 29_000) * 255 / 2_000)
    assert np.abs(np.asarray(picture)[..., 1] - right).max() <= 1
    ((_, kept),) = video_pictures(tmp_path / "warm" / "a.mkv", {1: ""}, 10_000, keeps_16_bits=True)
    assert np.array_equal(np.asarray(kept), frames[1])


@pytest.mark.parametrize("pixel_format", ["rgb48be", "rgba64be"])
def test_png_frames_of_16_bits_are_seen_as_png_files(tmp_path: Path, pixel_format: str) -> None:
    channels = [thermal(seed) for seed in range(3)]
    alpha = [np.linspace(0, 65_535, 48).astype(np.uint16) + np.zeros((32, 1), np.uint16)] if "a" in pixel_format else []
    pixels = np.stack([*channels, *alpha], axis=2)
    _, proxies = decoded_with_proxies(write_values(tmp_path / "a.mov", [pixels], pixel_format, "png"))
    proxy = np.asarray(Image.open(io.BytesIO(proxies[0])).convert("L")).astype(int)
    assert np.ptp(proxy[:, : 20 if alpha else 48]) > 60
    assert not alpha or proxy[:, 0].min() > 240
    with av.open(str(tmp_path / "a.mov")) as container:
        shown = np.asarray(
            upright_image(next(container.decode(video=0)), window_of=lambda kind: Window(29_000, 31_000))
        )
    right = (np.stack(channels, axis=2).astype(float) - 29_000) * 255 / 2_000
    opacity = alpha[0][..., None] / 65_535 if alpha else 1
    assert np.abs(shown - (right * opacity + 255 * (1 - opacity))).max() <= 2
