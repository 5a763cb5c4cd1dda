"""Damage in compressed TIFF files, which Pillow and libtiff pass over."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PIL.TiffImagePlugin import STRIPBYTECOUNTS, STRIPOFFSETS

from curation.image.decode import decode_image
from curation.image.undecodable import UndecodableImageError
from tests.media_files import moving_picture


def _changed(path: Path, compression: str, *, mode: str = "RGB") -> bytes:
    """Write a TIFF file and return it with a sector of its second strip overwritten."""
    picture = Image.fromarray(moving_picture(1, 0, 400, 300)).convert(mode)
    picture.save(path, compression=compression, tiffinfo={278: 96})
    decode_image(path, max_pixels=10**6, proxy_size=64)
    with Image.open(path) as opened:
        offsets, counts = (opened.tag_v2[tag] for tag in (STRIPOFFSETS, STRIPBYTECOUNTS))  # type: ignore[attr-defined]
    assert len(offsets) > 1
    data = path.read_bytes()
    place, length = offsets[1] + counts[1] // 2, min(512, counts[1] // 3)
    return data[:place] + np.random.default_rng(1).bytes(length) + data[place + length :]


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
@pytest.mark.parametrize("compression", ["jpeg", "tiff_adobe_deflate", "tiff_deflate"])
def test_an_overwritten_sector_is_refused(tmp_path: Path, compression: str, mode: str) -> None:
    path = tmp_path / "a.tif"
    path.write_bytes(_changed(path, compression, mode=mode))
    with pytest.raises(UndecodableImageError, match="damaged TIFF file: "):
        decode_image(path, max_pixels=10**6, proxy_size=64)


def test_a_strip_that_lacks_its_checksum_is_left_to_libtiff(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    Image.fromarray(moving_picture(1, 0, 64, 48)).save(path, compression="tiff_adobe_deflate")
    with Image.open(path) as opened:
        (offset,), (count,) = (opened.tag_v2[tag] for tag in (STRIPOFFSETS, STRIPBYTECOUNTS))  # type: ignore[attr-defined]
    data = path.read_bytes()
    assert data.count(count.to_bytes(4, "little")) == 1
    path.write_bytes(data.replace(count.to_bytes(4, "little"), (count - 4).to_bytes(4, "little")))
    assert decode_image(path, max_pixels=10**6, proxy_size=64).note == ""
    assert offset


def test_a_facsimile_that_libtiff_cannot_read_is_refused_and_nothing_is_printed(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.tif"
    Image.fromarray(moving_picture(1, 1, 96, 80)).convert("1").save(path, compression="group4")
    assert decode_image(path, max_pixels=10_000, proxy_size=32).width == 96
    with Image.open(path) as opened:
        start, size = (opened.tag_v2[tag][0] for tag in (STRIPOFFSETS, STRIPBYTECOUNTS))  # type: ignore[attr-defined]
    content = bytearray(path.read_bytes())
    content[start + size // 2 : start + size // 2 + 40] = np.random.default_rng(1).bytes(40)
    path.write_bytes(content)
    with pytest.raises(UndecodableImageError, match=r"damaged TIFF file: Fax\wDecode\w*: "):
        decode_image(path, max_pixels=10_000, proxy_size=32)
    assert capfd.readouterr().err == ""


def test_libtiffs_words_tell_what_its_number_does_not(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "a.tif"
    Image.fromarray(moving_picture(1, 1, 96, 80)).save(path, compression="tiff_lzw")
    content = bytearray(path.read_bytes())
    content[3000:4000] = np.random.default_rng(1).bytes(1000)
    path.write_bytes(content)
    with pytest.raises(UndecodableImageError, match=r"decoder error -\d+ .*: \w+ .*"):
        decode_image(path, max_pixels=10_000, proxy_size=32)
    assert capfd.readouterr().err == ""
