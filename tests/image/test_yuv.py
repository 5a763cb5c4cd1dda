"""Small pictures in luma and colour differences: as exact as a conversion through RGB, whatever the video's matrix."""

import io

import av
import numpy as np
import pytest
from av.video.reformatter import ColorRange, Colorspace, Interpolation
from numpy.typing import NDArray
from PIL import Image

from curation.image.yuv import Yuv, encode_jpeg, scaled, turned
from tests.media_files import picture

CODES = {"bt601": 6, "bt709": 1, "bt2020": 9}
"""The matrix that a frame states."""
SPACES = {"bt601": Colorspace.ITU601, "bt709": Colorspace.ITU709, "bt2020": Colorspace.BT2020}


def _frame(rgb: NDArray[np.uint8], matrix: str = "bt601", name: str = "yuv444p", full: bool = False) -> av.VideoFrame:
    frame = av.VideoFrame.from_ndarray(rgb, format="rgb24").reformat(
        format=name,
        dst_colorspace=SPACES[matrix],
        dst_color_range=ColorRange.JPEG if full else ColorRange.MPEG,
        interpolation=Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INP,
    )
    frame.colorspace = CODES[matrix]
    return frame


def _rgb(small: Yuv) -> NDArray[np.float64]:
    """Return the colours of a picture without rounding: (height, width, 3)."""
    height, width = small.y.shape
    u, v = (np.kron(plane, np.ones((2, 2)))[:height, :width] - 128 for plane in (small.u, small.v))
    y = small.y.astype(np.float64)
    return np.stack([y + 1.402 * v, y - 0.344136 * u - 0.714136 * v, y + 1.772 * u], axis=-1).clip(0, 255)


def _blocks(seed: int, block: int = 16) -> NDArray[np.uint8]:
    """Return 4 x 6 blocks of one colour each: (4 block, 6 block, 3)."""
    colours = np.random.default_rng(seed).integers(0, 256, (4, 6, 3), dtype=np.uint8)
    return np.repeat(np.repeat(colours, block, axis=0), block, axis=1)


@pytest.mark.parametrize("matrix", sorted(CODES))
@pytest.mark.parametrize("name", ["yuv444p", "yuv420p", "yuv422p10le"])
@pytest.mark.parametrize("full", [False, True])
def test_colours_are_right_in_every_matrix_depth_and_range(matrix: str, name: str, full: bool) -> None:
    rgb = _blocks(1)
    small = scaled(_frame(rgb, matrix, name, full), (24, 16))
    assert (small.y.shape, small.u.shape, small.v.shape) == ((16, 24), (8, 12), (8, 12))
    difference = np.abs(_rgb(small) - rgb[2::4, 2::4])
    assert difference.mean() < 2
    assert difference.max() < (4 if name == "yuv444p" else 12)  # halved colours bleed over the edges of blocks


def test_the_matrix_would_be_missed() -> None:
    rgb = _blocks(1)
    frame = _frame(rgb, "bt709")
    frame.colorspace = 2  # unstated counts as BT.601
    assert np.abs(_rgb(scaled(frame, (24, 16))) - rgb[2::4, 2::4]).mean() > 5


def test_frames_of_rgb_need_no_matrix() -> None:
    rgb = _blocks(2)
    for name in ("rgb24", "gbrp", "rgba"):
        frame = av.VideoFrame.from_ndarray(rgb, format="rgb24").reformat(format=name)
        frame.colorspace = 1
        assert np.abs(_rgb(scaled(frame, (24, 16))) - rgb[2::4, 2::4]).max() < 4


def test_scaling_is_the_mean_of_the_pixels_covered() -> None:
    luma = np.random.default_rng(1).integers(0, 256, (64, 96), dtype=np.uint8)
    frame = av.VideoFrame.from_ndarray(np.repeat(luma[..., None], 3, axis=2), format="rgb24")
    small = scaled(frame, (24, 16))
    means = luma.reshape(16, 4, 24, 4).mean(axis=(1, 3))
    assert np.abs(small.y - means).max() <= 2


@pytest.mark.parametrize("size", [(1, 1), (2, 1), (1, 2), (3, 3), (5, 4), (7, 9), (31, 1), (64, 48)])
@pytest.mark.parametrize("matrix", ["bt601", "bt709"])
def test_sizes_of_all_kinds_become_jpeg_files(size: tuple[int, int], matrix: str) -> None:
    frame = _frame(picture(1, 64, 48), matrix, "yuv420p")
    small = scaled(frame, size)
    for transpose in (None, *Image.Transpose):
        upright = turned(small, transpose)
        image = Image.open(io.BytesIO(encode_jpeg(upright)))
        assert image.size == upright.y.shape[::-1]
        luma = np.asarray(image.convert("YCbCr"))[..., 0].astype(np.int16)
        assert np.abs(luma - upright.y).mean() < 8
        expected = small.y if transpose is None else np.asarray(Image.fromarray(small.y).transpose(transpose))
        np.testing.assert_array_equal(upright.y, expected)


def test_planes_with_padding_are_read_without_it() -> None:
    frame = _frame(picture(1, 64, 48), name="yuv420p")
    small = scaled(frame, (37, 23))
    assert frame.reformat(37, 23, "yuv420p").planes[0].line_size > 37
    assert small.y.shape == (23, 37)
    assert small.u.shape == (12, 19)
