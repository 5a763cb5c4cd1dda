"""One decoded frame of a video."""

import sys

import av
import numpy as np
import pytest
from av.video.reformatter import ColorRange, Colorspace, Interpolation
from numpy.typing import NDArray

from curation.image.yuv import SCALING
from curation.video.frame import transpose_of, upright_image

FULL_CHROMA = SCALING | Interpolation.FULL_CHR_H_INP


def of_limited_range(pixels: NDArray[np.uint8], pixel_format: str, matrix: Colorspace) -> av.VideoFrame:
    """Return (height, width, 3) RGB as a frame of limited range."""
    frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
    return frame.reformat(
        format=pixel_format, dst_colorspace=matrix, dst_color_range=ColorRange.MPEG, interpolation=FULL_CHROMA
    )


def test_looking_for_a_rotation_makes_no_cycle_of_references() -> None:
    """Frames in cycles wait for the garbage collector, hundreds of them, at some megabytes each."""
    frame = av.VideoFrame.from_ndarray(np.zeros((16, 16, 3), np.uint8), format="rgb24")
    before = sys.getrefcount(frame)
    assert transpose_of(frame) is None
    assert sys.getrefcount(frame) == before


@pytest.mark.parametrize("matrix", [Colorspace.ITU601, Colorspace.ITU709, Colorspace.BT2020])
@pytest.mark.parametrize("pixel_format", ["yuv420p", "nv12", "yuyv422", "yuv422p10le", "yuv444p", "yuva420p", "p010le"])
def test_limited_range_becomes_rgb_without_loss_of_white_or_mean(pixel_format: str, matrix: Colorspace) -> None:
    greys = np.arange(256, dtype=np.uint8)[None, :, None].repeat(32, 0).repeat(3, 2)
    shown = np.asarray(upright_image(of_limited_range(greys, pixel_format, matrix))).astype(int)
    assert np.abs(shown - greys).max() <= 1
    assert (shown[:, 0].max(), shown[:, 255].min()) == (0, 255)
    blocks = np.random.default_rng(1).integers(30, 225, (12, 16, 3), np.uint8).repeat(16, 0).repeat(16, 1)
    shown = np.asarray(upright_image(of_limited_range(blocks, pixel_format, matrix))).astype(int)
    assert abs((shown - blocks)[8::16, 8::16].mean()) < 0.1
