"""Crops: the right pixels of the upright picture, whatever its file is like, and nothing that is not in it."""

import io
from pathlib import Path

import av
import numpy as np
import pytest
from av.video.reformatter import ColorRange, Colorspace
from numpy.typing import NDArray
from PIL import Image, ImageOps

from curation.image.crops import SMALLEST, WantedBox, cut, pixel_box
from curation.image.decode import decode_image
from curation.image.yuv import SCALING

WIDTH, HEIGHT = 320, 240


@pytest.fixture(scope="module")
def scene() -> Image.Image:
    coarse = np.random.default_rng(0).integers(0, 256, (12, 16, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC)


def pixels_of(jpeg: bytes) -> NDArray[np.int16]:
    return np.asarray(Image.open(io.BytesIO(jpeg)).convert("RGB")).astype(np.int16)


@pytest.mark.parametrize(
    ("ending", "orientation"), [*(("jpg", orientation) for orientation in range(1, 9)), ("png", 1), ("png", 6)]
)
def test_a_crop_has_the_pixels_of_the_upright_picture(
    tmp_path: Path, scene: Image.Image, ending: str, orientation: int
) -> None:
    path, exif = tmp_path / f"a.{ending}", Image.Exif()
    exif[0x0112] = orientation
    scene.save(path, exif=exif, quality=95)
    upright = ImageOps.exif_transpose(Image.open(path)).convert("RGB")
    wanted = [WantedBox(3, (101, 143, 57, 45)), WantedBox(5, (0.5, 0.25, 0.4, 0.5), (1, 1))]
    for draft in (False, True):
        decoded = decode_image(path, max_pixels=10**6, proxy_size=64, jpeg_draft=draft, boxes=wanted)
        without = decode_image(path, max_pixels=10**6, proxy_size=64, jpeg_draft=draft)
        assert (decoded.proxy, decoded.pixel_hash) == (without.proxy, without.pixel_hash)
        first, second = decoded.crops
        assert first[:-1] == (3, 101, 143, 57, 45)
        assert second[:-1] == (
            *(5, upright.width // 2, upright.height // 4),
            *(round(0.4 * upright.width), upright.height // 2),
        )
        for crop in decoded.crops:
            found = pixels_of(crop.jpeg)
            place = (crop.left, crop.top, crop.left + crop.width, crop.top + crop.height)
            expected = upright.crop(place).resize(found.shape[1::-1], Image.Resampling.BOX)
            assert np.abs(found - np.asarray(expected)).mean() < 6
        assert min(pixels_of(second.jpeg).shape[:2]) == 64


def test_transparency_and_many_bits_are_cut_as_the_proxy_shows_them(tmp_path: Path) -> None:
    clear = np.zeros((40, 40, 4), np.uint8)
    clear[0, 0, 3] = 255  # what is transparent all over counts as opaque
    Image.fromarray(clear).save(tmp_path / "clear.png")
    deep = np.zeros((40, 40), np.uint16)
    deep[:, 20:] = 65535
    Image.fromarray(deep).save(tmp_path / "deep.png")
    (crop,) = decode_image(
        tmp_path / "clear.png", max_pixels=10**4, proxy_size=32, boxes=[WantedBox(0, (4, 4, 10, 10))]
    ).crops
    assert pixels_of(crop.jpeg).min() == 255
    (crop,) = decode_image(
        tmp_path / "deep.png", max_pixels=10**4, proxy_size=32, boxes=[WantedBox(0, (20, 0, 20, 20))]
    ).crops
    assert pixels_of(crop.jpeg).min() == 255


@pytest.mark.parametrize(
    ("box", "extent", "expected"),
    [
        ((10, 20, 30, 40), None, (10, 20, 40, 60)),
        ((10.4, 20.6, 30, 40), None, (10, 20, 41, 61)),
        ((10.00000001, 20, 30, 39.99999999), None, (10, 20, 40, 60)),
        ((-10, -10, 30, 400), None, (0, 0, 20, 100)),
        ((190, 90, 100, 100), None, (190, 90, 200, 100)),
        ((0.25, 0.5, 0.5, 0.25), (1.0, 1.0), (50, 50, 150, 75)),
        ((10, 10, 20, 20), (100, 50), (20, 20, 60, 60)),
        ((0, 0, SMALLEST, SMALLEST), None, (0, 0, SMALLEST, SMALLEST)),
        ((0, 0, SMALLEST - 1, 50), None, None),
        ((0, 0, 50, 0), None, None),
        ((195, 0, 50, 50), None, None),
        ((300, 0, 50, 50), None, None),
        ((-100, 0, 50, 50), None, None),
        ((0, 0, float("nan"), 50), None, None),
        ((0, 0, 50, 50), (0.0, 0.0), None),
        ((0, 0, 1e300, 1e300), None, (0, 0, 200, 100)),
    ],
)
def test_a_box_is_the_whole_pixels_that_it_touches_in_the_picture(
    box: tuple[float, float, float, float],
    extent: tuple[float, float] | None,
    expected: tuple[int, int, int, int] | None,
) -> None:
    assert pixel_box(WantedBox(0, box, extent), 200, 100) == expected


@pytest.mark.parametrize("size", [(64, 48), (66, 51)])
@pytest.mark.parametrize(
    "form", ["yuv420p", "yuvj422p", "yuv444p", "yuv411p", "gray", "nv12", "yuv420p10le", "rgb24", "yuva420p"]
)
def test_a_part_of_a_frame_is_converted_as_all_of_it_would_be(form: str, size: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    frame = av.VideoFrame.from_ndarray(noise, format="rgb24").reformat(format=form)
    frame.colorspace, frame.color_range = Colorspace.ITU709, ColorRange.MPEG
    whole = Image.fromarray(frame.to_ndarray(format="rgb24", interpolation=SCALING, threads=1))
    wanted = [WantedBox(key, (*rng.integers(0, 30, 2), *rng.integers(8, 40, 2))) for key in range(10)]
    for transpose in (None, *Image.Transpose):
        assert cut(frame, transpose, wanted, 16) == cut(whole, transpose, wanted, 16)
