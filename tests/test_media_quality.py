"""Figures of a picture against plain formulas, and its perceptual hash against changes that people hardly see."""

import io

import numpy as np
import pytest
import scipy.fft
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from stages.media import quality
from stages.media.quality import Quality, luma_of, perceptual_hash, quality_of
from tests.media_files import picture


def _scene(seed: int, width: int = 160, height: int = 120) -> NDArray[np.uint8]:
    """Return something smooth, as photographs are: (height, width, 3)."""
    blocks = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    return np.asarray(Image.fromarray(blocks).resize((width, height), Image.Resampling.BICUBIC))


def _bits(first: str, second: str) -> int:
    return (int(first, 16) ^ int(second, 16)).bit_count()


@given(st.integers(0, 1000), st.integers(1, 40), st.integers(1, 40))
def test_figures_follow_their_formulas(seed: int, width: int, height: int) -> None:
    rgb = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    luma = luma_of(rgb).astype(np.float64)
    found = quality_of(rgb)
    np.testing.assert_allclose(luma, rgb @ [0.299, 0.587, 0.114], atol=0.51)
    assert found.luma_mean == pytest.approx(luma.mean())
    assert found.contrast == pytest.approx(luma.std())
    np.testing.assert_allclose([found.red_mean, found.green_mean, found.blue_mean], rgb.mean(axis=(0, 1)))
    if min(width, height) >= 3:
        around = luma[:-2, 1:-1] + luma[2:, 1:-1] + luma[1:-1, :-2] + luma[1:-1, 2:]
        assert found.sharpness == pytest.approx((around - 4 * luma[1:-1, 1:-1]).var())
    else:
        assert found.sharpness == 0


def test_figures_of_one_colour() -> None:
    for shape in ((1, 1), (1, 2), (2, 2), (3, 3), (40, 30)):
        found = quality_of(np.full((*shape, 3), (10, 20, 30), np.uint8))
        assert (found.red_mean, found.green_mean, found.blue_mean) == (10, 20, 30)
        assert (found.luma_mean, found.contrast, found.sharpness, found.uniform_rows) == (18, 0, 0, 1)
        assert found.perceptual_hash == "8000000000000000"
    assert quality_of(np.zeros((5, 5, 3), np.uint8)).perceptual_hash == "0" * 16


def test_uniform_rows_are_counted_along_the_rows_of_the_file() -> None:
    rgb = picture(1, 40, 40).copy()
    rgb[10:] = 128
    rgb[10:, ::2] += quality.UNIFORM_RANGE
    assert quality_of(rgb).uniform_rows == 0.75
    assert quality_of(rgb, Image.Transpose.ROTATE_90).uniform_rows == 0.75
    rgb[10:, ::2] += 1
    assert quality_of(rgb).uniform_rows == 0


def test_blur_lowers_the_sharpness() -> None:
    sharp = np.random.default_rng(1).integers(0, 256, (60, 80, 3), dtype=np.uint8)
    blurred = np.asarray(Image.fromarray(sharp).resize((20, 15)).resize((80, 60)))
    assert quality_of(blurred).sharpness < quality_of(sharp).sharpness / 20


def test_the_perceptual_hash_is_the_cosine_transforms_sign_around_its_median() -> None:
    for seed in range(5):
        luma = luma_of(_scene(seed, 96, 64))
        means = luma.reshape(32, 2, 32, 3).mean(axis=(1, 3))
        low = scipy.fft.dctn(means, type=2)[:8, :8]
        expected = np.packbits(low > np.median(low)).tobytes().hex()
        assert perceptual_hash(luma) == expected


def test_cosines_are_far_from_where_rounding_could_differ() -> None:
    angles = np.pi * np.outer(np.arange(8), 2 * np.arange(32) + 1) / 64
    exact = np.cos(angles) * 4096
    assert np.abs(np.abs(exact - np.floor(exact)) - 0.5).min() > 1e-6
    np.testing.assert_array_equal(quality._cosines(), np.rint(exact))
    assert (quality._cosines()[1:].sum(axis=1) == 0).all()


def test_alike_pictures_have_alike_hashes_and_others_have_not() -> None:
    hashes = [quality_of(_scene(seed)).perceptual_hash for seed in range(12)]
    for seed, original in enumerate(hashes):
        buffer = io.BytesIO()
        Image.fromarray(_scene(seed)).resize((80, 60)).save(buffer, "JPEG", quality=40)
        copy = quality_of(np.asarray(Image.open(buffer))).perceptual_hash
        brighter = quality_of((_scene(seed) * 0.8 + 40).astype(np.uint8)).perceptual_hash
        assert _bits(original, copy) <= 4
        assert _bits(original, brighter) <= 4
        assert all(_bits(original, other) >= 14 for other in hashes[seed + 1 :])


@pytest.mark.parametrize("transpose", list(Image.Transpose))
@pytest.mark.parametrize(("width", "height"), [(50, 37), (31, 64), (2, 3), (1, 1)])
def test_the_perceptual_hash_is_that_of_the_upright_picture(
    transpose: Image.Transpose, width: int, height: int
) -> None:
    luma = luma_of(_scene(3, width, height))
    upright = np.asarray(Image.fromarray(luma).transpose(transpose))
    assert perceptual_hash(luma, transpose) == perceptual_hash(upright)


def test_figures_are_these_numbers_on_every_machine() -> None:
    ramp = (np.arange(45 * 70 * 3, dtype=np.int64) ** 2 // 97 % 256).astype(np.uint8).reshape(45, 70, 3)
    assert quality_of(ramp) == Quality(
        luma_mean=126.00920634920635,
        contrast=46.670587362566415,
        sharpness=42776.60940731079,
        uniform_rows=0.0,
        red_mean=124.19904761904762,
        green_mean=127.0031746031746,
        blue_mean=125.60095238095238,
        perceptual_hash="9b1a1a3e1b8b3e1a",
    )
