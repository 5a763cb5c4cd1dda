"""Files of several images: which of them are pages, and what damage costs."""

import zlib
from itertools import pairwise
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from PIL import Image, TiffImagePlugin, features

from curation.image.opening import open_image
from curation.image.pages import page_count, page_counts_of, read_pages
from curation.image.png_frames import png_frames
from curation.image.undecodable import UndecodableImageError
from curation.image.values import Values
from tests.media_files import cut, picture, write_image, write_pages
from tests.tiff_files import write_tiff

LIMIT = 100_000


def shown(path: Path, index: int) -> np.ndarray[Any, Any]:
    """Return the pixels of a page, (height, width, 3)."""
    (page,) = read_pages(path, [index], LIMIT)
    assert page.stored is not None
    assert isinstance(page.stored.picture, Image.Image)
    return np.asarray(page.stored.picture.convert("RGB"))


def faults(path: Path, count: int) -> list[bool]:
    return [bool(page.fault) for page in read_pages(path, range(count), LIMIT)]


@pytest.mark.parametrize("name", ["a.tif", "a.gif", "a.png", "a.webp"])
def test_each_page_is_found_by_its_index(tmp_path: Path, name: str) -> None:
    path = write_pages(tmp_path / name, range(5))
    assert page_count(path) == 5
    for index in (4, 0, 2):
        np.testing.assert_array_equal(shown(path, index), picture(index))


@pytest.mark.skipif(not features.check("avif"), reason="this Pillow has no AVIF")
def test_sequences_of_avif_have_pages(tmp_path: Path) -> None:
    flat = [Image.new("RGB", (32, 24), (level, 0, 0)) for level in (0, 120, 240)]
    flat[0].save(tmp_path / "a.avif", save_all=True, append_images=flat[1:])
    assert page_count(tmp_path / "a.avif") == 3
    assert all(
        shown(tmp_path / "a.avif", index)[..., 0].mean() == pytest.approx(120 * index, abs=8) for index in range(3)
    )


def test_frames_are_composed_as_they_are_shown(tmp_path: Path) -> None:
    """A writer of animations stores of each frame what differs from the one before."""
    frames = []
    for place in range(4):
        frame = Image.fromarray(picture(9))
        frame.paste((250, 0, 0), (8 * place, 0, 8 * place + 4, 24))
        frames.append(frame)
    for name in ("a.png", "a.gif"):
        frames[0].save(tmp_path / name, save_all=True, append_images=frames[1:])
        np.testing.assert_array_equal(shown(tmp_path / name, 3), np.asarray(frames[3]))


def test_reduced_pictures_and_masks_are_no_pages(tmp_path: Path) -> None:
    path = tmp_path / "pyramid.tif"
    with TiffImagePlugin.AppendingTiffWriter(str(path), new=True) as file:
        for seed, kind in ((0, 0), (1, 1), (2, 4), (3, 2)):
            tags = TiffImagePlugin.ImageFileDirectory_v2()
            tags[254] = kind
            Image.fromarray(picture(seed)).save(file, "TIFF", tiffinfo=tags)
            file.newFrame()
    assert page_count(path) == 2
    np.testing.assert_array_equal(shown(path, 1), picture(3))


def test_pages_of_16_bits_keep_their_values_and_other_kinds_of_files_have_one(tmp_path: Path) -> None:
    values = [np.arange(768, dtype=np.uint16).reshape(24, 32) + 1000 * n for n in range(3)]
    stack = [Image.fromarray(each) for each in values]
    stack[0].save(tmp_path / "deep.tif", save_all=True, append_images=stack[1:])
    (page,) = read_pages(tmp_path / "deep.tif", [2], LIMIT)
    assert page.stored is not None
    assert isinstance(page.stored.picture, Values)
    np.testing.assert_array_equal(page.stored.picture.pixels, values[2])
    stack[0].save(tmp_path / "deep.png", save_all=True, append_images=stack[1:])
    (tmp_path / "no.gif").write_bytes(b"GIF89a")
    others = [write_image(tmp_path / name, 1) for name in ("a.jpg", "a.bmp", "a.gif")]
    paths = [tmp_path / "deep.tif", tmp_path / "deep.png", tmp_path / "no.gif", *others]
    assert page_counts_of(paths) == dict(zip(paths, (3, 1, 1, 1, 1, 1), strict=True))


def test_pages_of_16_bit_colours_keep_all_bits(tmp_path: Path) -> None:
    """Pillow reads their upper bytes alone, so each is decoded twice; for all the file is opened once more."""
    colours = np.random.default_rng(3).integers(0, 65536, (3, 12, 16, 3)).astype(np.uint16)
    path = write_tiff(tmp_path / "a.tif", *colours)
    with patch("curation.image.pages.open_image", wraps=open_image) as opened_again:
        for index, page in enumerate(read_pages(path, range(3), LIMIT)):
            assert page.stored is not None
            assert isinstance(page.stored.picture, Values)
            np.testing.assert_array_equal(page.stored.picture.pixels, colours[index])
    assert opened_again.call_count == 1


@pytest.mark.parametrize("share", [0.5, 1], ids=["in the pixels", "in the checksum behind them"])
def test_a_damaged_page_of_a_tiff_file_costs_itself_alone(tmp_path: Path, share: float) -> None:
    path = write_pages(tmp_path / "a.tif", range(4), compression="tiff_adobe_deflate")
    with Image.open(path) as image:
        image.seek(1)
        (offset, *_), (count, *_) = image.tag_v2[273], image.tag_v2[279]  # type: ignore[attr-defined]
    content = bytearray(path.read_bytes())
    content[offset + int(share * (count - 1))] ^= 0xFF
    path.write_bytes(content)
    assert faults(path, 4) == [False, True, False, False]
    (page,) = read_pages(path, [1], LIMIT)
    assert page.fault.startswith("damaged TIFF file: ")  # libtiff alone would pass over some of it


@pytest.mark.parametrize("name", ["a.gif", "a.png"])
def test_a_damaged_frame_of_an_animation_ends_it(tmp_path: Path, name: str) -> None:
    path = write_pages(tmp_path / name, range(6))
    cut(path, tmp_path / f"cut-{name}", 0.55)
    found = faults(tmp_path / f"cut-{name}", 6)
    assert found[0] is False
    assert found[-1] is True
    assert len(found) < 6
    assert not any(found[:-1])


def test_a_circle_of_pages_ends(tmp_path: Path) -> None:
    path = write_tiff(tmp_path / "a.tif", *np.zeros((3, 8, 8), np.uint8))
    content = bytearray(path.read_bytes())
    content[-4:] = content[4:8]
    path.write_bytes(content)
    assert page_count(path) == 3


def test_a_tiff_file_that_breaks_off_has_a_damaged_page_more(tmp_path: Path) -> None:
    path = cut(write_pages(tmp_path / "a.tif", range(4)), tmp_path / "cut.tif", 0.6)
    count = page_count(path)
    assert count > 1
    assert faults(path, count)[-1] is True


def test_checksums_tell_which_frame_of_a_png_file_is_damaged(tmp_path: Path) -> None:
    path = write_pages(tmp_path / "a.png", range(4))
    content = path.read_bytes()
    assert png_frames(path) == (4, 4)
    ends = [place for place in range(len(content)) if content[place : place + 4] == b"fcTL"]
    assert len(ends) == 4
    for number, (begin, end) in enumerate(pairwise([*ends, len(content) - 12])):
        damaged = bytearray(content)
        damaged[(begin + end) // 2] ^= 1
        (tmp_path / "damaged.png").write_bytes(damaged)
        assert png_frames(tmp_path / "damaged.png") == (number, 4)
        (tmp_path / "cut.png").write_bytes(content[: (begin + end) // 2])
        assert png_frames(tmp_path / "cut.png") == (number, number + 1)


def test_a_header_that_promises_any_number_of_frames_is_told_from_what_there_is(tmp_path: Path) -> None:
    path = write_pages(tmp_path / "a.png", range(3))
    content = bytearray(path.read_bytes())
    at = content.index(b"acTL")
    content[at + 4 : at + 8] = (2**31 - 1).to_bytes(4, "big")
    content[at + 12 : at + 16] = zlib.crc32(content[at : at + 12]).to_bytes(4, "big")
    path.write_bytes(content)
    assert page_count(path) == 4
    assert faults(path, 4) == [False, False, False, True]


def test_too_large_a_page_refuses_the_file(tmp_path: Path) -> None:
    small, large = Image.fromarray(picture(0)), Image.fromarray(picture(1, 400, 300))
    small.save(tmp_path / "a.tif", save_all=True, append_images=[large])
    with pytest.raises(UndecodableImageError) as error:
        list(read_pages(tmp_path / "a.tif", range(2), LIMIT))
    assert error.value.limit == "clean.max_pixels"
