"""One decoded frame of a video."""

import sys

import av
import numpy as np
import pytest
from av.video.reformatter import ColorRange, Colorspace, Interpolation
from numpy.typing import NDArray
from PIL import Image

from curation.image.yuv import SCALING
from curation.video import frame as module
from curation.video.frame import has_hash, pixel_hash, small_picture, transpose_of, upright_image

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


@pytest.mark.parametrize("pixel_format", ["yuv444p", "nv24", "yuv420p", "gray16le", "rgb24", "yuva444p10le"])
@pytest.mark.parametrize("transpose", list(Image.Transpose))
def test_a_picture_that_is_turned_when_shown_equals_one_that_is_stored_so(
    pixel_format: str, transpose: Image.Transpose, monkeypatch: pytest.MonkeyPatch
) -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (8, 12, 3), np.uint8).repeat(2, 0).repeat(2, 1)
    turned = np.asarray(Image.fromarray(pixels).transpose(transpose))
    stored, shown = (of_limited_range(each, pixel_format, Colorspace.ITU601) for each in (pixels, turned))
    plain, right = pixel_hash(stored), pixel_hash(shown)
    monkeypatch.setattr(module, "transpose_of", lambda picture: transpose if picture is stored else None)
    assert pixel_hash(stored) == right != plain
    assert has_hash(stored, plain)
    assert has_hash(stored, right)
    assert not has_hash(shown, plain)


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


@pytest.mark.parametrize(
    "pixel_format", ["rgba", "bgra", "argb", "gbrap", "yuva444p10le", "yuva420p", "ya8", "rgba64le"]
)
def test_what_is_transparent_shows_white_and_what_is_opaque_stays_as_it_is(pixel_format: str) -> None:
    pixels = np.full((32, 48, 4), 90, np.uint8)
    pixels[..., 3] = np.repeat([0, 128, 255], 16)
    frame = av.VideoFrame.from_ndarray(pixels, format="rgba").reformat(format=pixel_format, interpolation=FULL_CHROMA)
    shown = np.asarray(upright_image(frame))[16, 8::16].astype(int)
    assert np.abs(shown - [[255], [172], [90]]).max() <= 1
    assert np.abs(small_picture(frame, (24, 16)).y[8, 4::8].astype(int) - [255, 172, 90]).max() <= 1


@pytest.mark.parametrize("alpha", [0, 255])
def test_a_frame_that_is_as_transparent_everywhere_is_opaque(alpha: int) -> None:
    """Recorders that write four channels often leave the fourth empty."""
    pixels = np.random.default_rng(1).integers(0, 256, (32, 48, 4), np.uint8)
    pixels[..., 3] = alpha
    shown = np.asarray(upright_image(av.VideoFrame.from_ndarray(pixels, format="rgba")))
    assert np.array_equal(shown, pixels[..., :3])


@pytest.mark.parametrize(("pixel_format", "bits"), [("gray10le", 10), ("gray12be", 12), ("gray16le", 16)])
def test_grey_of_more_than_8_bits_keeps_them(pixel_format: str, bits: int) -> None:
    values = np.random.default_rng(1).integers(0, 2**bits, (24, 32)).astype(np.uint16)
    frame = av.VideoFrame(32, 24, pixel_format)
    lines = np.zeros((24, frame.planes[0].line_size // 2), ">u2" if pixel_format.endswith("be") else "<u2")
    lines[:, :32] = values
    frame.planes[0].update(lines.tobytes())
    image = upright_image(frame)
    assert image.mode == "I;16"
    assert np.array_equal(np.asarray(image) >> (16 - bits), values)
    assert upright_image(frame, keeps_16_bits=False).mode == "RGB"


@pytest.mark.parametrize("matrix", [3, 8, 10, 14])
def test_a_matrix_that_ffmpeg_does_not_know_costs_no_picture(matrix: int) -> None:
    frame = of_limited_range(np.full((32, 32, 3), 77, np.uint8), "yuv420p", Colorspace.ITU601)
    frame.colorspace = matrix
    assert np.abs(np.asarray(upright_image(frame)).astype(int) - 77).max() <= 1
