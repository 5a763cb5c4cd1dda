"""Images of more than 8 bits a channel: all of their values are read, hashed, and seen through a window."""

import io
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from curation.image import raw_photos, tiff
from curation.image.decode import decode_image, load_image
from curation.image.decoded_sample import DecodedImage
from curation.image.pillow_modes import former_hash
from curation.image.reading import read_image
from curation.image.undecodable import UndecodableImageError, UnsupportedImageError
from curation.image.values import Values, seen, usual_range
from curation.image.window import Window, full_window
from tests.tiff_files import write_tiff

LIMIT = 1_000_000
RNG = np.random.default_rng(1)
SCENE = (np.sin(np.arange(96) / 9)[None] + np.cos(np.arange(64) / 7)[:, None] + RNG.normal(0, 0.1, (64, 96))) / 6 + 0.5
"""(64, 96), within 0 to 1."""
GREY = np.rint(29_000 + 4_000 * SCENE).astype(np.uint16)
COLOURS = np.stack([GREY - 28_000, GREY[::-1] - 28_000, GREY[:, ::-1] - 28_500], axis=2)


def decoded(path: Path, window: Window | None = None, **arguments: Any) -> DecodedImage:
    return decode_image(path, max_pixels=LIMIT, proxy_size=64, window_of=lambda _: window, **arguments)


def values(path: Path) -> Values:
    picture = read_image(path, b"", LIMIT).stored.picture
    assert isinstance(picture, Values)
    return picture


def proxy(image: DecodedImage) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(image.proxy)).convert("L")).astype(int)


def write_png(path: Path, pixels: np.ndarray, transparent: bytes = b"") -> Path:
    """Write a PNG file of 16 bits a channel, with or without the colour that is transparent."""
    height, width = pixels.shape[:2]
    colour_type = {1: 0, 2: 4, 3: 2, 4: 6}[1 if pixels.ndim == 2 else pixels.shape[2]]
    rows = b"".join(b"\0" + row.tobytes() for row in pixels.astype(">u2"))
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", width, height, 16, colour_type, 0, 0, 0))]
    chunks += [(b"tRNS", transparent)] if transparent else []
    chunks += [(b"IDAT", zlib.compress(rows, 1)), (b"IEND", b"")]
    parts = [
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    ]
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(parts))
    return path


LAYOUTS: dict[str, Callable[[Path], Any]] = {
    "png": lambda path: write_png(path, COLOURS),
    "tiff": lambda path: write_tiff(path, COLOURS),
    "big endian": lambda path: write_tiff(path, COLOURS, order=">"),
    "planes": lambda path: write_tiff(path, COLOURS, is_planar=True),
    "planes, big endian": lambda path: write_tiff(path, COLOURS, is_planar=True, order=">"),
    "unused band": lambda path: write_tiff(path, np.dstack([COLOURS, GREY])),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_colours_of_16_bits_are_read_with_all_their_bits(tmp_path: Path, layout: str) -> None:
    LAYOUTS[layout](tmp_path / "a")
    np.testing.assert_array_equal(values(tmp_path / "a").pixels, COLOURS)
    write_png(tmp_path / "b.png", COLOURS)
    assert decoded(tmp_path / "a").pixel_hash == decoded(tmp_path / "b.png").pixel_hash
    write_png(tmp_path / "other.png", COLOURS ^ 1)
    assert decoded(tmp_path / "other.png").pixel_hash != decoded(tmp_path / "b.png").pixel_hash


def test_dim_colours_are_seen(tmp_path: Path) -> None:
    image = decoded(write_png(tmp_path / "a.png", COLOURS))
    assert image.values == usual_range(Values(COLOURS))
    assert len(np.unique(proxy(image))) > 60
    assert proxy(decoded(tmp_path / "a.png", full_window("uint16 RGB"))).max() < 30


@pytest.mark.parametrize("bands", [2, 4])
def test_alpha_of_16_bits_hides_what_is_under_it(tmp_path: Path, bands: int) -> None:
    pixels = np.dstack([GREY, GREY]) if bands == 2 else np.dstack([COLOURS, GREY])
    pixels[..., -1] = 65535
    pixels[:20, :, -1] = 0
    pixels[:20, :, :-1] = 65535  # does not count for the range
    image = decoded(write_png(tmp_path / "a.png", pixels))
    assert image.values is not None
    assert image.values.high < 40_000
    assert proxy(image)[:16].min() > 240
    assert len(np.unique(proxy(image)[22:])) > 60


def test_premultiplied_colours_are_divided(tmp_path: Path) -> None:
    half = np.full((64, 96), 32_768, np.uint16)
    write_tiff(tmp_path / "a.tif", np.dstack([COLOURS // 2, half]), tags={338: [1]})
    found = values(tmp_path / "a.tif")
    np.testing.assert_allclose(found.pixels.astype(int), COLOURS, atol=2)


@pytest.mark.parametrize(("pixels", "key"), [(GREY, GREY[:1, 0]), (COLOURS, COLOURS[0, 0])])
def test_one_transparent_value_changes_nothing_else(tmp_path: Path, pixels: np.ndarray, key: np.ndarray) -> None:
    write_png(tmp_path / "a.png", pixels, key.astype(">u2").tobytes())
    found = values(tmp_path / "a.png")
    np.testing.assert_array_equal(found.pixels, pixels)
    assert found.alpha is not None
    assert found.alpha[0, 0] == 0
    assert (found.alpha > 0).mean() > 0.9
    assert len(np.unique(proxy(decoded(tmp_path / "a.png")))) > 60


@pytest.mark.parametrize("kind", ["uint16", "int16", "uint32", "int32", "float32"])
def test_grey_of_every_type_is_seen_as_it_is(tmp_path: Path, kind: str) -> None:
    scales = {"uint16": (20_000, 40_000), "int16": (-2_000, 3_000), "uint32": (0, 4e9), "int32": (-2e9, 2e9)}
    low, high = scales.get(kind, (-10.5, 25.0))
    pixels = (low + SCENE * (high - low)).astype(kind)
    image = decoded(write_tiff(tmp_path / "a.tif", pixels, pixels, pixels))
    assert image.note == "the first of 3 pictures in the file"
    assert np.corrcoef(proxy(image).ravel(), SCENE.ravel())[0, 1] > 0.99
    assert len(np.unique(proxy(image))) > 60
    assert (values(tmp_path / "a.tif").pixels == pixels).all()
    assert (
        decoded(write_tiff(tmp_path / "b.tif", pixels, order=">" if kind[0] != "u" else "<")).pixel_hash
        == image.pixel_hash
    )


def test_signed_bytes_are_no_unsigned_ones(tmp_path: Path) -> None:
    image = decoded(write_tiff(tmp_path / "a.tif", (200 * SCENE - 100).astype(np.int8)))
    assert np.corrcoef(proxy(image).ravel(), SCENE.ravel())[0, 1] > 0.99


def test_min_is_white_is_seen_the_other_way_round(tmp_path: Path) -> None:
    image = decoded(write_tiff(tmp_path / "a.tif", GREY, tags={262: 0}), Window(29_000, 33_000))
    other = decoded(write_tiff(tmp_path / "b.tif", GREY), Window(29_000, 33_000))
    assert np.corrcoef(proxy(image).ravel(), proxy(other).ravel())[0, 1] < -0.99
    pictures = [load_image(tmp_path / name, max_pixels=LIMIT) for name in ("a.tif", "b.tif")]
    np.testing.assert_allclose(255 - np.asarray(pictures[0]).astype(int), np.asarray(pictures[1]), atol=1)
    write_png(tmp_path / "c.png", 65535 - GREY)
    assert image.pixel_hash == decoded(tmp_path / "c.png").pixel_hash != other.pixel_hash


@pytest.mark.parametrize("nothing", [-9999, -32768, np.nan, -3.4028235e38, np.inf, 12_345])
def test_what_stands_for_no_data_does_not_count(tmp_path: Path, nothing: float) -> None:
    pixels = (100 + 50 * SCENE).astype(np.float32)
    pixels[:30] = nothing
    tags: dict[int, int | bytes] = {42113: b"12345"} if nothing == 12_345 else {}
    image = decoded(write_tiff(tmp_path / "a.tif", pixels, tags=tags))
    assert image.values is not None
    assert 100 < image.values.low < image.values.high < 150
    assert proxy(image)[:28].max() < 8
    assert len(np.unique(proxy(image)[32:])) > 60
    pixels[:] = nothing
    assert decoded(write_tiff(tmp_path / "b.tif", pixels, tags=tags)).values is None


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("dtype", ["u2", "i2", "i4", "f4"])
@pytest.mark.parametrize("is_compressed", [False, True])
def test_values_are_the_same_in_either_order_of_bytes(
    tmp_path: Path, order: str, dtype: str, is_compressed: bool
) -> None:
    """libtiff brings what is compressed in the machine's order; ImageJ and others write the other one."""
    pixels = (GREY.astype(int) - (0 if dtype == "u2" else 20_000)).astype(dtype)
    path = write_tiff(tmp_path / "a.tif", pixels, order=order, is_compressed=is_compressed)
    assert np.array_equal(values(path).pixels, pixels)


@pytest.mark.parametrize("scale", [1, 257])
def test_a_palette_of_8_bits_in_the_place_of_16_is_seen_in_its_colours(tmp_path: Path, scale: int) -> None:
    places = (16 * SCENE).astype(np.uint8)
    colours = np.random.default_rng(1).integers(20, 256, (3, 256))
    write_tiff(tmp_path / "a.tif", places, tags={262: 3, 320: (scale * colours).ravel().tolist()})
    picture = np.asarray(load_image(tmp_path / "a.tif", max_pixels=LIMIT))
    assert np.array_equal(picture, colours.T[places])


def test_inks_of_16_bits_have_their_own_scale(tmp_path: Path) -> None:
    inks = np.dstack([COLOURS, np.zeros_like(GREY)])
    image = decoded(write_tiff(tmp_path / "a.tif", inks, tags={262: 5, 338: []}))
    assert proxy(image).min() > 200
    inks[0, 0, 0] ^= 1
    other = decoded(write_tiff(tmp_path / "b.tif", inks, tags={262: 5, 338: []}))
    assert image.pixel_hash != other.pixel_hash


UNSUPPORTED = {
    "5 bands of 16 bits": lambda path: write_tiff(path, np.dstack([GREY] * 5), tags={262: 1, 338: [0] * 4}),
    "3 RGB bands of 32 floating point bits": lambda path: write_tiff(path, np.dstack([SCENE] * 3).astype(np.float32)),
    "1 band of 64 floating point bits": lambda path: write_tiff(path, SCENE),
    "compressed by LERC": lambda path: write_tiff(path, GREY, tags={259: 34887}),
    "compressed by JPEG 2000": lambda path: write_tiff(path, GREY, tags={259: 34712}),
    "compressed by WebP": lambda path: write_tiff(path, COLOURS.astype(np.uint8), tags={259: 50001}),
    "Lab bands of 16 bits": lambda path: write_tiff(path, COLOURS, tags={262: 8}),
}


@pytest.mark.parametrize("words", UNSUPPORTED)
def test_what_is_not_read_as_it_is_meant_is_unsupported(
    tmp_path: Path, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tiff, "is_read_otherwise", lambda: False)
    UNSUPPORTED[words](tmp_path / "a.tif")
    with pytest.raises(UnsupportedImageError, match=words) as caught:
        decoded(tmp_path / "a.tif")
    assert "convert it to grey or RGB of 8 or 16 bits, or `pip install tifffile imagecodecs`" in str(caught.value)


def test_damage_is_not_taken_for_a_kind_of_file(tmp_path: Path) -> None:
    content = write_tiff(tmp_path / "a.tif", GREY).read_bytes()
    for damaged in (content[:30], content[:200], content[:4] + b"\xff\xff\xff\x00" + content[8:]):
        (tmp_path / "b.tif").write_bytes(damaged)
        with pytest.raises(UndecodableImageError) as caught:
            decoded(tmp_path / "b.tif")
        assert not isinstance(caught.value, UnsupportedImageError)


def test_the_whole_picture_counts_not_a_reduced_one(tmp_path: Path) -> None:
    image = decoded(write_tiff(tmp_path / "a.tif", GREY[::2, ::2], GREY, reduced=(0,)))
    assert (image.width, image.height) == (96, 64)
    np.testing.assert_array_equal(values(tmp_path / "a.tif").pixels, GREY)


def _write(content: bytes) -> Callable[[Path], Any]:
    return lambda path: path.write_bytes(content)


@pytest.mark.parametrize(
    "write",
    [
        lambda path: write_tiff(path, COLOURS.astype(np.uint8), reduced=(0,)),
        lambda path: write_tiff(path, COLOURS.astype(np.uint8), tags={50706: 1}),
        lambda path: write_tiff(path, GREY, tags={262: 32803}),
        _write(b"FUJIFILMCCD-RAW 0201"),
        _write(b"\0\0\0\x18ftypcrx \0\0\0\1"),
    ],
)
def test_the_preview_of_a_raw_file_is_not_its_photograph(
    tmp_path: Path, write: Callable[[Path], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(raw_photos, "is_installed", lambda: False)
    write(tmp_path / "a.dng")
    with pytest.raises(UnsupportedImageError, match=r"RAW files of cameras.*pip install rawpy"):
        decoded(tmp_path / "a.dng")
    developed = Image.new("RGB", (30, 20), "red")
    monkeypatch.setattr(raw_photos, "is_installed", lambda: True)
    monkeypatch.setattr(raw_photos, "develop", lambda *_: developed)
    assert decoded(tmp_path / "a.dng").width == 30


def test_a_preview_is_recognised_by_the_cameras_mark(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(raw_photos, "is_installed", lambda: False)
    content = write_tiff(tmp_path / "a.cr2", COLOURS.astype(np.uint8)).read_bytes()
    assert decoded(tmp_path / "a.cr2").width == 96
    (tmp_path / "a.cr2").write_bytes(content[:8] + b"CR\2\0" + content[12:])
    with pytest.raises(UnsupportedImageError):
        decoded(tmp_path / "a.cr2")


def test_rawpy_develops_the_photograph(tmp_path: Path) -> None:
    pytest.importorskip("rawpy", reason="needs the package of the extra `raw`")
    tifffile = pytest.importorskip("tifffile", reason="needs the packages of the extra `tiff`")
    mosaic = np.rint(40_000 * SCENE).astype(np.uint16)
    pattern = [(33421, "H", 2, (2, 2), True), (33422, "B", 4, b"\0\1\1\2", True), (50706, "B", 4, b"\1\4\0\0", True)]
    camera = [(271, "s", 0, "Own", True), (272, "s", 0, "Own", True), (50708, "s", 0, "Own", True)]
    tifffile.imwrite(tmp_path / "a.dng", mosaic, photometric=32803, metadata=None, extratags=pattern + camera)
    picture = load_image(tmp_path / "a.dng", max_pixels=LIMIT)
    assert picture.size == (96, 64)
    assert np.corrcoef(np.asarray(picture.convert("L")).ravel(), SCENE.ravel())[0, 1] > 0.9
    with pytest.raises(UndecodableImageError, match="more than"):
        load_image(tmp_path / "a.dng", max_pixels=10)
    content = (tmp_path / "a.dng").read_bytes()
    (tmp_path / "c.dng").write_bytes(content[: len(content) // 2])
    with pytest.raises(UndecodableImageError, match="damaged RAW file: Input/output error"):
        decoded(tmp_path / "c.dng")
    (tmp_path / "b.raf").write_bytes(b"FUJIFILMCCD-RAW" + bytes(100))
    with pytest.raises(UnsupportedImageError, match="LibRaw does not know it"):
        decoded(tmp_path / "b.raf")


def test_colours_in_lab_become_rgb(tmp_path: Path) -> None:
    lab = np.full((40, 40, 3), [128, 40, 236], np.uint8)  # L* 50.2, a* 40, b* -20
    write_tiff(tmp_path / "a.tif", lab, tags={262: 8})
    picture = load_image(tmp_path / "a.tif", max_pixels=LIMIT)
    np.testing.assert_allclose(np.asarray(picture)[5, 5].astype(int), [171, 91, 155], atol=2)


def test_a_window_without_width_and_one_beyond_the_values(tmp_path: Path) -> None:
    write_png(tmp_path / "a.png", np.full((40, 40), 7, np.uint16))
    assert proxy(decoded(tmp_path / "a.png")).max() == 0
    image = decoded(write_png(tmp_path / "b.png", GREY), Window(0, 100))
    assert image.note == "100% of its values lie beyond 0 to 100 (clean.value_window)"
    assert proxy(image).min() == 255
    assert decoded(tmp_path / "b.png").note == ""


def test_looking_16_bit_values_up_gives_what_computing_does() -> None:
    large = RNG.integers(0, 2**16, (300, 300), dtype=np.uint16)
    picture = Values(large, nodata=40_000.0, is_inverted=True)
    parts = [
        np.asarray(seen(Values(large[start : start + 50], nodata=40_000.0, is_inverted=True), Window(100, 60_000)))
        for start in range(0, 300, 50)
    ]
    np.testing.assert_array_equal(np.asarray(seen(picture, Window(100, 60_000))), np.vstack(parts))
    computed = np.clip(255.5 - (large - 100.0) * (255 / 59_900), 0, 255).astype(np.uint8)
    np.testing.assert_array_equal(np.vstack(parts)[large != 40_000], computed[large != 40_000])


@pytest.mark.parametrize("orientation", range(1, 9))
def test_values_are_turned_upright(tmp_path: Path, orientation: int) -> None:
    write_tiff(tmp_path / "a.tif", GREY, tags={274: orientation})
    write_tiff(tmp_path / "b.tif", COLOURS, tags={274: orientation})
    for name, pixels in (("a.tif", GREY), ("b.tif", COLOURS)):
        narrow = (pixels - pixels.min() if pixels.ndim == 2 else pixels >> 5).clip(0, 255).astype(np.uint8)
        Image.fromarray(narrow).save(tmp_path / "8.tif", tiffinfo={274: orientation})
        upright = load_image(tmp_path / "8.tif", max_pixels=LIMIT)
        low = int(pixels.min()) if pixels.ndim == 2 else 0
        window = Window(low, low + 255) if pixels.ndim == 2 else Window(0, 255 * 32)
        found = load_image(tmp_path / name, max_pixels=LIMIT, window_of=lambda _, window=window: window)  # type: ignore[misc]
        np.testing.assert_allclose(
            np.asarray(found.convert("RGB")).astype(int), np.asarray(upright).astype(int), atol=1
        )
    turned = load_image(tmp_path / "a.tif", max_pixels=LIMIT, keeps_16_bits=True)
    write_png(tmp_path / "upright.png", np.asarray(turned))
    assert decoded(tmp_path / "a.tif").pixel_hash == decoded(tmp_path / "upright.png").pixel_hash


def test_a_hash_of_former_versions_is_still_that_of_the_image(tmp_path: Path) -> None:
    path = write_png(tmp_path / "a.png", COLOURS)
    with Image.open(path) as opened:
        known = former_hash(opened, 1)
    assert known != decoded(path).pixel_hash
    assert decoded(path, known_hash=known).pixel_hash == known
    assert decoded(path, known_hash="0" * 32).pixel_hash == decoded(path).pixel_hash
    assert load_image(path, max_pixels=LIMIT, pixel_hash=known).size == (96, 64)
    with pytest.raises(UndecodableImageError, match="another image than before"):
        load_image(path, max_pixels=LIMIT, pixel_hash="0" * 32)


def test_tifffile_reads_what_pillow_cannot(tmp_path: Path) -> None:
    tifffile = pytest.importorskip("tifffile", reason="needs the packages of the extra `tiff`")
    write_tiff(tmp_path / "a.tif", SCENE, SCENE)
    image = decoded(tmp_path / "a.tif")
    assert image.note == "the first of 2 pictures in the file"
    assert np.corrcoef(proxy(image).ravel(), SCENE.ravel())[0, 1] > 0.99
    write_tiff(tmp_path / "b.tif", np.dstack([SCENE] * 3).astype(np.float32), is_planar=True)
    assert values(tmp_path / "b.tif").pixels.shape == (64, 96, 3)
    UNSUPPORTED["5 bands of 16 bits"](tmp_path / "c.tif")
    with pytest.raises(UnsupportedImageError, match=r"5 bands of 16 bits.*8 or 16 bits$"):
        decoded(tmp_path / "c.tif")
    tifffile.imwrite(tmp_path / "d.tif", GREY[..., None].repeat(2, 2), photometric="minisblack", extrasamples=[2])
    assert values(tmp_path / "d.tif").alpha is not None
