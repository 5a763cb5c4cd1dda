"""Files of several images: which pages are taken, what is kept of them, and when the file counts as corrupt."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from curation.cleaning.decode_pages import DecodedPages, decode_pages
from curation.image.crops import Crop, Cropping, WantedBox
from curation.image.window import Window
from curation.video.sampling import FrameChoice
from tests.media_files import write_pages
from tests.tiff_files import write_tiff


def decoded(
    path: Path,
    choice: FrameChoice | None = None,
    threshold: float = 0.5,
    window: Window | None = None,
    boxes: dict[int, list[WantedBox]] | None = None,
) -> tuple[DecodedPages, dict[int, bytes], list[tuple[int, Crop]]]:
    """Return what is decoded, with the proxies and crops."""
    proxies: dict[int, bytes] = {}
    crops: list[tuple[int, Crop]] = []
    pages = decode_pages(
        path,
        max_pixels=100_000,
        proxy_size=16,
        corruption_threshold=threshold,
        add_proxy=proxies.__setitem__,
        progress=lambda _: None,
        choice=choice or FrameChoice(),
        cropping=Cropping(boxes or {}, lambda index, crop: crops.append((index, crop))),
        window_of=lambda _: window,
    )
    return pages, proxies, crops


def test_equal_pages_have_one_proxy_and_one_crop(tmp_path: Path) -> None:
    boxes = {index: [WantedBox(index, (2, 2, 20, 20))] for index in (0, 2)}
    pages, proxies, crops = decoded(write_pages(tmp_path / "a.tif", [4, 5, 4]), boxes=boxes)
    assert (pages.is_corrupt, pages.reason, pages.decoded, pages.missing, pages.skipped) == (False, "", 3, 0, 0)
    assert [sample.member for sample in pages.samples] == ["00000000.jpg", "00000001.jpg", ""]
    assert pages.samples[0].pixel_hash == pages.samples[2].pixel_hash != pages.samples[1].pixel_hash
    assert pages.samples[2].quality == pages.samples[0].quality
    assert all(np.isnan(sample.time_s) for sample in pages.samples)
    assert sorted(proxies) == [0, 1]
    assert [index for index, _ in crops] == [0]


def test_a_limit_spreads_the_pages_and_known_ones_are_taken_whatever_it_says(tmp_path: Path) -> None:
    path = write_pages(tmp_path / "a.gif", range(10))
    pages, _, _ = decoded(path, FrameChoice(fps=1, limit=3))
    assert [sample.frame for sample in pages.samples] == [0, 3, 6]
    assert (pages.skipped, pages.decoded) == (7, 10)
    pages, _, _ = decoded(path, FrameChoice(limit=1, known={2: "", 9: ""}))
    assert [sample.frame for sample in pages.samples] == [2, 9]


@pytest.mark.parametrize(("threshold", "is_corrupt"), [(0.5, False), (0.3, True)])
def test_pages_after_damage_count_towards_the_threshold(tmp_path: Path, threshold: float, is_corrupt: bool) -> None:
    content = bytearray(write_pages(tmp_path / "a.png", range(10)).read_bytes())
    content[len(content) * 65 // 100] ^= 1
    (tmp_path / "a.png").write_bytes(content)
    pages, proxies, _ = decoded(tmp_path / "a.png", threshold=threshold)
    assert [sample.frame for sample in pages.samples if sample.fault] == [6]
    assert (pages.missing, len(proxies), pages.decoded, pages.is_corrupt) == (3, 6, 10, is_corrupt)
    assert pages.reason.startswith("1 damaged and 3 missing of 10 pages (first error: page 6: it is not there, cut off")
    known, _, _ = decoded(tmp_path / "a.png", FrameChoice(known={0: "", 8: ""}), threshold=0.0)
    assert (known.is_corrupt, len(known.samples)) == (False, 2)
    assert ("40.0 %, more than clean.corruption_threshold" in pages.reason) is is_corrupt


def test_nothing_sound_makes_a_file_corrupt_whatever_the_threshold_says(tmp_path: Path) -> None:
    path = write_pages(tmp_path / "a.png", range(3))
    path.write_bytes(path.read_bytes()[:-400])
    pages, proxies, _ = decoded(path, FrameChoice(known={2: ""}))
    assert (pages.is_corrupt, proxies, len(pages.samples)) == (True, {}, 1)


def test_values_of_all_pages_make_one_range(tmp_path: Path) -> None:
    stack = [Image.fromarray(np.arange(768, dtype=np.uint16).reshape(24, 32) + 1000 * n) for n in range(3)]
    stack[0].save(tmp_path / "a.tif", save_all=True, append_images=stack[1:])
    pages, _, _ = decoded(tmp_path / "a.tif")
    assert pages.values is not None
    assert (pages.values.kind, pages.values.low, pages.values.high) == ("uint16", 0, 2767)
    assert pages.window is None
    through, _, _ = decoded(tmp_path / "a.tif", window=Window(0, 4000))
    assert through.window == Window(0, 4000)
    assert through.samples[0].quality != through.samples[2].quality


def test_a_file_with_a_page_that_is_too_large_or_of_another_kind_is_refused(tmp_path: Path) -> None:
    Image.new("L", (8, 8)).save(tmp_path / "a.tif", save_all=True, append_images=[Image.new("L", (400, 300))])
    pages, _, _ = decoded(tmp_path / "a.tif")
    assert (pages.is_corrupt, pages.limit, pages.is_unsupported, pages.missing) == (True, "clean.max_pixels", False, 2)
    grey, bands = np.zeros((8, 8), np.uint16), np.zeros((8, 8, 7), np.uint16)
    pages, _, _ = decoded(write_tiff(tmp_path / "b.tif", grey, bands, bands, grey))
    assert (pages.is_corrupt, pages.limit, pages.is_unsupported, pages.missing) == (True, "", True, 4)
    assert "TIFF of 7" in pages.reason
