"""Figures of a picture against plain formulas, and its perceptual hash against changes that people hardly see."""

import io

import numpy as np
import pytest
import scipy.fft
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from curation.image import quality
from curation.image.quality import Quality, quality_of
from curation.image.yuv import Yuv, turned


def _grey(luma: NDArray[np.uint8], u: int = 128, v: int = 128) -> Yuv:
    """Return a picture of one colour difference."""
    shape = ((luma.shape[0] + 1) // 2, (luma.shape[1] + 1) // 2)
    return Yuv(luma, np.full(shape, u, np.uint8), np.full(shape, v, np.uint8))


def _noise(seed: int, width: int, height: int) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (height, width), dtype=np.uint8)


def _scene(seed: int, width: int = 160, height: int = 120) -> NDArray[np.uint8]:
    """Return something smooth, as photographs are: (height, width)."""
    return np.asarray(Image.fromarray(_noise(seed, 8, 6)).resize((width, height), Image.Resampling.BICUBIC))


def _bits(first: Yuv, second: Yuv) -> int:
    hashes = (int(quality_of(each).perceptual_hash, 16) for each in (first, second))
    return (next(hashes) ^ next(hashes)).bit_count()


@given(st.integers(0, 1000), st.integers(1, 70), st.integers(1, 70), st.integers(0, 255), st.integers(0, 255))
def test_figures_follow_their_formulas(seed: int, width: int, height: int, u: int, v: int) -> None:
    luma = _noise(seed, width, height)
    found = quality_of(_grey(luma, u, v))
    exact = luma.astype(np.float64)
    assert found.luma_mean == pytest.approx(exact.mean())
    assert found.contrast == pytest.approx(exact.std())
    if min(width, height) >= 3:
        around = exact[:-2, 1:-1] + exact[2:, 1:-1] + exact[1:-1, :-2] + exact[1:-1, 2:]
        assert found.sharpness == pytest.approx((around - 4 * exact[1:-1, 1:-1]).var())
    else:
        assert found.sharpness == 0
    weights = np.array([[1, 0, 1.402], [1, -0.344136, -0.714136], [1, 1.772, 0]])
    colours = (weights @ [exact.mean(), u - 128, v - 128]).clip(0, 255)
    np.testing.assert_allclose([found.red_mean, found.green_mean, found.blue_mean], colours, atol=1e-6)


def test_extremes_do_not_overflow() -> None:
    for shape in ((8192, 40), (40, 8192), (1024, 1024)):
        white = quality_of(_grey(np.full(shape, 255, np.uint8)))
        assert (white.luma_mean, white.contrast, white.sharpness, white.uniform_rows) == (255, 0, 0, 1)
        assert white.perceptual_hash == "8000000000000000"
        board = np.where(np.indices(shape).sum(axis=0) % 2, 255, 0).astype(np.uint8)
        found = quality_of(_grey(board))
        assert (found.luma_mean, found.contrast, found.uniform_rows) == (127.5, 127.5, 0)
        assert found.sharpness == 1020**2


def test_figures_of_one_grey() -> None:
    for shape in ((1, 1), (1, 2), (2, 2), (3, 3), (40, 30), (32, 64)):
        found = quality_of(_grey(np.full(shape, 18, np.uint8)))
        assert found == Quality(18, 0, 0, 1, 18, 18, 18, "8000000000000000")
    assert quality_of(_grey(np.zeros((5, 5), np.uint8))).perceptual_hash == "0" * 16


def test_uniform_rows_are_counted_along_the_rows_of_the_file() -> None:
    luma = _noise(1, 40, 40)
    luma[10:] = 128
    luma[10:, ::2] += quality.UNIFORM_RANGE
    assert quality_of(_grey(luma)).uniform_rows == 0.75
    assert quality_of(_grey(luma), Image.Transpose.ROTATE_90).uniform_rows == 0.75
    luma[10:, ::2] += 1
    assert quality_of(_grey(luma)).uniform_rows == 0


def test_blur_lowers_the_sharpness() -> None:
    sharp = _noise(1, 80, 60)
    blurred = np.asarray(Image.fromarray(sharp).resize((20, 15)).resize((80, 60)))
    assert quality_of(_grey(blurred)).sharpness < quality_of(_grey(sharp)).sharpness / 20


@pytest.mark.parametrize(("width", "height"), [(96, 64), (100, 50), (31, 33), (20, 7), (1, 1)])
def test_the_perceptual_hash_is_the_cosine_transforms_sign_around_its_median(width: int, height: int) -> None:
    for seed in range(5):
        luma = _scene(seed, width, height)
        finest = np.repeat(np.repeat(luma.astype(np.float64), 32, axis=0), 32, axis=1)  # 32 cells fit into any size
        means = finest.reshape(32, height, 32, width).mean(axis=(1, 3))
        low = scipy.fft.dctn(means, type=2)[:8, :8]
        expected = low - np.median(low)
        bits = np.unpackbits(np.frombuffer(bytes.fromhex(quality_of(_grey(luma)).perceptual_hash), np.uint8))
        doubtful = np.abs(expected) < 1e-3 * np.abs(low).max()  # nearer to the median than rounding
        np.testing.assert_array_equal((bits.reshape(8, 8) == 1) | doubtful, (expected > 0) | doubtful)
        assert doubtful.mean() < 0.2 or min(width, height) < 8


def test_cosines_are_far_from_where_rounding_could_differ() -> None:
    angles = np.pi * np.outer(np.arange(8), 2 * np.arange(32) + 1) / 64
    exact = np.cos(angles) * 4096
    assert np.abs(np.abs(exact - np.floor(exact)) - 0.5).min() > 1e-6
    np.testing.assert_array_equal(quality._cosines(), np.rint(exact))
    assert (quality._cosines()[1:].sum(axis=1) == 0).all()


def test_alike_pictures_have_alike_hashes_and_others_have_not() -> None:
    scenes = [_scene(seed) for seed in range(12)]
    for seed, luma in enumerate(scenes):
        buffer = io.BytesIO()
        Image.fromarray(luma).resize((80, 60)).save(buffer, "JPEG", quality=40)
        assert _bits(_grey(luma), _grey(np.asarray(Image.open(buffer)))) <= 4
        assert _bits(_grey(luma), _grey((luma * 0.8 + 40).astype(np.uint8))) <= 4
        assert all(_bits(_grey(luma), _grey(other)) >= 14 for other in scenes[seed + 1 :])


@pytest.mark.parametrize("transpose", list(Image.Transpose))
@pytest.mark.parametrize(("width", "height"), [(50, 37), (31, 64), (2, 3), (1, 1)])
def test_the_perceptual_hash_is_that_of_the_upright_picture(
    transpose: Image.Transpose, width: int, height: int
) -> None:
    stored = _grey(_scene(3, width, height))
    assert quality_of(stored, transpose).perceptual_hash == quality_of(turned(stored, transpose)).perceptual_hash


def test_figures_are_these_numbers_on_every_machine() -> None:
    planes = (
        (np.arange(height * width, dtype=np.int64) ** 2 // 97 % 256).astype(np.uint8).reshape(height, width)
        for height, width in ((45, 70), (23, 35), (23, 35))
    )
    assert quality_of(Yuv(*planes)) == Quality(
        luma_mean=123.49904761904762,
        contrast=74.56355869194587,
        sharpness=75427.8296755377,
        uniform_rows=0.0,
        red_mean=107.19579047619047,
        green_mean=135.80523916190478,
        blue_mean=102.89321904761903,
        perceptual_hash="a63636343931397d",
    )
